"""Receiving from channels, without polling."""

import secrets
import threading
from time import monotonic

from django.channels.exceptions import BackendUnavailable

from ..shared_receiver import SharedReceiver
from .places import Places
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

    A thread takes what is there and otherwise blocks, on a connection of its
    own, until a signal comes that there is more; it never blocks beyond the
    time at which there may be. Nothing but a signal is lost with a connection:
    the server keeps each thread's last answer, and repeats it.

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
        tag = backend.queue_key(next(iter(self.channels), "")).rpartition(":queue:")[0]
        self._wake_key = f"{tag}:wake:{secrets.token_hex(8)}".encode()
        self._base = f"{tag}:jobs".encode()
        self._signals = [
            key.encode()
            for channel in self.channels
            for key in (
                f"{tag}:jobs:signal:{channel}",
                backend.signals_key(channel),
            )
        ]
        self._places = Places(tag)
        self._lock = threading.Lock()
        self._threads = 0
        self._wire = None
        self._outage = Outage(f"A receiver of {backend}", self.closed, backend.recovery)

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
            place = self._places.take()
        try:
            return self._receive_until(deadline, place)
        finally:
            with self._lock:
                self._threads -= 1
                self._places.give_back(place)
            self._clean_up()

    def _receive_until(self, deadline, place):
        signal = None
        while not self.closed.is_set():
            failed = False
            try:
                found, time = self._take(place)
                if found is None:
                    signal, found = self._wait(deadline, time, place)
            except BackendUnavailable as error:
                failed = True
                self._outage.wait(error, deadline)
            else:
                self._outage.over()
                if found is not None:
                    if signal and signal.rpartition(b":")[2] != found[0].encode():
                        # What it's for may be for receivers of other channels.
                        self._pass_on(signal)
                    return found
            is_over = deadline is not None and monotonic() >= deadline
            if is_over and (failed or not signal):
                break
        if signal is not None:
            self._pass_on(signal)
        return None

    def _take(self, place):
        """
        Return the channel and the entry of what is there, or None; and in how
        many seconds there may be more.
        """
        backend = self.backend
        while self._keys and not self.closed.is_set():
            keys = place.begin(self._keys)
            answer = backend.call(backend.connection.take, *self._call(place, keys))
            number, found, time = self._read(answer, place, keys)
            if number >= 0:
                return found, SLICE if time < 0 else min(SLICE, time / 1000)
        return None, SLICE

    def _call(self, place, keys, wake_key=b""):
        """Return the keys and the arguments of take.lua."""
        lease = int(self.backend.message_lease * 1000)
        args = lease, place.number, self.backend.kept, wake_key
        return (self._base, place.key, *keys), args

    def _read(self, answer, place, keys):
        """Return what take.lua answered: a number, what it found, and a time."""
        number, entry, time, *expired = answer
        place.end()
        for i in range(0, len(expired), 2):
            channel = self._channels[keys[expired[i] - 1]]
            self.backend._expired(channel, expired[i + 1])
        return (
            number,
            self._found(keys[number - 1], entry) if number > 0 else None,
            time,
        )

    def _wait(self, deadline, time, place):
        """
        Block until then, or a signal, and take what is there. Return the
        signal's key or None, and the channel and the entry or None.
        """
        if deadline is not None:
            time = min(time, deadline - monotonic())
        if self.closed.is_set() or (deadline is not None and time <= 0):
            return None, None
        keys = place.begin(self._keys)
        call = self._call(place, keys, self._wake_key)
        try:
            # A server takes 0 for ever.
            popped, answer = self.backend.call(self._blpop, max(time, 0.001), call)
        except BackendUnavailable:
            self._drop_wire()
            raise
        signal = None if popped is None or popped[0] == self._wake_key else popped[0]
        if isinstance(answer, Exception):
            # A server that has just started, or the next take has it again.
            return signal, None
        return signal, self._read(answer, place, keys)[1]

    def _pass_on(self, signal):
        """Let another receiver have the signal."""
        try:
            self.backend.call(self._push_signal, signal, [b""])
        except BackendUnavailable:
            # Others look at the end of their slice.
            pass

    def _blpop(self, timeout, call):
        """
        Wait for a signal. Have the server do what the call of take.lua says as
        soon as it comes: a way there and back less.
        """
        keys = [self._wake_key, *self._signals]
        with self._lock:
            wire = self._wire
            if wire is None:
                wire = self._wire = self.backend.waiting_wire(keys[0])
        return wire.pop_and_call(keys, timeout, (self.backend.connection.take, *call))

    def _drop_wire(self):
        """Have the next attempt find out where the queues are now."""
        with self._lock:
            wire, self._wire = self._wire, None
        if wire is not None:
            # Other threads may be waiting with it yet.
            wire.close_idle()

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
                # One more than are taken: see take.lua.
                items = [b""] * (threads + 1)
                self.backend.call(self._push_signal, self._wake_key, items)
            except BackendUnavailable:
                # They notice at the end of their slice.
                pass
        self._clean_up()

    def _push_signal(self, key, items):
        pipeline = self.backend.connection.client.pipeline(transaction=False)
        pipeline.rpush(key, *items)
        pipeline.pexpire(key, 60_000)
        pipeline.execute()

    def _clean_up(self):
        """Leave nothing open or kept, if nobody needs it any more."""
        with self._lock:
            if self._threads or not self.closed.is_set():
                return
            wire, self._wire = self._wire, None
            keys = self._places.clear()
        if wire is not None:
            wire.close()
        if keys:
            try:
                self.backend.call(self.backend.connection.client.delete, *keys)
            except BackendUnavailable:
                # They end by themselves.
                pass
