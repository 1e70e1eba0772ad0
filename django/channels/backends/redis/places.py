"""The last answers that a server keeps for those who receive."""

import secrets
from collections import deque


class Place:
    """
    One thread's: ``key`` has the answer to its call with the ``number``.
    ``keys`` are the queues of a call that had no answer yet, so that it's made
    again as it was. See take.lua.
    """

    def __init__(self, key):
        self.key = key
        self.number = 0
        self.keys = None

    def begin(self, keys):
        """Begin a call, or the last one again. Return the queues that it's for."""
        if self.keys is None:
            self.number += 1
            self.keys = keys
        return self.keys

    def end(self):
        """Note that the answer is here."""
        self.keys = None


class Places:
    """Those of a receiver's threads. Whoever uses it holds its lock."""

    def __init__(self, tag):
        self._tag = tag
        self._free = deque()

    def take(self):
        """Return a place for a thread: first one that waits for its answer."""
        if self._free:
            return self._free.pop()
        return Place(f"{self._tag}:answer:{secrets.token_hex(8)}")

    def give_back(self, place):
        if place.keys is None:
            self._free.appendleft(place)
        else:
            self._free.append(place)

    def clear(self):
        """Forget all that are free. Return their keys."""
        free, self._free = self._free, deque()
        return [place.key for place in free]
