"""The way from a connection to its transport: what is written, and when."""

from collections import deque

from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IPullProducer, IPushProducer
from zope.interface import implementer

# How many bytes are given to the transport at once. A client that takes that
# many within Limits.write_timeout is making progress.
PIECE = 128 * 1024


@implementer(IPullProducer, IPushProducer)
class Outlet:
    """
    Writes to a transport, no more at once than the client is ready to take.

    ``blocked`` tells that the client is slower than what is written to it;
    what is written nevertheless waits here. ``when_blocked()`` and
    ``when_drained()`` are called when that begins and ends.

    A plain socket is written to at once, where Twisted's transport would ask
    the reactor for its next turn, and again to be asked no more: three system
    calls and a turn for what mostly takes one call.
    """

    __slots__ = (
        "blocked",
        "_transport",
        "_when_blocked",
        "_when_drained",
        "_waiting",
        "_socket",
    )

    def __init__(self, transport, when_blocked, when_drained):
        self.blocked = False
        self._transport = transport
        self._when_blocked = when_blocked
        self._when_drained = when_drained
        # A deque as soon as there is something for it: it's half a kilobyte.
        self._waiting = ()
        # Not by duck-typing: a TLS transport passes unknown names on to the
        # socket below it.
        self._socket = None
        if isinstance(transport, FileDescriptor):
            if not getattr(transport, "TLS", False):
                self._socket = transport.getHandle()
        # A pull producer is told each time that all is written; a push
        # producer when the transport's buffer is full, and when it's empty.
        transport.registerProducer(self, self._socket is None)

    def write(self, data):
        if not self.blocked:
            if self._socket is not None:
                size = len(data)
                try:
                    sent = self._socket.send(
                        data if size <= PIECE else memoryview(data)[:PIECE]
                    )
                except OSError:
                    # It takes nothing for now, or it's lost, which the transport
                    # is to find by itself.
                    sent = 0
                if sent == size:
                    return
                if sent:
                    data = memoryview(data)[sent:]
            elif len(data) <= PIECE:
                self._transport.write(data)
                return
        if not data:
            # A body's end may be no bytes, of which the transport would never tell
            # that they are written.
            return
        self._waiting = self._waiting or deque()
        self._waiting.append(memoryview(data))
        self._write_waiting()

    def close(self):
        """Let go of the transport, which may then be closed."""
        self._waiting = ()
        self._transport.unregisterProducer()

    # Called by the transport.

    def pauseProducing(self):
        self._block()

    def resumeProducing(self):
        if self.blocked:
            self.blocked = False
            self._write_waiting()
            if not self.blocked:
                self._when_drained()

    def stopProducing(self):
        self._waiting = ()

    def _write_waiting(self):
        while self._waiting and not self.blocked:
            data = self._waiting.popleft()
            if len(data) > PIECE:
                self._waiting.appendleft(data[PIECE:])
            if self._socket is not None:
                self._block()
            self._transport.write(bytes(data[:PIECE]))

    def _block(self):
        self.blocked = True
        self._when_blocked()
