"""The opening handshake of a WebSocket (RFC 6455 section 4), by Autobahn."""

from autobahn.websocket.types import ConnectionDeny
from twisted.internet.defer import Deferred

from . import head
from .handshake import usual_key

# How many bytes wait for the answer to the handshake before a client is read no
# further. They may be thousands of messages, which are all taken at once then.
EARLY = 64 * 1024


class Opening:
    """
    The part of a WebSocketConnection that answers the handshake, once the connect
    consumer has decided. What the client sends meanwhile waits here.
    """

    # The Deferred that Autobahn waits for, until there is a decision.
    _decision = None
    _early = b""
    # The status of the answer.
    _answered = None

    # Autobahn's and Twisted's side.

    def dataReceived(self, data):
        if self._decision is None:
            self._read(data)
            return
        # The handshake is not answered yet; what comes after it waits.
        self._early += data
        if len(self._early) > EARLY:
            self.transport.pauseProducing()

    def processHandshake(self):
        # Autobahn agrees on extensions.
        key = None if self.factory.compress else usual_key(self.content)
        if key is None:
            super().processHandshake()
            return
        # The head was read once already, and there's nothing to refuse.
        self.data = self.data.partition(b"\r\n\r\n")[2]
        self._wskey = key
        self.websocket_version = 13
        self.websocket_protocols = self.content["subprotocols"]
        self.websocket_extensions = ()
        self.onConnect(None).addCallbacks(self.succeedHandshake, self._deny)

    def _deny(self, failure):
        self.failHandshake(failure.value.reason, failure.value.code)

    def onConnect(self, request):
        if self.websocket_extensions:
            self.websocket_extensions = self.factory.understood(
                self.websocket_extensions
            )
        self._decision = decision = Deferred()
        self.ask_connect()
        return decision

    def sendHttpErrorResponse(self, code, reason, responseHeaders=None):
        headers = list(responseHeaders or ())
        if code == 503:
            headers.append(("Retry-After", "1"))
        self._answered = code
        self.outlet.write(head.error_response(code, close=True, headers=headers))
        self.sockets.access.connect(self.content["path"], code, self)

    # The conversation's edge.

    def accept(self, subprotocol):
        decision = self._decided()
        if decision is None:
            return
        self._answered = 101
        self.sockets.access.connect(self.content["path"], 101, self)
        decision.callback(subprotocol)
        # Autobahn would keep it.
        self.http_response_data = None
        self._write_held()
        early, self._early = self._early, b""
        if early:
            self._read(early)
        if self._reading:
            self.transport.resumeProducing()

    def refuse(self, status):
        decision = self._decided()
        self.held.clear()
        if decision is not None:
            decision.errback(ConnectionDeny(status, "refused"))

    # Its end.

    def drop_handshake(self):
        """The client has gone."""
        self._decided()
        self._early = b""

    def _decided(self):
        self.decided()
        decision, self._decision = self._decision, None
        return decision
