"""Results in memory."""

import heapq

from django.channels import codec

# How many times of results that are gone may be left, beside one for each that
# is kept.
MOST_LEFT = 100


class MemoryResults:
    """
    The results of a MemoryState, whose lock guards them. Those that have
    expired are removed whenever one is asked for or stored.
    """

    def __init__(self):
        self.clear()

    def clear(self):
        # The content and when it expires, by id; and a heap of these times.
        self._kept = {}
        self._times = []

    def __len__(self):
        return len(self._kept)

    def store(self, id, content, expires, now):
        """Keep the content, which nobody else has."""
        self._sweep(now)
        self._kept[id] = (content, expires)
        heapq.heappush(self._times, (expires, id))
        if len(self._times) > 2 * len(self._kept) + MOST_LEFT:
            # A task stores its result twice, and it may be gone soon after.
            self._times = [(expires, id) for id, (_, expires) in self._kept.items()]
            heapq.heapify(self._times)

    def get(self, id, now):
        self._sweep(now)
        content, _ = self._kept.get(id, (None, None))
        # A copy, since what is kept changes with nobody.
        return codec.plain(content)

    def discard(self, id):
        self._kept.pop(id, None)

    def _sweep(self, now):
        while self._times and self._times[0][0] <= now:
            expires, id = heapq.heappop(self._times)
            # Unless it was stored again meanwhile.
            if id in self._kept and self._kept[id][1] == expires:
                del self._kept[id]
