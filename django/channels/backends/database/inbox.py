"""The inbox of this process: one thread that reads it and keeps its lease."""

import threading
from concurrent.futures import Future
from time import monotonic

from django.db import connections

from .outage import Outage

# How many items are taken at once.
BATCH = 100

# How long the end of the thread is waited for, in seconds.
PATIENCE = 10


class Inbox:
    """What is in the database for this process, and that it lives."""

    def __init__(self, backend, process):
        self.process = process
        self._backend = backend
        self._store = backend.store
        self._names = [backend.store.inbox_name(process)]
        self._outage = Outage(backend.store, backend.describe, backend.recovery)
        self._opened = Future()
        self._news = threading.Event()
        self._stopped = threading.Event()
        self._removes = False
        self._thread = threading.Thread(
            target=self._run, name="channels-database-inbox", daemon=True
        )

    def open(self):
        """Return when others can post to the inbox. Raise why they can't."""
        if self._store.connection.in_atomic_block:
            # They can when the block commits, as with all that is sent in it.
            self._renew()
            self._opened.set_result(None)
        self._thread.start()
        self._opened.result()
        try:
            self._backend.watcher.watch(self._names, self._news.set)
        except BaseException:
            # The next one to listen opens another, and this one reads no more.
            self._end_thread()
            raise

    def close(self):
        """Read no more, and delete the inbox."""
        in_block = self._store.connection.in_atomic_block
        self._removes = not in_block
        self.stop()
        if in_block:
            self._remove()

    def stop(self):
        """Read no more."""
        if self._stopped.is_set():
            return
        self._backend.watcher.unwatch(self._names, self._news.set)
        self._end_thread()

    def _end_thread(self):
        self._stopped.set()
        self._news.set()
        if self._thread is not threading.current_thread():
            self._thread.join(PATIENCE)

    def _run(self):
        try:
            if not self._opened.done():
                try:
                    self._renew()
                except BaseException as error:
                    # Whoever waits may be on an event loop, where the tables can't
                    # be looked for.
                    explained = self._backend._explained(error)
                    if explained is not error:
                        explained.__cause__ = error
                    self._opened.set_exception(explained)
                    return
                self._opened.set_result(None)
            self._read()
            if self._removes:
                try:
                    self._remove()
                except Exception:
                    # The lease ends by itself.
                    pass
        finally:
            connections.close_all()

    def _read(self):
        every = self._backend.lease / 3
        next_beat = monotonic() + every
        arrived = []
        while not self._stopped.is_set():
            try:
                if monotonic() >= next_beat:
                    lost = self._renew()
                    next_beat = monotonic() + every
                    self._backend._beat(lost)
                self._news.clear()
                items = self._store.read_items(self.process, arrived, BATCH)
            except Exception as error:
                self._outage.wait(error, self._stopped)
                continue
            self._outage.over()
            arrived = list(items)
            for data in items.values():
                self._backend._take(bytes(data))
            if not items:
                self._news.wait(max(0, next_beat - monotonic()))

    def _renew(self):
        return self._store.renew(self.process, self._backend.lease)

    def _remove(self):
        self._store.remove(self.process, self._names[0])
