"""A request as the content of a message, and back."""

import sys
from io import BytesIO

from ..exceptions import InvalidMessage

# In a request's environment: it was on ``http.request`` already.
SERVED = "django.channels.served"

# Environment keys that other keys of the content stand for.
_DERIVED = frozenset(
    {
        "CONTENT_LENGTH",
        "CONTENT_TYPE",
        "PATH_INFO",
        "QUERY_STRING",
        "REMOTE_ADDR",
        "REMOTE_PORT",
        "REQUEST_METHOD",
        "SCRIPT_NAME",
        "SERVER_NAME",
        "SERVER_PORT",
        "SERVER_PROTOCOL",
    }
)


def encode_request(request, body=None):
    """
    Return the content for an HttpRequest that came in through WSGI or ASGI.
    ``body`` is the part of the body to send, by default the whole. Raise
    InvalidMessage where that was already read from the stream.
    """
    # The handlers import this module.
    from django.core.handlers.asgi import ASGIRequest

    meta = request.META
    own = _process_environment(meta)
    if body is None:
        body = _read_body(request)
    headers = [
        [key[5:].replace("_", "-").lower(), value]
        for key, value in meta.items()
        if key.startswith("HTTP_") and isinstance(value, str) and own.get(key) != value
    ]
    for key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if meta.get(key) not in (None, ""):
            headers.append([key.replace("_", "-").lower(), str(meta[key])])
    protocol = meta.get("SERVER_PROTOCOL", "HTTP/1.1").removeprefix("HTTP/")
    asgi = {}
    if isinstance(request, ASGIRequest):
        protocol = request.scope.get("http_version", protocol)
        asgi = {"asgi": True, "full_path": request.path}
    return {
        "method": request.method,
        "scheme": request.scheme,
        "http_version": protocol,
        "path": request.path_info,
        "script_name": meta.get("SCRIPT_NAME", ""),
        "query_string": meta.get("QUERY_STRING", ""),
        "headers": headers,
        "client": [meta.get("REMOTE_ADDR", ""), _port(meta.get("REMOTE_PORT"))],
        "server": [meta.get("SERVER_NAME", ""), _port(meta.get("SERVER_PORT"))],
        "body": body,
        "extra": {
            key: value
            for key, value in meta.items()
            if isinstance(value, str)
            and key not in _DERIVED
            and own.get(key) != value
            and not key.startswith(("HTTP_", "wsgi."))
        },
        **asgi,
    }


def _process_environment(environ):
    """
    Return what the server may have added of the process's environment, which
    may hold passwords, and says nothing about a request. PEP 3333 lets any do
    it; wsgiref does. In CGI it's all the request's.
    """
    wsgiref = sys.modules.get("wsgiref.handlers")
    if wsgiref is None or environ.get("wsgi.run_once"):
        return {}
    return wsgiref.BaseHandler.os_environ


def _read_body(request):
    """
    Return the whole body, which the request has from then on, too. The limits
    of DATA_UPLOAD_MAX_MEMORY_SIZE are for whoever parses it.
    """
    if not hasattr(request, "_body"):
        if request._read_started:
            raise InvalidMessage(
                "The message's key 'body' can't be filled: a form with files was "
                "already read from the request. Handle the channel with "
                "view_consumer() in the same process, or forward the request before "
                "request.POST is read."
            )
        request._body = request.read()
        request._stream = BytesIO(request._body)
    return request._body


def environment(content, body_file=None):
    """
    Return the WSGI environment (PEP 3333) for the content. ``body_file``, an
    open file, is read in place of ``content["body"]``.
    """
    path = content["path"]
    server = content["server"]
    client = content["client"]
    scheme = content["scheme"]
    environ = {
        "REQUEST_METHOD": content["method"],
        "SCRIPT_NAME": _wsgi_text(content.get("script_name", "")),
        "PATH_INFO": _wsgi_text(path),
        "QUERY_STRING": content["query_string"],
        "SERVER_PROTOCOL": "HTTP/" + content["http_version"],
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if scheme == "https":
        environ["HTTPS"] = "on"
    extra = content.get("extra")
    if extra:
        environ.update(extra)
    for name, value in content["headers"]:
        key = _environment_keys.get(name) or _environment_key(name)
        if key in environ:
            # RFC 9110 section 5.3, and for cookies RFC 6265 section 5.4.
            value = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + value
        environ[key] = value
    if body_file is None:
        body = content["body"]
        environ["wsgi.input"] = BytesIO(body)
        if body and "CONTENT_LENGTH" not in environ:
            environ["CONTENT_LENGTH"] = str(len(body))
    else:
        environ["wsgi.input"] = body_file
        if "CONTENT_LENGTH" not in environ:
            # A chunked body, of which only the file knows the length.
            environ["CONTENT_LENGTH"] = str(body_file.seek(0, 2))
            body_file.seek(0)
    return environ


def scope(content):
    """Return the scope (ASGI's "HTTP Connection Scope") for the content."""
    root = content.get("script_name", "")
    # A proxy may have taken away what the script name says.
    path = content.get("full_path", root.rstrip("/") + content["path"])
    return {
        "type": "http",
        "http_version": content["http_version"],
        "method": content["method"],
        "scheme": content["scheme"],
        "path": path,
        "root_path": root,
        "query_string": content["query_string"].encode(),
        "headers": [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in content["headers"]
        ],
        "client": content["client"],
        "server": content["server"],
    }


def decode_request(content, body_file=None):
    """
    Return the WSGIRequest for the content of an ``http.request`` message, or
    the ASGIRequest if it came in through ASGI.
    """
    # The handlers import this module.
    from django.core.handlers.asgi import ASGIRequest
    from django.core.handlers.wsgi import WSGIRequest

    if not content.get("asgi"):
        return WSGIRequest(environment(content, body_file))
    if body_file is None:
        body_file = BytesIO(content["body"])
    request = ASGIRequest(scope(content), body_file)
    for name, value in content.get("extra", {}).items():
        request.META.setdefault(name, value)
    return request


def _port(value):
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def _wsgi_text(text):
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("iso-8859-1")


# Environment keys of the header names met so far; bounded, since names come
# from the peer.
_environment_keys = {
    "content-type": "CONTENT_TYPE",
    "content-length": "CONTENT_LENGTH",
}


def _environment_key(name):
    key = "HTTP_" + name.upper().replace("-", "_")
    if len(_environment_keys) < 500 and len(name) < 100:
        _environment_keys[name] = key
    return key
