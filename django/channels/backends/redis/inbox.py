"""The thread that reads a process's inbox."""

import threading
from time import monotonic

from django.channels.exceptions import BackendUnavailable

from .waiting import SLICE, Outage

# How many items are taken at once.
BATCH = 256


class Inbox:
    """
    See SharedChannelBackend._open_inbox().

    What members in other processes get of a group is added to a list of each
    process. Sharded Pub/Sub would take the server a quarter to a third of the
    time (74 µs for a message to two processes against 250), but knows neither
    whom it didn't reach nor who reads too slowly: with the connections cut 20
    times a second, it lost 330 of 10,000 without a trace, and this lost none
    (python -m benchmarks --only redis_ways).
    """

    def __init__(self, backend, process):
        self._backend = backend
        self._keys = self._inbox, self._lease, self._last = backend.inbox_keys(process)
        # In ms.
        self._length = int(backend.lease * 1000)
        self._stopped = threading.Event()
        self._wire = None
        self._next_beat = 0
        # See read.lua.
        self._number = 1
        self._arrived = 0
        # Whether the server may have forgotten this inbox, and whether it did.
        self._interrupted = False
        self._lost = False
        self._outage = Outage(
            f"The inbox of {backend}", self._stopped, backend.recovery
        )
        self._thread = threading.Thread(
            target=self._run, name="channels-inbox", daemon=True
        )

    def open(self):
        self._renew()
        self._thread.start()

    def renew(self):
        """See BaseChannelBackend.renew_inbox()."""
        if self._interrupted:
            # The thread, which waits a little, looks after the groups.
            if self._renew():
                self._lost = True
            self._interrupted = False

    def close(self):
        """End the thread and delete the inbox."""
        client = self._backend.connection.client
        try:
            # First, so that nobody adds an item after the last.
            self._backend.call(client.delete, self._lease)
            self.stop()
            # The thread may have renewed it meanwhile.
            self._backend.call(client.delete, *self._keys)
        finally:
            self.stop()

    def stop(self):
        """End the thread, and leave the inbox and the lease to themselves."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        client = self._backend.connection.client
        try:
            # What wakes it.
            self._backend.call(client.rpush, self._inbox, b"")
        except BackendUnavailable:
            # It notices at the end of its slice, which isn't waited for.
            patience = 1
        else:
            patience = None
        if threading.current_thread() is not self._thread:
            self._thread.join(patience)

    def _run(self):
        try:
            while not self._stopped.is_set():
                self._step()
        finally:
            self._close_wire()

    def _step(self):
        try:
            if monotonic() >= self._next_beat:
                self._next_beat = monotonic() + self._backend.lease / 3
                lost = self._renew() or self._lost
                self._interrupted = self._lost = False
                self._backend._beat(lost)
            self._read(min(SLICE, max(0.001, self._next_beat - monotonic())))
        except BackendUnavailable as error:
            self._interrupted = True
            self._close_wire()
            self._next_beat = 0
            self._outage.wait(error)
        else:
            self._outage.over()

    def _renew(self):
        """Renew the lease. Return whether the server no longer had it."""
        client = self._backend.connection.client
        if self._backend.call(client.pexpire, self._lease, self._length):
            return False
        self._backend.call(client.set, self._lease, self._length, px=self._length)
        return True

    def _read(self, timeout):
        """Take what is there, or else what comes within the time."""
        items = self._backend.call(
            self._backend.connection.read,
            keys=[self._inbox, self._last],
            args=[self._number, self._arrived, BATCH, 2 * self._length],
        )
        self._number += 1
        self._arrived = len(items)
        if not items:
            first = self._backend.call(self._wait, timeout)
            items = [] if first is None else [first]
            self._arrived = len(items)
        for item in items:
            if self._stopped.is_set():
                return
            self._backend._take(item)

    def _wait(self, timeout):
        """Return the first item when there is one, and leave it there."""
        if self._wire is None:
            self._wire = self._backend.waiting_wire(self._inbox)
        ends = [self._inbox, self._inbox]
        return self._wire.command("BLMOVE", *ends, "LEFT", "LEFT", timeout)

    def _close_wire(self):
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()
