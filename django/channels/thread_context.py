"""What a worker's thread keeps from one message to the next."""

from contextvars import Context

from django.core.cache import caches


class ThreadContext:
    """
    The context of a thread, of which each of its messages has a copy of its own.

    In it are the thread's caches: ``caches[alias]`` is made anew in an empty
    context, and would have new connections for each message.
    """

    def __init__(self):
        self._local = None
        self._context = None
        self._caches = ()

    def run(self, function, *args):
        """
        Return ``function(*args)``, called in a copy of the context. The caches are
        closed then, as at the end of a request.
        """
        # It's another one when the setting has changed.
        if self._local is not caches._connections:
            self._local = caches._connections
            self._context = Context()
            self._caches = self._context.run(_make_caches)
        try:
            return self._context.copy().run(function, *args)
        finally:
            for cache in self._caches:
                cache.close()


def _make_caches():
    made = []
    for alias in caches:
        try:
            made.append(caches[alias])
        except Exception:
            # Who uses it hears of it.
            pass
    return made
