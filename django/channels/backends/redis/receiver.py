"""Receiving from channels, without polling."""

import secrets
import threading
from time import monotonic

from django.channels.exceptions import BackendUnavailable

from ..shared import SharedReceiver
from .waiting import SLICE, Outage

# How long the time is that an entry begins with. See push.lua.
STAMP = 13


def without_stamp(found):
    """Return a channel and the message in its entry; None for None."""
    return found and (found[0], found[1][STAMP:])


class RedisReceiver(SharedReceiver):
    """
    Receives from channels of one shard. See SharedReceiver.

    A thread takes what is there and otherwise blocks until something comes,
    on a connection of its own. What comes meanwhile is fresh; what was there
    may have expired, which take.lua sees by the server's clock.

    The channels have turns: each begins the list once, and a busy one is last
    after it has given a message.
    """

    def __init__(self, backend, channels):
        super().__init__(backend, channels)
        # All channels are of one shard, whose tag begins their keys.
        self._channels = {
            backend.queue_key(channel).encode(): channel for channel in self.channels
        }
        self._keys = list(self._channels)
        tag = backend.queue_key(next(iter(self.channels), "")).partition(":queue:")[0]
        self._wake_key = f"{tag}:wake:{secrets.token_hex(8)}".encode()
        self._lock = threading.Lock()
        self._threads = 0
        self._client = None
        self._outage = Outage(f"A receiver of {backend}", self.closed)

    def _receive(self, timeout):
        return without_stamp(self.receive_entry(timeout))

    def receive_entry(self, timeout):
        """Return a channel and its next entry, as _receive() does."""
        deadline = None if timeout is None else monotonic() + timeout
        with self._lock:
            if self.closed.is_set():
                return None
            self._threads += 1
        try:
            return self._receive_until(deadline)
        finally:
            with self._lock:
                self._threads -= 1
            self._close_client()

    def _receive_until(self, deadline):
        while not self.closed.is_set():
            try:
                found = self._take() or self._wait(deadline)
            except BackendUnavailable as error:
                self._outage.wait(error, deadline)
            else:
                self._outage.over()
                if found is not None:
                    return found
            if deadline is not None and monotonic() >= deadline:
                return None
        return None

    def _take(self):
        """Return the channel and the entry of what is there, or None."""
        backend = self.backend
        while self._keys and not self.closed.is_set():
            keys = self._keys
            number, entry, *expired = backend.call(backend.connection.take, keys=keys)
            for i in range(0, len(expired), 2):
                channel = self._channels[keys[expired[i] - 1]]
                backend._expired(channel, expired[i + 1])
            if number > 0:
                return self._found(keys[number - 1], entry)
            if number == 0:
                break
        return None

    def _wait(self, deadline):
        """Return the same of what comes until the deadline, or None."""
        while not self.closed.is_set():
            left = SLICE if deadline is None else min(SLICE, deadline - monotonic())
            if left <= 0:
                break
            keys = [self._wake_key, *self._keys]
            # A server takes 0 for ever.
            try:
                popped = self.backend.call(self._blpop, keys, max(left, 0.001))
            except BackendUnavailable:
                self._drop_client()
                raise
            if popped is not None:
                key, entry = popped
                return None if key == self._wake_key else self._found(key, entry)
        return None

    def _blpop(self, keys, timeout):
        with self._lock:
            client = self._client
            if client is None:
                client = self._client = self.backend.waiting_client(keys[0])
        return client.blpop(keys, timeout)

    def _drop_client(self):
        """Have the next attempt find out where the queues are now."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            # Other threads may be waiting with it yet.
            client.connection_pool.disconnect(inuse_connections=False)

    def _found(self, key, entry):
        with self._lock:
            # A new list: other threads are sending the old one.
            self._keys = [k for k in self._keys if k != key] + [key]
        return self._channels[key], entry

    def _wake(self):
        with self._lock:
            threads = self._threads
        if threads:
            try:
                self.backend.call(self._push_wake_up, threads)
            except BackendUnavailable:
                # They notice at the end of their slice.
                pass
        self._close_client()

    def _push_wake_up(self, threads):
        pipeline = self.backend.connection.client.pipeline(transaction=False)
        pipeline.rpush(self._wake_key, *[b""] * threads)
        pipeline.pexpire(self._wake_key, 60_000)
        pipeline.execute()

    def _close_client(self):
        """Close the connections, if nobody needs them any more."""
        with self._lock:
            if self._threads or not self.closed.is_set() or self._client is None:
                return
            client, self._client = self._client, None
        client.close()
