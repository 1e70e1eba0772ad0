"""
HTTP/1.1 on one connection (RFC 9112).

What a connection is at, in ``phase``:

    phase      waits for                  then
    OPEN       requests                   LAST; or a refusal: LINGERING
    LAST       the last response          LINGERING
    LINGERING  the client to close        ENDING
    ENDING     the end of the connection

Its parser makes requests of bytes, its turns have them answered in order. Past
a few requests that are sent ahead, the connection is read no further. One that
asks for another protocol waits for the answers before it, and is handed over.
"""

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Protocol

from . import head
from .ending import ENDING, LAST, LINGERING, OPEN, Ending
from .exchange import Exchange
from .intake import Intake
from .outlet import Outlet
from .parser import BETWEEN, BODY, HEAD, RequestParser
from .turns import Turns
from .upgrade import Upgrading

# How many connections may wait at once to have read that there are too many.
TURNED_AWAY = 32


class HTTPConnection(Intake, Upgrading, Ending, Protocol):
    def __init__(self, factory):
        self.factory = factory
        self.limits = factory.limits
        self.access = factory.access
        self.phase = OPEN
        self.parser = RequestParser(self, factory.limits, factory.send is not None)
        self.turns = Turns(self, factory)
        self.deadline = None
        self.waits_since = 0.0
        self.outlet = None
        self.reading = True
        self._secure = False
        self._seen = b""
        self._upgrade = None
        # What was read, and waits until there is room for its requests.
        self._unparsed = b""
        # The protocol that has taken the connection over.
        self.successor = None

    # The transport's side.

    def connectionMade(self):
        self.client = address(self.transport.getPeer())
        self.server = address(self.transport.getHost())
        self._secure = ISSLTransport.providedBy(self.transport)
        self.scheme = "https" if self._secure else self.factory.scheme
        set_no_delay(self.transport)
        self.outlet = Outlet(self.transport, self._blocked, self._drained)
        self.factory.opened(self)
        if self.factory.served > self.limits.connections:
            self._turn_away()
            return
        self._wait(self.limits.idle_timeout)

    def dataReceived(self, data):
        if self.phase != OPEN:
            return
        if self._upgrade is not None:
            if not self._upgrade.add(data):
                self._read_no_further()
            return
        if self._unparsed:
            self._unparsed += data
            return
        self._feed(data)
        if self._upgrade is not None:
            self._do_upgrade()
        if self.successor is None and self.parser.stage == BODY:
            self._wait_for_more(self.limits.body_timeout)

    def connectionLost(self, reason):
        self.phase = ENDING
        if self.successor is not None:
            self.successor.connectionLost(reason)
            self.factory.closed(self)
            return
        self.factory.closed(self)
        self.parser.close()
        self.turns.drop()

    def _turn_away(self):
        """There are more connections than there may be."""
        turned_away = self.factory.turned_away
        turned_away.add(self)
        if self._secure or len(turned_away) > TURNED_AWAY:
            # It isn't worth the work, or there is no place left to wait in.
            self.transport.abortConnection()
        else:
            self.refuse(503, [("Retry-After", "1")])

    def _blocked(self):
        self._wait(self.limits.write_timeout)

    def _drained(self):
        self.deadline = None
        if self.turns.drained():
            self.go_on()

    # The parser's side.

    def continue_expected(self):
        if self.phase == OPEN and self._is_free():
            self.parser.head.expects = False
            self.outlet.write(head.CONTINUE)

    def request_complete(self, request, body, file, keep_alive):
        if self.phase != OPEN:
            # It was sent ahead of the one that was the last.
            if file is not None:
                file.close()
            return
        # The next one, in the same data, begins somewhere behind it.
        self._seen = b""
        if not keep_alive:
            self.phase = LAST
        client, scheme = self.seen(request)
        content = request.content(scheme, client, self.server, body)
        turns = self.turns
        turns.add(Exchange(turns, content, keep_alive, file))
        if turns.queue and not self._has_room():
            self._read_no_further()

    def seen(self, request):
        """Return the request's client and scheme, as trusted proxies say."""
        proxies = self.factory.proxies
        if proxies is None:
            return self.client, self.scheme
        return proxies.seen(request, self.client, self.scheme)

    # The turns' side.

    def end_after_this(self):
        """Take no more requests, and end when all is written."""
        self.phase = LAST

    def go_on(self):
        """See what comes next, when an answer is written."""
        turns = self.turns
        if turns.queue:
            turns.start_next()
        if not self.reading and self._has_room():
            self._read_on()
            data, self._unparsed = self._unparsed, b""
            if data:
                self.dataReceived(data)
                if self.successor is not None:
                    return
        if turns.current is not None or turns.queue or self.outlet.blocked:
            return
        stage = self.parser.stage
        if self.phase == LAST or (stage == BETWEEN and self.factory.stopping):
            self.finish(linger=True)
        elif self._upgrade is not None:
            self._do_upgrade()
        elif self.phase != OPEN:
            return
        elif stage == BETWEEN:
            self._wait(self.limits.idle_timeout)
        elif stage == BODY:
            self._wait(self.limits.body_timeout)
            if self.parser.head.expects:
                self.continue_expected()
        elif stage == HEAD:
            self._wait(self.limits.header_timeout)

    # Time.

    def check(self, now):
        """Act on deadlines that have passed. Called about once a second."""
        if self.successor is not None:
            self.successor.check(now)
            return
        self.turns.check(now)
        if self.deadline is None or now < self.deadline:
            return
        self.deadline = None
        if self.phase == LINGERING:
            self._end()
        elif self.outlet.blocked or self.phase == ENDING:
            self.transport.abortConnection()
        elif self.turns.current is None and self.phase == OPEN:
            if self.parser.stage == BETWEEN:
                self.finish()
            elif self.parser.stage in (HEAD, BODY):
                self.refuse(408)

    def _wait(self, seconds):
        self.waits_since = now = self.factory.seconds()
        self.deadline = now + seconds

    def _wait_for_more(self, seconds):
        # Whoever sends has no more time to read what was written before, and who
        # was refused just now has another.
        if self.phase == OPEN and not self.outlet.blocked:
            self._wait(seconds)

    # For all of its parts.

    def _is_free(self):
        """Tell whether all that came before is answered, and taken by the client."""
        turns = self.turns
        return turns.current is None and not turns.queue and not self.outlet.blocked


def address(addr):
    """Return a Twisted address as [host, port]."""
    return [getattr(addr, "host", ""), getattr(addr, "port", 0)]


def set_no_delay(transport):
    """Send small responses at once, where the transport is TCP."""
    try:
        transport.setTcpNoDelay(True)
    except (AttributeError, OSError):
        pass
