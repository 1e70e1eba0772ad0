"""The frames of one WebSocket that wait for its consumers."""

from collections import deque


class Backlog:
    """
    First in, first out. It's full with ``frames`` frames or with ``size`` bytes
    or characters in them; what's added then is kept all the same.
    """

    __slots__ = ("_frames", "_most", "_waiting", "_size")

    def __init__(self, frames, size):
        self._frames = frames
        self._most = size
        # A deque as soon as there is something for it: it's half a kilobyte.
        self._waiting = ()
        self._size = 0

    def __bool__(self):
        return bool(self._waiting)

    @property
    def first(self):
        return self._waiting[0]

    @property
    def is_full(self):
        return len(self._waiting) >= self._frames or self._size >= self._most

    @property
    def is_half_empty(self):
        """Whether there's so much room again that it's worth going on."""
        return len(self._waiting) * 2 <= self._frames and self._size * 2 <= self._most

    def add(self, content, binary):
        self._waiting = self._waiting or deque()
        self._waiting.append({"content": content, "binary": binary})
        self._size += len(content)

    def drop_first(self):
        self._size -= len(self._waiting.popleft()["content"])

    def clear(self):
        self._waiting = ()
        self._size = 0
