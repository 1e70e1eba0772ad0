"""May a request become a WebSocket, and what its consumers are told of it."""

import re
from urllib.parse import urlsplit

from django.conf import settings
from django.http import parse_cookie
from django.http.request import split_domain_port, validate_host

from .request import Refused, decode_path, split_target

# Keys of connect that go with every message of the connection, since workers
# keep nothing.
SCOPE = (
    "reply_channel",
    "path",
    "query_string",
    "headers",
    "cookies",
    "client",
)

# The headers that decide whether a handshake holds, as most clients send them.
_USUAL = {
    name: re.compile(pattern, re.ASCII)
    for name, pattern in {
        "host": r"[\w.-]+(:[0-9]{1,5})?",
        "origin": r"(https?://[\w.-]+(:[0-9]{1,4})?)?",
        "sec-websocket-extensions": r"(permessage-deflate(; client_max_window_bits)?)?",
        "sec-websocket-key": r"[A-Za-z0-9+/]{22}==",
        "sec-websocket-protocol": r"([\w.-]+)?",
        "sec-websocket-version": "13",
    }.items()
}

LOCAL_HOSTS = [".localhost", "127.0.0.1", "[::1]"]


class HostNotAllowed(Refused):
    """Raised when the Host header isn't in ALLOWED_HOSTS: status 400."""

    def __init__(self, host):
        super().__init__(400)
        self.host = host


class OriginNotAllowed(Refused):
    """
    Raised when a page of a site that isn't in ALLOWED_HOSTS opens the socket,
    or a page that anybody on the way could have changed: status 403.
    """

    def __init__(self, origin):
        super().__init__(403)
        self.origin = origin


def check_handshake(head, secure=False):
    """
    Raise HostNotAllowed or OriginNotAllowed, or Refused, if the request must not
    become a WebSocket.

    Browsers let any page open a WebSocket to any host and send the host's
    cookies along (RFC 6455 section 10.2); what tells a foreign page is its
    Origin. Clients that aren't browsers send none. A page that came without
    TLS may not open a ``secure`` socket, as it may send no form there.
    """
    host = head.get("host", "")
    if settings.USE_X_FORWARDED_HOST:
        host = head.get("x-forwarded-host", host)
    if not is_allowed(host):
        raise HostNotAllowed(host)
    if not head.get("sec-websocket-protocol", "").isascii():
        # A server that reads it in another way than this module would have no
        # answer to the consumer's choice.
        raise Refused(400)
    origin = head.get("origin")
    if origin is None:
        return
    try:
        parts = urlsplit(origin)
        schemes = ("https",) if secure else ("http", "https")
        known = parts.scheme in schemes and is_allowed(parts.netloc)
    except ValueError:
        known = False
    if not known:
        raise OriginNotAllowed(origin)


def is_allowed(host):
    """Tell whether ALLOWED_HOSTS has the host, given with or without port."""
    allowed = settings.ALLOWED_HOSTS
    if settings.DEBUG and not allowed:
        allowed = LOCAL_HOSTS
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


def connect_content(head, *, reply_channel, scheme, client, server):
    """Return the content of connect for a handshake request."""
    raw_path, query_string = split_target(head.target)
    protocols = head.get("sec-websocket-protocol", "")
    # HTTP/2 splits them into headers of their own (RFC 9113 section 8.2.3).
    cookies = [value for name, value in head.headers if name == "cookie"]
    return {
        "reply_channel": reply_channel,
        "method": head.method,
        "http_version": head.http_version,
        "scheme": "wss" if scheme == "https" else "ws",
        "path": decode_path(raw_path),
        "query_string": query_string,
        "headers": head.headers,
        "cookies": parse_cookie("; ".join(cookies)),
        "client": client,
        "server": server,
        "origin": head.get("origin"),
        "subprotocols": [p.strip() for p in protocols.split(",") if p.strip()],
    }


def scope_of(content):
    """Return the part of connect's content that goes with every message."""
    return {key: content[key] for key in SCOPE}


def usual_key(content):
    """
    Return the Sec-WebSocket-Key of a handshake that holds, whose headers are as
    most clients send them; None if it needs a closer look. ``content`` is that
    of connect.
    """
    found = {}
    for name, value in content["headers"]:
        if name in _USUAL:
            if name in found:
                return None
            found[name] = value
    for name, pattern in _USUAL.items():
        if pattern.fullmatch(found.get(name, "")) is None:
            return None
    return None if content["path"].startswith("//") else found["sec-websocket-key"]
