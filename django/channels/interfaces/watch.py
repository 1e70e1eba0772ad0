"""Which messages of WebSockets the workers should have reported done long ago."""

from functools import partial

from django.channels.exceptions import ChannelError

from .admission import WEBSOCKET_CHANNELS
from .close_codes import INTERNAL_ERROR

# How often it's looked, in seconds: at most and at least. Between them it's so
# often in the time of the backend's lease; in as many looks a worker says twice
# that it has a message.
SLOWEST = 10.0
FASTEST = 2.0
LOOKS = 3


class SocketWatch:
    """
    Looks at the ``sockets``, by their names, which share an ``outbox``: gives up
    the message that one has had with the workers for ``patience`` seconds, and
    the one that no worker has any more, nor is there one waiting for a worker.
    The latter needs a backend whose workers say what they have, one that has a
    lease. ``clock`` is the reactor, in whose thread everything runs but what is
    asked of the backend.
    """

    def __init__(self, sockets, backend, outbox, clock, patience):
        self._sockets = sockets
        self._backend = backend
        self._outbox = outbox
        self._clock = clock
        self._patience = patience
        lease = getattr(backend, "lease", None)
        self._knows_silence = lease is not None
        self._every = SLOWEST if lease is None else _between(lease / LOOKS)
        self._next = None

    def start(self):
        """Look from now on, if that isn't done yet."""
        if self._next is None:
            self._next = self._clock.callLater(self._every, self._look)

    def stop(self):
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def sent(self, socket):
        """The socket has a new message with the workers."""
        socket.asked_at = self._clock.seconds()
        socket.heard_at, socket.misses = None, 0

    def heard(self, socket):
        """A worker has said that it has the socket's message."""
        socket.heard_at, socket.misses = self._clock.seconds(), 0

    def _look(self):
        self._next = self._clock.callLater(self._every, self._look)
        now = self._clock.seconds()
        silent = []
        for socket in tuple(self._sockets.values()):
            if socket.conversation.busy is None:
                continue
            if socket.asked_at < now - self._patience:
                socket.conversation.give_up()
            elif self._knows_silence:
                if now - (socket.heard_at or socket.asked_at) > self._every:
                    silent.append((socket, socket.conversation.busy))
        if silent:
            then = partial(self._looked, silent)
            self._outbox.post("", self._is_any_waiting, then=then)

    def _is_any_waiting(self):
        """Runs in the outbox's thread."""
        try:
            return any(map(self._backend.waiting, WEBSOCKET_CHANNELS))
        except ChannelError:
            return None

    def _looked(self, silent, waiting):
        """
        Give up messages that no worker has any more. ``waiting`` is whether
        any wait for a worker, None if that can't be known.
        """
        for socket, order in silent:
            if socket.conversation.busy != order:
                continue
            if waiting is None or (waiting and socket.heard_at is None):
                socket.misses = 0
                continue
            socket.misses += 1
            if socket.misses >= LOOKS:
                socket.conversation.give_up(INTERNAL_ERROR)


def _between(seconds):
    return min(SLOWEST, max(FASTEST, seconds))
