"""Threads for the plain code of what runs on an event loop."""

import os
from collections import deque
from concurrent.futures import Executor, wait
from functools import partial
from weakref import WeakSet

from asgiref.sync import SyncToAsync, sync_to_async

from django.db import close_old_connections, connections, reset_queries

from .daemon_thread import DaemonThread
from .thread_connections import has_connections
from .transactions import end_transactions

# How many threads are kept while nobody needs them.
MOST_SPARE = 32

# How many seconds close() waits for the threads to close their connections.
END_TIME = 1.0

_all = WeakSet()


def _after_fork():
    for spare in _all:
        # These threads are the parent's: here they would do nothing.
        spare._spare = deque()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class SpareThreads:
    """
    Threads that are lent one at a time, each to be one borrower's own: to start
    a thread for each request costs more than most requests. ``start`` starts one,
    and returns an executor.
    """

    def __init__(self, start=DaemonThread):
        self._start = start
        self._spare = deque()
        self._closed = False
        _all.add(self)

    def take(self):
        """Return an executor with one thread; it's the caller's alone."""
        try:
            # The one that was used last: the others have a chance to end.
            return self._spare.pop()
        except IndexError:
            return self._start()

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
        ended = []
        while self._spare:
            ended.append(self._end(self._spare.pop()))
        # The process may end then, and they with it.
        wait(ended, END_TIME)

    def _tidy(self, thread):
        """Runs in the thread, between two borrowers."""
        if has_connections():
            end_transactions()
            close_old_connections()
        if self._has_room():
            self._spare.append(thread)
        else:
            self._end(thread)

    def _has_room(self):
        return not self._closed and len(self._spare) < MOST_SPARE

    def _end(self, thread):
        ended = thread.submit(connections.close_all)
        thread.shutdown(wait=False)
        return ended


class OwnThread(Executor):
    """
    A thread of ``spare``, taken as soon as there is something for it. With
    ``prepare``, its database connections are looked after first: they may have
    waited for longer than they should live.
    """

    def __init__(self, spare, prepare=True):
        self._spare = spare
        self._prepare = prepare
        self._thread = None
        self._last = None

    def submit(self, function, /, *args, **kwargs):
        if self._thread is None:
            self._thread = self._spare.take()
            if self._prepare:
                function = partial(_prepared, function)
        self._last = self._thread.submit(function, *args, **kwargs)
        return self._last

    def release(self, is_tidy=False):
        """
        Give the thread back, if there is one, once it has done everything. See
        SpareThreads.give() for ``is_tidy``.
        """
        if self._thread is not None:
            self._spare.give(self._thread, is_tidy and self._last.done())

    @property
    def is_used(self):
        """Whether there was something for it yet."""
        return self._thread is not None


def _prepared(function, /, *args, **kwargs):
    if has_connections():
        reset_queries()
        close_old_connections()
    return function(*args, **kwargs)


async def end_own_transactions():
    """
    Do what end_transactions() does, in the thread that the caller's plain code
    has for its own, if there was any.
    """
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is None:
        return None
    thread = SyncToAsync.context_to_thread_executor.get(context)
    if isinstance(thread, OwnThread) and thread.is_used:
        return await sync_to_async(end_transactions)()
