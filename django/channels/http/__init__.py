"""
A request and a response as messages.

The content of an ``http.request`` message:

``method``, ``scheme``, ``http_version``
    "GET", "https", "1.1".
``path``, ``script_name``, ``query_string``
    The path below the script name, percent-decoded as UTF-8 (bytes that aren't
    UTF-8 as lone surrogates, PEP 383); the script name; the query string as sent.
``headers``
    A list of [name, value]; names in lower case, values decoded as ISO 8859-1.
``client``, ``server``
    [host, port] of the peer (port 0 where unknown) and of this end.
``body``
    The whole body, bytes.
``extra``
    What the WSGI server or the test client added to the environment besides,
    where it is text (REMOTE_USER, …); not what wsgiref adds of the process's
    environment.
``asgi``
    True where the request came in through ASGI: it's an ASGIRequest again, and
    its middleware runs on an event loop. Middleware may tell it by both, as
    that of remote users does. Else the key is absent.

The content of its reply: ``status`` (int), ``headers`` (a list of [name,
value], cookies among them as Set-Cookie; a value of None says that there is no
such header, not even Content-Type), ``content`` (bytes), and ``more_content``,
True where a further message with ``content`` follows. A response with a reason
phrase of its own has it as ``reason`` (str).
"""

from .request import SERVED, decode_request, encode_request, environment, scope
from .response import decode_response, encode_head, encode_response

__all__ = [
    "SERVED",
    "decode_request",
    "decode_response",
    "encode_head",
    "encode_request",
    "encode_response",
    "environment",
    "scope",
]
