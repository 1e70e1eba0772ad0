"""The caches of a worker's thread, from one message to the next."""

from django.core.cache import caches


class ThreadCaches:
    """
    ``caches[alias]`` is made anew in each context, and each of a worker's
    messages has its own: its caches would have new connections each time.
    """

    def __init__(self):
        self._kept = {}
        self._local = None

    def restore(self):
        """Have this context use those of the one before."""
        if self._kept:
            if self._local is not caches._connections:
                # The setting has changed.
                self._kept.clear()
            for alias, cache in self._kept.items():
                caches[alias] = cache

    def keep(self):
        """Close what this context has used, as at a request's end, and keep it."""
        self._local = local = caches._connections
        for alias in caches:
            if hasattr(local, alias):
                self._kept[alias] = cache = caches[alias]
                cache.close()
