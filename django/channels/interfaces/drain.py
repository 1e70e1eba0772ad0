"""Telling many clients to go, a few at a time."""

# Seconds between two batches, and how many there are in one at least.
TICK = 0.1
FEWEST = 10


class Drain:
    """
    Calls ``act(item)`` for each of ``items``, in equal batches spread over so
    many ``seconds``: thousands of clients that are told to go at once would
    come back at once. A few are told in one go. ``clock`` is the reactor.
    """

    def __init__(self, clock, items, seconds, act):
        self._clock = clock
        self._items = list(items)
        self._act = act
        ticks = max(1, int(seconds / TICK))
        self._batch = max(FEWEST, -(-len(self._items) // ticks))
        self._call = None
        self._next()

    def stop(self):
        """Tell nobody any more."""
        self._items.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _next(self):
        self._call = None
        batch, self._items = self._items[: self._batch], self._items[self._batch :]
        if self._items:
            self._call = self._clock.callLater(TICK, self._next)
        for item in batch:
            self._act(item)
