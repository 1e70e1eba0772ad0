"""What the scope of an ASGI server's WebSocket says, and its refusal."""

from http.client import responses
from urllib.parse import quote

from django.core.handlers.asgi import get_script_prefix

from .request import RequestHead


def head_of(scope):
    """
    Return the handshake's request. Raise Refused if it's none to serve.

    The server has decoded the path (WWW, "Websocket Connection Scope"); the
    raw one is optional there. What is below FORCE_SCRIPT_NAME, or ``root_path``,
    counts, as it does for requests.
    """
    path = scope["path"]
    root = get_script_prefix(scope).rstrip("/")
    if root and (path == root or path.startswith(f"{root}/")):
        path = path[len(root) :] or "/"
    # Bytes that aren't UTF-8 may be surrogates.
    target = quote(path.encode("utf-8", "surrogateescape"))
    query = (scope.get("query_string") or b"").decode("latin-1")
    if query:
        target = f"{target}?{query}"
    head = RequestHead("GET", target, "1.1", scope["headers"])
    # Over HTTP/2 (RFC 8441) the same rules hold for the headers.
    head.http_version = scope.get("http_version", "1.1")
    return head


class Connection:
    """What a connection scope says, as Sockets.take_over() asks for it."""

    def __init__(self, scope):
        self.server = _address(scope.get("server"))
        self.status = None
        self.socket = None
        self._client = _address(scope.get("client"))
        self._scheme = "https" if scope.get("scheme") == "wss" else "http"
        self._extensions = scope.get("extensions") or {}
        version = scope.get("asgi", {}).get("spec_version", "2.0")
        self.takes_reason = _numbers(version) >= (2, 3)

    def seen(self, head):
        return self._client, self._scheme

    def refuse_upgrade(self, status):
        self.status = status

    def hand_over(self, socket, data):
        self.socket = socket

    def refusal(self, status):
        """
        Return the events that refuse the handshake: a response with this
        status where the server has the extension "Websocket Denial Response",
        otherwise a close, which it answers with 403.
        """
        if "websocket.http.response" not in self._extensions:
            return [{"type": "websocket.close"}]
        body = f"{status} {responses.get(status, 'Unknown')}\n".encode()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
        ]
        if status == 503:
            headers.append((b"retry-after", b"1"))
        return [
            {
                "type": "websocket.http.response.start",
                "status": status,
                "headers": headers,
            },
            {"type": "websocket.http.response.body", "body": body},
        ]


def _address(found):
    """Return a scope's address as messages have it."""
    if not found:
        return ["", 0]
    host, port = found
    return [host, int(port or 0)]


def _numbers(version):
    return tuple(int(part) for part in version.split(".") if part.isdigit())
