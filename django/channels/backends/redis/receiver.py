"""Receiving from channels, without polling."""

import secrets
import threading
from time import monotonic

from django.channels.exceptions import BackendUnavailable

from ..shared_receiver import SharedReceiver
from .waiting import SLICE, Outage

# How long the time is that an entry begins with. See push.lua.
STAMP = 13


def without_stamp(found):
    """Return what _receive() returns for what receive_entry() returned."""
    if found is None or isinstance(found[1], list):
        return found and (found[0], found[1][0], found[1][1:])
    return found[0], found[1][STAMP:]


class RedisReceiver(SharedReceiver):
    """
    Receives from channels of one shard. See SharedReceiver.

    A thread takes what is there and otherwise blocks until something comes,
    on a connection of its own. What comes meanwhile is fresh; what was there
    may have expired, which take.lua sees by the server's clock. For a durable
    or delayed message comes a signal, after which it's taken; and no thread
    blocks beyond the time at which there may be more.

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
        self._base = f"{tag}:jobs".encode()
        self._signals = [
            f"{tag}:jobs:signal:{channel}".encode() for channel in self.channels
        ]
        self._lock = threading.Lock()
        self._threads = 0
        self._client = None
        self._outage = Outage(f"A receiver of {backend}", self.closed)

    def _receive(self, timeout):
        return without_stamp(self.receive_entry(timeout))

    def receive_entry(self, timeout):
        """
        Return a channel and its next entry or, for a durable message, a list
        of its data and its lease, as take.lua has it.
        """
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
                found, time = self._take()
                if found is None:
                    found = self._wait(deadline, time)
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
        """
        Return the channel and the entry of what is there, or None; and in how
        many seconds there may be more.
        """
        backend = self.backend
        args = [int(backend.message_lease * 1000)]
        while self._keys and not self.closed.is_set():
            keys = self._keys
            number, entry, time, *expired = backend.call(
                backend.connection.take, keys=[self._base, *keys], args=args
            )
            for i in range(0, len(expired), 2):
                channel = self._channels[keys[expired[i] - 1]]
                backend._expired(channel, expired[i + 1])
            if number > 0:
                return self._found(keys[number - 1], entry), 0
            if number == 0:
                return None, SLICE if time < 0 else min(SLICE, time / 1000)
        return None, SLICE

    def _wait(self, deadline, time):
        """Return the same of what comes until then, or None."""
        if deadline is not None:
            time = min(time, deadline - monotonic())
        if self.closed.is_set() or (deadline is not None and time <= 0):
            return None
        keys = [self._wake_key, *self._signals, *self._keys]
        try:
            # A server takes 0 for ever.
            popped = self.backend.call(self._blpop, keys, max(time, 0.001))
        except BackendUnavailable:
            self._drop_client()
            raise
        # A signal is for _take().
        if popped is not None and popped[0] in self._channels:
            return self._found(*popped)
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
