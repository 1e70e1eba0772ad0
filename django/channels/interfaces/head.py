"""
The bytes of a response before its body, and how the body is delimited.

A response's body ends in one of four ways (RFC 9112 section 6.3): there is
none, its length is stated, it is chunked, or the connection's end ends it.
"""

import re
import time
from email.utils import formatdate
from functools import lru_cache
from http.client import responses

from django.http.response import HttpResponseBase

# What no line of a header may hold, such as a null, but for a tab.
_control_re = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

# How the end of a body is told.
NONE, LENGTH, CHUNKED, UNTIL_CLOSE = "none", "length", "chunked", "until close"

SERVER = "Server: Django\r\n"
LAST_CHUNK = b"0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

# Headers about the connection are the server's to send (RFC 9110 section
# 7.6.1), not an application's.
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade"})

# Those that change what the server adds.
_SPECIAL = HOP_BY_HOP | {"content-length", "date", "server"}


class Head:
    """
    What is sent before a response's body.

    ``framing`` is one of this module's four words, ``length`` the stated
    length in bytes or None, ``close`` whether the connection ends with the
    response.
    """

    __slots__ = ("data", "framing", "length", "close")

    def __init__(self, data, framing, length, close):
        self.data = data
        self.framing = framing
        self.length = length
        self.close = close


def response_head(response, *, method, http_version, keep_alive, size=None):
    """
    Return the Head of a Django response.

    ``http_version`` and ``keep_alive`` are the request's: "1.0" or "1.1", and
    whether its client is willing to go on. ``size`` is the length of the body
    in bytes where it's known.
    """
    status = response.status_code
    if status < 200:
        # The client would wait for another, and take the next request's for it.
        raise ValueError(f"A response's status can't be {status}: it must be final.")
    lines, stated, close, given = _own_lines(response)
    close = close or not keep_alive
    if status == 204:
        framing, length = NONE, None
    elif method == "HEAD" or status == 304:
        # The length that GET would have; an answer without content may just
        # have left it out (RFC 9110 section 9.3.2), so that 0 says nothing.
        framing, length = NONE, stated or None
        if length is None and status != 304:
            length = size or None
    elif size is not None:
        framing, length = LENGTH, size
    elif stated is not None:
        framing, length = LENGTH, stated
    elif http_version == "1.1":
        framing, length = CHUNKED, None
    else:
        framing, length = UNTIL_CLOSE, None
        close = True
    if length is not None:
        lines += f"Content-Length: {length}\r\n"
    elif framing is CHUNKED:
        lines += "Transfer-Encoding: chunked\r\n"
    if close:
        lines += "Connection: close\r\n"
    elif http_version == "1.0":
        lines += "Connection: keep-alive\r\n"
    if "date" not in given:
        lines += date_line()
    if "server" not in given:
        lines += SERVER
    start = status_line(status, response.reason_phrase)
    data = f"{start}{lines}\r\n".encode("latin-1")
    return Head(data, framing, length, close)


@lru_cache(maxsize=64)
def status_line(status, reason=None):
    """Return a status line; line breaks in ``reason`` become spaces."""
    if reason is None:
        reason = responses.get(status, "Unknown")
    if "\n" in reason or "\r" in reason:
        reason = " ".join(reason.split())
    return f"HTTP/1.1 {status} {reason}\r\n"


def error_response(status, *, close, headers=(), head=False):
    """
    Return the whole of a response the server makes by itself: a status, its
    words as text, and ``headers``, a sequence of (name, value).
    """
    body = f"{status} {responses.get(status, 'Unknown')}\n"
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return (
        f"{status_line(status)}Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n{extra}"
        f"{'Connection: close' if close else 'Connection: keep-alive'}\r\n"
        f"{date_line()}{SERVER}\r\n{'' if head else body}"
    ).encode("latin-1")


def chunk(data):
    """Return ``data``, at least one byte, as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def date_line():
    """Return the Date header of now, made once a second."""
    global _date
    now = int(time.time())
    made, line = _date
    if made != now:
        line = f"Date: {formatdate(now, usegmt=True)}\r\n"
        _date = now, line
    return line


_date = 0, ""


def _own_lines(response):
    """
    Return the lines of the response's own headers and cookies, the length
    they state or None, whether they close the connection, and whichever of
    "date" and "server" are among them. Raise ValueError for what no line may hold.
    """
    if type(response).items is HttpResponseBase.items:
        # What items() makes its pairs of. All are str, and mostly a view's
        # responses have them in common.
        own = _lines_of(tuple(response.headers._store.items()))
    else:
        pairs = [(name.lower(), (name, value)) for name, value in response.items()]
        own = _lines_of.__wrapped__(pairs)
    if response.cookies:
        cookies = response.cookies.values()
        lines = _joined([f"Set-Cookie: {cookie.OutputString()}" for cookie in cookies])
        return own[0] + lines, *own[1:]
    return own


@lru_cache(maxsize=256)
def _lines_of(headers):
    """
    Do what _own_lines() does, for pairs of a lower-case name and what its line
    says. It's half of a small response's head to do it again.
    """
    lines = []
    stated = None
    close = False
    given = ()
    for lower, (name, value) in headers:
        if lower in _SPECIAL:
            if lower == "content-length":
                number = value.isascii() and value.isdigit()
                stated = int(value) if number else None
                continue
            if lower in HOP_BY_HOP:
                close = close or (lower == "connection" and _says_close(value))
                continue
            given = (*given, lower)
        lines.append(f"{name}: {value}")
    return _joined(lines), stated, close, given


def _joined(lines):
    text = "".join(lines)
    # Mostly true, and sooner found than that there are others, such as a tab.
    if not text.isprintable() and _control_re.search(text):
        # RFC 9110 section 5.5. Django's responses have no line break; nor may what
        # is made in another way.
        raise ValueError("A response's header has a control character in it.")
    return "".join([f"{line}\r\n" for line in lines])


def _says_close(value):
    return "close" in [option.strip().lower() for option in value.split(",")]
