"""What the connections of one server share, and their one timer."""

from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.internet.protocol import ServerFactory
from zope.interface import implementer

from .http import HTTPConnection
from .limits import Limits

# How often deadlines are looked at, in seconds.
SWEEP = 1.0


@implementer(IProtocolNegotiationFactory)
class HTTPFactory(ServerFactory):
    """
    What the connections of one server share.

    ``send(exchange)`` sends a request on its channel and may raise
    ChannelFull; with None, requests are told to become WebSockets. ``sockets``
    takes over connections that do; with None, they go on as HTTP.
    ``clock`` is the reactor, ``timeout`` how many seconds a request may be
    with the workers, None for any number; ``proxies`` the Proxies that are
    trusted, if there are any.

    A timer for each deadline of each connection would cost more than the rest
    of a request; one for all of them runs while there are connections.
    """

    noisy = False

    def __init__(
        self,
        *,
        send,
        sockets,
        mailbox,
        clock,
        access,
        timeout=None,
        scheme="http",
        proxies=None,
        limits=Limits(),
    ):
        self.send = send
        self.sockets = sockets
        self.mailbox = mailbox
        self.clock = clock
        self.seconds = clock.seconds
        self.access = access
        self.timeout = timeout
        self.scheme = scheme
        self.proxies = proxies
        self.limits = limits
        self.connections = set()
        # Those of them that are only told that there are too many, or dropped.
        self.turned_away = set()
        self.stopping = False
        # Called when the last connection has ended.
        self.when_empty = None
        self._sweep = None

    def acceptableProtocols(self):
        # A TLS client that names what it speaks is refused without an answer.
        return [b"http/1.1"]

    def buildProtocol(self, addr):
        return HTTPConnection(self)

    @property
    def served(self):
        """How many connections take one of the limit's places."""
        return len(self.connections) - len(self.turned_away)

    def opened(self, connection):
        self.connections.add(connection)
        if self._sweep is None:
            self._sweep = self.clock.callLater(SWEEP, self.check)

    def closed(self, connection):
        self.connections.discard(connection)
        self.turned_away.discard(connection)
        if not self.connections:
            if self._sweep is not None:
                self._sweep.cancel()
                self._sweep = None
            if self.when_empty is not None:
                self.when_empty()

    def check(self):
        """Let every connection look at its deadlines, and again in a while."""
        self._sweep = self.clock.callLater(SWEEP, self.check)
        now = self.seconds()
        for connection in tuple(self.connections):
            connection.check(now)
