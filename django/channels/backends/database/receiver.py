"""Receiving from channels in the database."""

import threading
from time import monotonic

from django.channels.backends.shared_receiver import SharedReceiver
from django.db import Error

from .outage import Outage


class DatabaseReceiver(SharedReceiver):
    """
    See BaseChannelBackend.receiver().

    A thread that finds nothing waits for the watcher or for a sender in this
    process, and holds no connection that it needn't. One is woken for each
    message: whoever takes a message wakes the next one, which may find more.
    """

    def __init__(self, backend, channels):
        super().__init__(backend, channels)
        self._store = backend.store
        self._outage = Outage(self._store, backend.describe, backend.recovery)
        self._changed = threading.Condition()
        # The channel of the last durable message, and whose turn it is next.
        self._last = ""
        self._durable_first = True
        # When there may be another durable or delayed message, or None.
        self._due = None
        # Whether there may be a message that nobody has looked for.
        self._news = False
        self._watching = False

    def _receive(self, timeout):
        deadline = None if timeout is None else monotonic() + timeout
        if timeout != 0:
            self._watch()
        while not self.closed.is_set():
            try:
                message = self._take()
            except Error as error:
                if self._store.connection.in_atomic_block:
                    # It's the caller's transaction that is broken.
                    raise
                self._notify()
                left = float("inf") if deadline is None else deadline - monotonic()
                self._outage.wait(error, self.closed, left)
                if deadline is not None and monotonic() >= deadline:
                    return None
                continue
            self._outage.over()
            if message is not None:
                return message
            if not self._wait(deadline):
                return None
        return None

    def _take(self):
        """Return the channel and the data of the oldest message, or None."""
        while True:
            with self._changed:
                self._news = False
            self._durable_first = not self._durable_first
            kinds = [self._take_plain, self._take_durable]
            for take in kinds[::-1] if self._durable_first else kinds:
                row = take()
                if row is not None:
                    break
            else:
                left = self.backend.jobs.wait(self.channels)
                self._due = None if left is None else monotonic() + max(0, left)
                return None
            self._notify()
            if row.expired:
                self.backend._expired(row.channel, row.content)
            else:
                return row.channel, row.content, getattr(row, "lease", None)

    def _take_plain(self):
        return self._store.take(self.channels)

    def _take_durable(self):
        jobs = self.backend.jobs
        # From the one on that comes after the last.
        for channel in sorted(
            jobs.ready(self.channels), key=lambda name: (name <= self._last, name)
        ):
            taken = jobs.take(channel, self.backend.message_lease)
            if taken is not None:
                self._last = channel
                return taken
        return None

    def _wait(self, deadline):
        """Return whether to look again; not when it's over."""
        self._store.release()
        with self._changed:
            while not self._news and not self.closed.is_set():
                left = None if deadline is None else deadline - monotonic()
                if left is not None and left <= 0:
                    return False
                due = None if self._due is None else self._due - monotonic()
                if due is not None and due <= 0:
                    break
                times = [time for time in (left, due) if time is not None]
                # None of them may be longer than a thread can wait.
                longest = [threading.TIMEOUT_MAX] if times else []
                self._changed.wait(min(times + longest, default=None))
            return not self.closed.is_set()

    def _notify(self):
        with self._changed:
            self._news = True
            self._changed.notify()

    def _watch(self):
        with self._changed:
            if self._watching or self.closed.is_set():
                return
            # With the lock: whoever closes the receiver ends this.
            self.backend.watcher.watch(self.channels, self._notify)
            self._watching = True

    def _wake(self):
        with self._changed:
            watching, self._watching = self._watching, False
            self._changed.notify_all()
        if watching:
            self.backend.watcher.unwatch(self.channels, self._notify)
