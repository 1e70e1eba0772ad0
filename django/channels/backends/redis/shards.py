"""Receiving from channels of several shards."""

import threading
from collections import deque

from django.channels.exceptions import BackendUnavailable

from ..shared_receiver import SharedReceiver
from .inbox import LOST
from .receiver import RedisReceiver, without_stamp


class ShardedReceiver(SharedReceiver):
    """
    Receives from several shards, as one. See SharedReceiver.

    In a Cluster the shards may be on different servers, and nothing waits for
    several of them. So each shard has a thread that waits there as long as
    anybody is in receive(). Two may then have a message for one caller: the
    later of them gives its message back to the front of its queue.
    """

    def __init__(self, backend, channels, by_shard):
        super().__init__(backend, channels)
        self._receivers = [RedisReceiver(backend, c) for c in by_shard.values()]
        self._changed = threading.Condition()
        # How many threads wait for a message, and the messages for them.
        self._waiting = 0
        self._found = deque()
        self._feeders = {}

    def _receive(self, timeout):
        found = self._look()
        if found is None and timeout != 0:
            found = self._wait(timeout)
        return without_stamp(found)

    def _look(self):
        """Return what is there in any shard: a different one first each time."""
        with self._changed:
            if self._found and not self._waiting:
                return self._found.popleft()
            receivers = list(self._receivers)
            self._receivers.append(self._receivers.pop(0))
        for receiver in receivers:
            found = receiver.receive_entry(0)
            if found is not None:
                return found
        return None

    def _wait(self, timeout):
        with self._changed:
            if len(self._feeders) < len(self._receivers) and not self.closed.is_set():
                self._start_feeders()
            self._waiting += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._found or self.closed.is_set(), timeout)
            self._waiting -= 1
            return self._found.popleft() if self._found else None

    def _start_feeders(self):
        for receiver in self._receivers:
            if receiver not in self._feeders:
                thread = threading.Thread(
                    target=self._feed,
                    args=[receiver],
                    name="channels-shard",
                    daemon=True,
                )
                # Where there's no thread to be had, the next one to wait tries again.
                thread.start()
                self._feeders[receiver] = thread

    def _feed(self, receiver):
        while not self.closed.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._needed() or self.closed.is_set())
            found = receiver.receive_entry(None)
            if found is None:
                continue
            with self._changed:
                if self._needed():
                    self._found.append(found)
                    self._changed.notify_all()
                    continue
            try:
                self.backend.put_back(*found)
            except BackendUnavailable as error:
                if not error.unsent and not isinstance(found[1], list):
                    # It may be back, and must not come twice.
                    self.backend.drops.add(LOST, found[0])
                    continue
                with self._changed:
                    self._found.append(found)
                    self._changed.notify_all()

    def _needed(self):
        return self._waiting > len(self._found)

    def _wake(self):
        with self._changed:
            self._changed.notify_all()
        for receiver in self._receivers:
            receiver.close()
        for thread in self._feeders.values():
            thread.join()
