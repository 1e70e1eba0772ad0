"""What the client's ends of WebSockets in tests share, sync and async."""

import json
from base64 import b64encode
from urllib.parse import urlsplit

from django.channels.interfaces.conversation import OPEN
from django.utils.encoding import iri_to_uri
from django.utils.http import urlencode

from .edge import Edge

# Tells unittest to leave the frames of this module out of tracebacks.
__unittest = True

MESSAGE_TOO_BIG = 1009
KEY = b64encode(b"a test's own key").decode()

# How long a worker's thread may be at one of the socket's messages, in seconds.
PATIENCE = 10


class BaseWebSocket:
    """
    What both kinds of sockets share. The arguments are those of the client's
    ``websocket()``; ``extra`` is that of its other methods.
    """

    def __init__(
        self,
        client,
        path,
        *,
        headers=None,
        subprotocols=(),
        query_params=None,
        secure=False,
        **extra,
    ):
        self.path = path
        self._client = client
        self._taken = []
        self._errors = []
        if query_params:
            extra["QUERY_STRING"] = urlencode(query_params, doseq=True)
        environ = {**client.defaults, **extra}
        # As the client's other methods read it.
        parsed = urlsplit(str(path))
        query = extra.get("QUERY_STRING") or parsed.query
        self._target = iri_to_uri(f"{parsed.path}?{query}" if query else parsed.path)
        self._headers = self._request_headers(environ, headers or {}, subprotocols)
        self._edge = Edge(secure, [environ.get("REMOTE_ADDR", "127.0.0.1"), 0])

    def __repr__(self):
        return f"<{type(self).__name__} {self.path}>"

    @property
    def response(self):
        """The answer to the handshake: status 101 if it was accepted."""
        return self._edge.response

    @property
    def status_code(self):
        return self._edge.status

    @property
    def accepted(self):
        return self._edge.status == 101

    @property
    def subprotocol(self):
        """The subprotocol that was chosen, or None."""
        return self._edge.subprotocol

    @property
    def closed(self):
        return self._edge.close_code is not None

    @property
    def close_code(self):
        """The code with which either side has closed it, or None."""
        return self._edge.close_code

    @property
    def close_reason(self):
        return self._edge.close_reason

    def _request_headers(self, environ, headers, subprotocols):
        """Return the handshake's headers as pairs of bytes."""
        sent = {
            "host": environ.get("SERVER_NAME", "testserver"),
            "upgrade": "websocket",
            "connection": "Upgrade",
            "sec-websocket-version": "13",
            "sec-websocket-key": KEY,
        }
        cookies = self._client.cookies.values()
        if cookies:
            sent["cookie"] = "; ".join(f"{c.key}={c.coded_value}" for c in cookies)
        if subprotocols:
            sent["sec-websocket-protocol"] = ", ".join(subprotocols)
        for name, value in environ.items():
            if name.startswith("HTTP_"):
                sent[name[5:].replace("_", "-").lower()] = value
        for name, value in headers.items():
            sent[name.lower()] = value
        return [
            (k.encode("latin-1"), str(v).encode("latin-1")) for k, v in sent.items()
        ]

    @property
    def _is_open(self):
        conversation = self._edge.conversation
        return conversation is not None and conversation.state == OPEN

    def _send(self, content):
        if not isinstance(content, (str, bytes)):
            raise TypeError(
                f"A WebSocket carries str or bytes, not {type(content).__name__}; "
                f"send_json() sends other values."
            )
        if not self._is_open:
            raise AssertionError(f"Nothing can be sent: {self._state()}")
        edge = self._edge
        size = len(content.encode() if isinstance(content, str) else content)
        if size > edge.sockets.limits.message_size:
            edge.hang_up(MESSAGE_TOO_BIG, "")
        else:
            edge.enter(edge.conversation.received, content, isinstance(content, bytes))

    def _close(self, code, reason):
        if self._is_open:
            self._edge.hang_up(code, reason)

    def _ran(self, error):
        """A consumer has finished, and raised ``error`` or None."""
        raises = self._client.raise_request_exception
        if error is not None and (raises or not isinstance(error, Exception)):
            self._errors.append(error)

    def _raise(self):
        errors, self._errors = self._errors, []
        if errors:
            raise errors[0]

    def _take(self, timeout):
        if self._edge.inbox:
            self._taken.append(self._edge.inbox.pop(0))
            return self._taken[-1]
        instead = [f"No message came within {timeout} seconds: {self._state()}"]
        if self._taken:
            instead.append(f"What came before: {_listed(self._taken)}.")
        waiting = getattr(self._edge.backend, "channels_waiting", list)()
        if waiting:
            instead.append(
                f"Messages wait on {_listed(sorted(waiting))}: run_messages() runs "
                f"their consumers."
            )
        raise AssertionError(" ".join(instead))

    def _take_json(self, timeout):
        content = self._take(timeout)
        try:
            return json.loads(content)
        except ValueError as error:
            raise AssertionError(f"What came isn't JSON: {content!r}.") from error

    def _take_nothing(self):
        if self._edge.inbox:
            raise AssertionError(
                f"What came unexpectedly: {_listed(self._edge.inbox)}."
            )

    def _state(self):
        if self.status_code is None:
            return "the socket isn't connected."
        if not self.accepted:
            return f"the handshake was refused with status {self.status_code}."
        if not self.closed:
            return "the socket is open."
        reason = f" ({self.close_reason})" if self.close_reason else ""
        return f"the socket was closed with code {self.close_code}{reason}."


def _listed(values):
    return ", ".join(map(repr, values))
