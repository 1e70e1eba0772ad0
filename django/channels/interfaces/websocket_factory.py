"""What the WebSockets of a server have in common for Autobahn."""

from math import inf

from .frames import LONGEST
from .framing import WebSocketServerFactory, sharing_state
from .quiet_log import QuietLog
from .websocket import WebSocketConnection


class WebSocketFactory(WebSocketServerFactory):
    """The settings of Autobahn's that all connections share."""

    noisy = False
    log = QuietLog()

    def __init__(self, reactor, limits, compress=False):
        super().__init__(server="Django", reactor=reactor)
        self.setProtocolOptions(
            versions=[13],
            maxMessagePayloadSize=limits.message_size,
            # What can't be deflated gets a little larger.
            maxFramePayloadSize=limits.message_size * (2 if compress else 1),
            failByDrop=False,
            echoCloseCodeReason=True,
            # The connect consumer's time is kept here, and ends in a 504.
            openHandshakeTimeout=0,
            closeHandshakeTimeout=limits.close_timeout,
            # Without a timeout: while a socket isn't read, its pongs aren't.
            # An unanswered ping lets TCP find out that the peer is gone.
            autoPingInterval=0 if limits.ping_interval == inf else limits.ping_interval,
            autoPingTimeout=0,
            allowNullOrigin=True,
        )
        self.compress = compress
        if compress:
            from .compression import accept, understood

            self.setProtocolOptions(perMessageCompressionAccept=accept)
            self.understood = understood
        # Autobahn's own would ask the global reactor, whatever was given.
        self._batched_timer = _Timer(reactor)
        self._connection = sharing_state(WebSocketConnection, self)
        self._connection.longest = min(LONGEST, limits.message_size)

    def understood(self, extensions):
        """Return which of a client's extensions may be agreed on."""
        return ()

    def make_protocol(self, sockets, content):
        protocol = self._connection(sockets, content)
        protocol.factory = self
        return protocol


class _Timer:
    def __init__(self, clock):
        self.call_later = clock.callLater
