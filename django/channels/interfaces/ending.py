"""How an HTTP connection ends (RFC 9112 section 9)."""

from twisted.protocols.policies import ProtocolWrapper

from . import head
from .parser import BETWEEN

# What a connection is at: see http.py.
OPEN, LAST, LINGERING, ENDING = range(4)


class Ending:
    """
    The part of an HTTPConnection that ends it, now or when all is answered, so
    that its client gets what was written.
    """

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
