"""A WebSocket of the server's, with the worker's part played here."""

from functools import cache

from channels_tests.interfaces.wires import HTTPWire, Reactor, lose

from django.channels import consumers
from django.channels.backends.memory import MemoryChannelBackend
from django.channels.interfaces.access import NoAccessLog
from django.channels.interfaces.admission import WEBSOCKET_CHANNELS
from django.channels.interfaces.frames import frame_of
from django.channels.interfaces.limits import Limits
from django.channels.interfaces.mailbox import Mailbox
from django.channels.interfaces.sockets import Sockets
from django.channels.interfaces.websocket_factory import WebSocketFactory
from django.channels.message import Message

CONNECT, RECEIVE, DISCONNECT = WEBSOCKET_CHANNELS

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)


def nothing(**kwargs):
    pass


@cache
def websocket_factory(limits, compress):
    """Return one, which takes longer to make than a socket. No time passes."""
    return WebSocketFactory(Reactor(), limits, compress)


class Socket:
    """
    An open socket: the ``messages`` that came, the code and the reason of its
    ``disconnect`` or None, and what it has ``written`` since the handshake. Its
    client offers compression, to which it agrees with ``compress``.
    """

    def __init__(self, compress=False, **limits):
        for channel in WEBSOCKET_CHANNELS:
            if consumers.get(channel) is None:
                consumers.register(channel, nothing)
        self.backend = MemoryChannelBackend("default", {"LOCATION": "properties"})
        self.backend.flush()
        self.receiver = self.backend.receiver(WEBSOCKET_CHANNELS)
        self.http = HTTPWire()
        reactor = self.http.reactor
        limits = Limits(**limits)
        self.sockets = self.http.factory.sockets = Sockets(
            self.backend,
            Mailbox(reactor.callFromThread),
            NoAccessLog(),
            limits,
            websocket_factory(limits, compress).make_protocol,
            frame_of,
        )
        self.messages = []
        self.disconnect = None
        self.http.receive(HANDSHAKE)
        self.work()
        head, _, self.written = self.http.wire.take().partition(b"\r\n\r\n")
        if b" 101 " not in head:
            raise AssertionError(f"The handshake was answered by {head!r}.")

    def feed(self, data):
        # As the transport does.
        self.http.connection.dataReceived(data)
        self.work()

    def send(self, **content):
        self.backend.send(Message(self.name, content))
        self.work()

    def work(self):
        """Be the worker for what waits, and for what comes of that."""
        self.http.reactor.spin()
        while (message := self.receiver.receive(0)) is not None:
            content = message.content
            if message.channel == CONNECT:
                self.name = content["reply_channel"]
            elif message.channel == RECEIVE:
                self.messages.append(content["content"])
            else:
                self.disconnect = content["code"], content["reason"]
            self.backend.send(message.receipt(error=False))
            self.http.reactor.spin()
        if hasattr(self, "written"):
            self.written += self.http.wire.take()

    @property
    def closed(self):
        """Whether the server has ended the connection."""
        return self.http.wire.ended != ""

    def end(self):
        """Let the client go."""
        lose(self.http.connection)
        self.work()
        self.receiver.close()
        return self


def socket_after(*pieces, **options):
    """Return a socket, ended, that has read this until it closed itself."""
    socket = Socket(**options)
    for piece in pieces:
        if not socket.closed:
            socket.feed(piece)
    return socket.end()
