"""The way from the reactor's thread to a backend that takes its time."""

import logging
import threading
from queue import SimpleQueue
from time import monotonic
from zlib import crc32

from django.db import connections

logger = logging.getLogger("django.channels.server")

# A thread waits for the store most of the time. On one machine one of them
# would do; a store half a millisecond away takes a few to keep it busy.
THREADS = 4


class Outbox:
    """
    Calls that may wait for a store, made in threads of their own so that the
    reactor's never does.

    Calls with the same key are made in the order in which they were posted,
    one at a time: a key has one thread. What a call returns comes back through
    ``mailbox``, to the reactor's thread. Nothing limits how many calls wait: a
    socket has one message on its way, and a connection one request.
    """

    def __init__(self, mailbox, threads=THREADS):
        self._mailbox = mailbox
        self._queues = [SimpleQueue() for _ in range(threads)]
        self._threads = [
            threading.Thread(
                target=self._work,
                args=[queue],
                name=f"channels-outbox-{i}",
                daemon=True,
            )
            for i, queue in enumerate(self._queues)
        ]
        for thread in self._threads:
            thread.start()

    def post(self, key, function, *args, then=None):
        """
        Have ``function(*args)`` called, and after it, in the reactor's thread,
        ``then(result)``. The function must not raise.
        """
        queue = self._queues[crc32(key.encode()) % len(self._queues)]
        queue.put((function, args, then))

    def close(self, timeout=0.0):
        """End the threads, each after what it has; wait up to ``timeout`` seconds."""
        for queue in self._queues:
            queue.put(None)
        end = monotonic() + timeout
        for thread in self._threads:
            # It may be one of them that finds nothing left.
            if thread is not threading.current_thread():
                thread.join(max(0, end - monotonic()))

    def _work(self, queue):
        try:
            while (call := queue.get()) is not None:
                self._call(*call)
        finally:
            # The backend may be in a database.
            connections.close_all()

    def _call(self, function, args, then):
        try:
            result = function(*args)
        except Exception:
            logger.exception("A call to a channel backend failed.")
            return
        if then is not None:
            self._mailbox.post(then, result)
