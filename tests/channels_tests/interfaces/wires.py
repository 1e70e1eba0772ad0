"""Connections without sockets, threads or time, for the tests beside."""

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import ISSLTransport, ITransport
from twisted.internet.task import Clock
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure
from zope.interface import implementer

from django.channels.exceptions import ChannelFull
from django.channels.interfaces.access import NoAccessLog
from django.channels.interfaces.factory import HTTPFactory
from django.channels.interfaces.limits import Limits
from django.channels.interfaces.mailbox import Mailbox


@implementer(ITransport)
class Wire:
    """
    What a connection writes to. ``ended`` says how it was ended: "" (not),
    "half" (writing), "orderly" or "abort". With ``slow`` set, the client takes
    nothing of what is written from then on, until ``read_all()``.

    Twisted's own StringTransport would do for most of it, but its import adds
    attributes to unittest.TestCase, which mock.patch() stumbles over.
    """

    def __init__(self):
        self.ended = ""
        self.slow = False
        self.is_read = True
        self.producer = None
        self.disconnecting = False
        self._written = b""

    def getHost(self):
        return IPv4Address("TCP", "127.0.0.1", 8000)

    def getPeer(self):
        return IPv4Address("TCP", "192.0.2.7", 5555)

    def write(self, data):
        if type(data) is not bytes:
            raise TypeError(f"Twisted's transports take bytes, not {data!r}.")
        self._written += data
        if self.slow and self.producer is not None:
            self.producer.pauseProducing()

    def writeSequence(self, data):
        self.write(b"".join(data))

    def read_all(self):
        self.slow = False
        if self.producer is not None:
            self.producer.resumeProducing()

    def loseWriteConnection(self):
        self.ended = "half"

    def loseConnection(self):
        self.disconnecting = True
        self.ended = "orderly"

    def abortConnection(self):
        self.disconnecting = True
        self.ended = "abort"

    def registerProducer(self, producer, streaming):
        if self.producer is not None:
            raise RuntimeError("There is a producer already.")
        self.producer = producer
        self.streaming = streaming

    def unregisterProducer(self):
        if self.producer is None:
            raise RuntimeError("There is no producer.")
        self.producer = None

    def pauseProducing(self):
        self._change(False)

    def resumeProducing(self):
        self._change(True)

    def _change(self, is_read):
        if self.disconnecting:
            raise RuntimeError("The connection is being ended.")
        self.is_read = is_read

    def value(self):
        return self._written

    def take(self):
        """Return what was written since the last time."""
        data, self._written = self._written, b""
        return data


@implementer(ISSLTransport)
class SecureWire(Wire, ProtocolWrapper):
    """One with TLS. ``transport`` is the connection below it."""

    def __init__(self):
        super().__init__()
        self.transport = Wire()


class Reactor(Clock):
    """A clock and the calls from threads, made when ``spin()`` is called."""

    def __init__(self):
        super().__init__()
        self.posted = []

    def callFromThread(self, function, *args):
        self.posted.append((function, args))

    def spin(self):
        while self.posted:
            function, args = self.posted.pop(0)
            function(*args)


class NoSockets:
    """What a connection that wants to be a WebSocket is given to."""

    def __init__(self):
        self.taken = []

    def take_over(self, connection, head, rest):
        self.taken.append((connection, head, rest))


class HTTPWire:
    """One HTTP connection; ``requests`` are the exchanges that were sent."""

    def __init__(self, timeout=None, access=None, *, limits=None, **values):
        self.reactor = Reactor()
        self.requests = []
        self.full = False
        self.sockets = NoSockets()
        self.factory = HTTPFactory(
            send=self.send,
            sockets=self.sockets,
            mailbox=Mailbox(self.reactor.callFromThread),
            clock=self.reactor,
            access=access or NoAccessLog(),
            timeout=timeout,
            limits=limits or Limits(**values),
        )
        self.connection, self.wire = self.connect()

    def connect(self, secure=False):
        connection = self.factory.buildProtocol(None)
        wire = SecureWire() if secure else Wire()
        connection.makeConnection(wire)
        return connection, wire

    def send(self, exchange):
        if self.full:
            raise ChannelFull("full")
        self.requests.append(exchange)

    def receive(self, data):
        self.connection.dataReceived(data)
        self.reactor.spin()

    def respond(self, response, number=-1):
        """Answer a request as a worker does; return what the client gets."""
        self.requests[number].respond(response)
        self.reactor.spin()
        return self.wire.take()

    def advance(self, seconds):
        """Let time pass; the server looks at its deadlines meanwhile."""
        for _ in range(seconds):
            self.reactor.advance(1)
        self.reactor.spin()

    def lose(self, clean=True):
        lose(self.connection, clean)


def lose(protocol, clean=True):
    protocol.connectionLost(Failure(ConnectionDone() if clean else ConnectionLost()))


def status_of(data):
    """Return the status of the response in ``data``, None if there is none."""
    return int(data.split(b" ", 2)[1]) if data.startswith(b"HTTP/1.1 ") else None


def parts_of(data):
    """Return status, headers (lower case) and body of one response."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(": ")
        headers.setdefault(name.lower(), []).append(value)
    return int(lines[0].split(" ")[1]), headers, body
