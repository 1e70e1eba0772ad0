"""A request that asks for another protocol (RFC 9110 section 7.8)."""

from . import head
from .parser import BODY


class Upgrade:
    """
    The request, and ``rest``, what came after its head, while the requests
    before it are answered. ``limit`` is how many bytes may come meanwhile.
    """

    def __init__(self, head, rest, limit):
        self.head = head
        self.rest = rest
        self._limit = limit

    def add(self, data):
        """Keep what has come. Return whether more may come."""
        self.rest += data
        return len(self.rest) <= self._limit

    def ignored(self):
        """
        Return the bytes of the request without the offer, and of what comes
        after it: a server may ignore it, but not what else the client says of
        the connection.
        """
        plain = self.head.serialize(without={"upgrade", "connection"})
        line, _, others = plain.partition(b"\r\n")
        words = self.head.tokens("connection")
        options = {"close", "keep-alive"}.intersection(words)
        said = "".join(f"connection: {option}\r\n" for option in sorted(options))
        return b"%b\r\n%b%b%b" % (line, said.encode(), others, self.rest)


class Upgrading:
    """
    The part of an HTTPConnection that has an offer, in ``_upgrade``, until it
    hands the connection over to its ``successor``, or ignores it.
    """

    def hand_over(self, successor, data):
        """Let ``successor`` have the connection; ``data`` came last."""
        self.outlet.close()
        self.successor = successor
        # A socket stays for long, and has no use for them.
        self.parser = self.turns = self.outlet = None
        self._seen = b""
        # The transport goes on calling this object.
        self.dataReceived = successor.dataReceived
        successor.makeConnection(self.transport)
        successor.dataReceived(data)

    def refuse_upgrade(self, status):
        headers = [("Retry-After", "1")] if status == 503 else ()
        self.outlet.write(head.error_response(status, close=True, headers=headers))
        self.finish(linger=True)

    def _do_upgrade(self):
        """Act on the offer in its turn, and on those that come right after it."""
        while self._upgrade is not None and self._is_free():
            upgrade, self._upgrade = self._upgrade, None
            self._read_on()
            sockets = self.factory.sockets
            if upgrade.head.wants_websocket and sockets is not None:
                self.deadline = None
                sockets.take_over(self, upgrade.head, upgrade.rest)
            else:
                self.parser.go_on()
                self._feed(upgrade.ignored())
                if self.parser.stage == BODY:
                    self._wait_for_more(self.limits.body_timeout)
