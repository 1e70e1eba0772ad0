"""Threads for the plain code of what runs on an event loop."""

from collections import deque
from concurrent.futures import Executor, ThreadPoolExecutor

from django.db import close_old_connections, connections

# How many threads are kept while nobody needs them.
MOST_SPARE = 32


class SpareThreads:
    """
    Threads that are lent one at a time, each to be one borrower's own: to start
    a thread for each request costs more than most requests.
    """

    def __init__(self):
        self._spare = deque()
        self._closed = False

    def take(self):
        """Return an executor with one thread; it's the caller's alone."""
        try:
            # The one that was used last: the others have a chance to end.
            return self._spare.pop()
        except IndexError:
            return ThreadPoolExecutor(1, "channels-async")

    def give(self, thread, is_tidy=False):
        """
        Take the thread back, as soon as it has done what it was given. One that
        ``is_tidy`` has, and needs no look at its database connections.
        """
        if is_tidy and self._has_room():
            self._spare.append(thread)
        else:
            thread.submit(self._tidy, thread)

    def close(self):
        """End the threads that nobody has, and keep none from now on."""
        self._closed = True
        while self._spare:
            self._end(self._spare.pop())

    def _tidy(self, thread):
        """Runs in the thread, between two borrowers."""
        close_old_connections()
        if self._has_room():
            self._spare.append(thread)
        else:
            self._end(thread)

    def _has_room(self):
        return not self._closed and len(self._spare) < MOST_SPARE

    def _end(self, thread):
        thread.submit(connections.close_all)
        thread.shutdown(wait=False)


class OwnThread(Executor):
    """A thread of ``spare``, taken as soon as there is something for it."""

    def __init__(self, spare):
        self._spare = spare
        self._thread = None
        self._last = None

    def submit(self, function, /, *args, **kwargs):
        if self._thread is None:
            self._thread = self._spare.take()
        self._last = self._thread.submit(function, *args, **kwargs)
        return self._last

    def release(self, is_tidy=False):
        """
        Give the thread back, if there is one, once it has done everything. See
        SpareThreads.give() for ``is_tidy``.
        """
        if self._thread is not None:
            self._spare.give(self._thread, is_tidy and self._last.done())
