"""What a client sends on an HTTP connection, until it is parsed."""

from .ending import OPEN
from .parser import BETWEEN, HEAD
from .request import Refused
from .upgrade import Upgrade

# How many bytes are parsed between two looks whether the connection has too many
# requests: 26 are a whole one, which takes a hundred times as many in memory.
PARSED = 1024

# A larger body, in bytes, makes its request a large one, as does one in a file.
LARGE = 64 * 1024


class Intake:
    """
    The part of an HTTPConnection that has its parser take what was read, as
    long as there is room for requests. What there is no room for waits as
    bytes, and the connection is read no further.
    """

    def _feed(self, data):
        """Parse what the client sent, as long as there is room for requests."""
        start, size = 0, len(data)
        while size - start > PARSED:
            end = start + self.parser.at_once(data, start, PARSED)
            if end >= size:
                break
            self._parse(data[start:end])
            start = end
            if self._upgrade is not None:
                self._upgrade.rest += data[start:]
                return
            if self.phase != OPEN:
                return
            if not self.reading:
                self._unparsed = data[start:]
                return
        self._parse(data[start:] if start else data)

    def _parse(self, data):
        if self.parser.stage == BETWEEN:
            # What comes later may be a header or a body, which isn't logged.
            self._seen = data
        try:
            rest = self.parser.feed(data)
        except Refused as refused:
            # What comes after the last request means nothing.
            if self.phase == OPEN:
                self.refuse(refused.status, refused.headers)
            return
        if rest is not None and self.phase == OPEN:
            self._upgrade = Upgrade(self.parser.head, rest, self.limits.header_size)
        elif self.parser.stage == HEAD and self.parser.begun:
            # Not where it begins: most requests have come whole by now.
            self.parser.begun = False
            if self.turns.current is None:
                self._wait_for_more(self.limits.header_timeout)

    def _has_room(self):
        """Tell whether further requests may wait; behind a large one, none may."""
        queue = self.turns.queue
        return len(queue) < self.limits.pipelined_requests and not any(
            exchange.body_file is not None or len(exchange.content["body"]) > LARGE
            for exchange in queue
        )

    def _read_on(self):
        if not self.reading:
            self.reading = True
            self.transport.resumeProducing()

    def _read_no_further(self):
        if self.reading:
            self.reading = False
            self.transport.pauseProducing()
