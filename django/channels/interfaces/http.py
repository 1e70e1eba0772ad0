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
from twisted.protocols.policies import ProtocolWrapper

from . import head
from .exchange import Exchange
from .intake import ENDING, LAST, LINGERING, OPEN, Intake
from .outlet import Outlet
from .parser import BETWEEN, BODY, HEAD, RequestParser
from .turns import Turns
from .upgrade import Upgrading

# How many connections may wait at once to have read that there are too many.
TURNED_AWAY = 32


class HTTPConnection(Intake, Upgrading, Protocol):
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
        # Whoever sends has no more time to read what was written before.
        if not self.outlet.blocked:
            self._wait(seconds)

    # The end.

    def shut_down(self):
        """End the connection as soon as the request at hand is answered."""
        if self.successor is not None:
            self.successor.shut_down()
            return
        current = self.turns.current
        if current is not None:
            self.phase = LAST
            current.keep_alive = False
            self.turns.drop_queue()
        elif self.phase == OPEN and self.parser.stage == BETWEEN:
            if self.outlet.blocked:
                # The last answer is still being read.
                self.phase = LAST
            else:
                # What was written just now may still wait in the system.
                idle = self.factory.seconds() - self.waits_since
                late = idle < self.limits.linger_time and not is_sent(self.transport)
                self.finish(linger=late)

    def cut_off(self):
        """End it: the time of a stop is over."""
        if self.phase == LINGERING:
            # It has its answers, and only they keep the system from ending it.
            self._end()
        else:
            self.transport.abortConnection()

    def refuse(self, status, headers=()):
        """Answer by a status, when the requests before are, and end."""
        if not self._is_free():
            # Out of turn: what comes before is answered, then the end tells.
            self.phase = LAST
            return
        line = self.parser.line
        self.access.refused(self, status, self._seen or line)
        no_body = line.startswith(b"HEAD ")
        self.outlet.write(
            head.error_response(status, close=True, headers=headers, head=no_body)
        )
        self.finish(linger=True)

    def finish(self, linger=False):
        """
        End the connection when all is written. With ``linger``, go on reading
        for a moment: ending the connection with something unread could take
        from the client what was sent last (RFC 9112 section 9.6).
        """
        self.outlet.close()
        self.parser.close()
        if not linger:
            self._end()
            return
        self.phase = LINGERING
        self._wait(self.limits.linger_time)
        if not self.reading:
            self._read_on()
        # With TLS it would end the connection below, where what was written may
        # not have come to yet; TLS reads on by itself until the client closes.
        if not self._secure and hasattr(self.transport, "loseWriteConnection"):
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()

    def _end(self):
        """Read no more; a client still has its time to take what was written."""
        self.phase = ENDING
        self._wait(self.limits.write_timeout)
        transport = self.transport
        transport.loseConnection()
        # With TLS it would wait for the client to end its side, too, which it need
        # not do, and may never do (RFC 8446 section 6.1).
        while isinstance(transport, ProtocolWrapper):
            transport = transport.transport
            transport.loseConnection()

    def _is_free(self):
        """Tell whether all that came before is answered, and taken by the client."""
        turns = self.turns
        return turns.current is None and not turns.queue and not self.outlet.blocked


def address(addr):
    """Return a Twisted address as [host, port]."""
    return [getattr(addr, "host", ""), getattr(addr, "port", 0)]


def is_sent(transport):
    """
    Tell whether the client's system has all that was written; False, too, where
    ours can't say.
    """
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    try:
        from fcntl import ioctl
        from termios import TIOCOUTQ

        return not any(ioctl(transport.fileno(), TIOCOUTQ, bytes(4)))
    except (ImportError, AttributeError, OSError):
        return False


def set_no_delay(transport):
    """Send small responses at once, where the transport is TCP."""
    try:
        transport.setTcpNoDelay(True)
    except (AttributeError, OSError):
        pass
