"""The thread that reads a process's inbox."""

import logging
import threading
from time import monotonic

from django.channels.exceptions import BackendUnavailable

from .waiting import SLICE, Outage

logger = logging.getLogger("django.channels")

# How many items are taken at once, and how many may have arrived, and for how
# many seconds, before the server is told. See SENT_AHEAD in inbox.lua.
BATCH = 256
TOLD_WITHIN = 0.2

# Each time that the thread subscribes, or the server has lost the inbox, the
# numbers of its items go on from a multiple of this.
EPOCH = 2**32

# Why items of this process's are dropped that were in a lost inbox.
LOST = "lost"


class Inbox:
    """
    See SharedChannelBackend._open_inbox().

    The inbox is a list, of items with consecutive numbers. They are published
    as well, on a shard channel of the process: mostly that's how they arrive.
    A number that is missing there, or a connection that has broken, makes the
    thread read the list, which keeps each item until the server was told that
    it has arrived. So nothing is lost with a connection, and the length of the
    list says who reads too slowly. Reading the list alone, by BLMOVE, takes the
    server two and a half times as long (222 µs for a message to two processes
    against 90), and the reader twice.

    A channel for each group, with a log of its own, would take it a little less
    (77 µs). But replies would come by another way, which in a Cluster is another
    server: no order would be kept between them and what is sent to the group.
    Every log would have to keep what all had read long ago, and no sender would
    know whom it didn't reach, or who is too slow.
    """

    def __init__(self, backend, process):
        self._backend = backend
        self._keys = self._inbox, self._lease = backend.inbox_keys(process)
        # In ms.
        self._length = int(backend.lease * 1000)
        self._stopped = threading.Event()
        self._subscription = None
        self._next_beat = 0
        # The numbers of the next item; of the last that the server knows to
        # have arrived; and of the last that it's known to have.
        self._next = EPOCH + 1
        self._told = self._known = EPOCH
        self._tell_at = 0
        # The items that have arrived and the server doesn't know to have; and
        # those of them, by number, that it will send again.
        self._untold = []
        self._again = {}
        # What was left of a batch at a beat, with the number of the first.
        self._rest = 0, ()
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
        self._renew(EPOCH)
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
        try:
            self._backend.call(self._backend.connection.wake, [self._inbox], [])
        except BackendUnavailable:
            # It notices at the next beat, which isn't waited for.
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
            self._unsubscribe()

    def _step(self):
        try:
            if monotonic() >= self._next_beat:
                self._beat()
            if self._subscription is None:
                self._subscribe()
            else:
                self._take_next()
        except BackendUnavailable as error:
            self._interrupted = True
            self._unsubscribe()
            self._next_beat = 0
            self._outage.wait(error)
        else:
            self._outage.over()

    def _beat(self):
        self._next_beat = monotonic() + self._backend.lease / 3
        lost = self._renew()
        self._interrupted = False
        if self._lost:
            # Another thread may find it lost at any time: not to be forgotten.
            lost, self._lost = True, False
        (number, rest), self._rest = self._rest, (0, ())
        if lost and number == self._next:
            for item in rest:
                self._take(item)
        self._backend._beat(lost)
        if self._subscription is not None:
            # What is here already is all that is left of a lost inbox.
            end = self._next_epoch() if lost else 0
            while self._next < end and self._take_published(0) is not None:
                pass
            self._backend.call(self._subscription.check)
            self._read()

    def _renew(self, number=None):
        """Renew the lease. Return whether the server no longer had it."""
        connection = self._backend.connection
        # In a Cluster it's this client that is asked for the inbox's node.
        if self._backend.call(connection.client.pexpire, self._lease, self._length):
            return False
        args = [self._length, number or self._next_epoch()]
        self._backend.call(connection.lease, self._keys, args)
        return True

    def _subscribe(self):
        self._subscription = self._backend.subscription(self._inbox)
        self._resume()
        self._read()

    def _resume(self):
        """Begin with new numbers."""
        base = self._next_epoch()
        resume = self._backend.connection.resume
        before, length = self._backend.call(resume, self._keys, [base])
        if before:
            self._count_lost(before)
        # Those that wait to be sent again do so yet if the last connection broke
        # before. By content, too: a server may have gone back to before it was
        # added.
        arrived = [*self._again.items(), *enumerate(self._untold, self._told + 1)]
        moved = [(number - before + base + 1, item) for number, item in arrived]
        self._again = {n: item for n, item in moved if base < n <= base + length}
        self._untold = []
        self._next, self._told = base + 1, base

    def _next_epoch(self):
        return (self._next // EPOCH + 1) * EPOCH

    def _unsubscribe(self):
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            subscription.close()

    def _take_next(self):
        """Take what comes next, but not past the next beat."""
        end = self._next_beat
        if self._known >= self._next:
            # It may not have been published.
            end = 0
        elif self._untold:
            end = min(end, self._tell_at)
        # Nothing waits for a socket as long as a lease may be.
        came = self._take_published(min(SLICE, max(0, end - monotonic())))
        if not came and self._known >= self._next:
            self._read()
        if self._untold and (
            len(self._untold) >= BATCH or monotonic() >= self._tell_at
        ):
            self._tell(0)

    def _take_published(self, timeout):
        """Take what comes within these seconds. Return it, or None."""
        data = self._backend.call(self._subscription.next, timeout)
        if data:
            number, _, item = data.partition(b" ")
            try:
                number = int(number)
            except ValueError:
                # Others than us have published it.
                self._backend.drops.add("unreadable", "(inbox)")
                return data
            if number == self._next:
                self._take(item)
            elif number > self._next:
                self._read()
        return data

    def _read(self):
        """Take what is there and hasn't arrived, but not past the next beat."""
        while not self._stopped.is_set():
            items = self._tell(BATCH)
            for taken, item in enumerate(items, 1):
                self._take(item)
                if self._stopped.is_set() or monotonic() >= self._next_beat:
                    # What is left of the batch is read again, if it's there yet.
                    self._rest = self._next, items[taken:]
                    return
            if self._known < self._next:
                return

    def _tell(self, number):
        """Tell the server what has arrived. Return so many items at most."""
        arrived = self._next - 1
        first, self._known, *items = self._backend.call(
            self._backend.connection.read,
            keys=self._keys,
            args=[arrived, number, 2 * self._length],
        )
        self._told = arrived
        self._untold.clear()
        if not first:
            # It's begun again at the next beat, which is now.
            self._next_beat = 0
        elif first > self._next:
            self._count_lost(first)
            self._next, self._told = first, first - 1
        return items

    def _count_lost(self, first):
        """Count what the server has lost, if this is the first that it has."""
        if first // EPOCH != self._next // EPOCH:
            logger.warning("The server had lost the inbox of %s.", self._backend)
        elif first > self._next:
            self._backend.drops.add(LOST, "(inbox)", first - self._next)

    def _take(self, item):
        if not self._untold:
            self._tell_at = monotonic() + TOLD_WITHIN
        self._untold.append(item)
        is_again = self._again and self._again.pop(self._next, None) == item
        self._next += 1
        if not is_again:
            self._backend._take(item)
