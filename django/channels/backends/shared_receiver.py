"""Receiving from a store that processes share."""

import threading
from collections import Counter


class Served:
    """The channels that have a receiver in this process."""

    def __init__(self):
        self._counts = Counter()
        self._lock = threading.Lock()

    def __contains__(self, channel):
        return self._counts[channel] > 0

    def add(self, channels):
        with self._lock:
            self._counts.update(channels)

    def remove(self, channels):
        with self._lock:
            self._counts.subtract(channels)


class SharedReceiver:
    """
    The base of the receivers of shared backends. See
    BaseChannelBackend.receiver().

    A subclass implements ``_receive(timeout)``: return the channel and the
    data of the next message, for a durable one its lease besides, or None when
    the time is over or ``closed``, a threading.Event, is set. It never raises
    for a store that can't be reached, but tries again until then, and calls
    ``self.backend._expired()`` for what has expired. And ``_wake()``: let the
    threads in there notice ``closed``.
    """

    def __init__(self, backend, channels):
        self.backend = backend
        self.channels = sorted(set(channels))
        self.closed = threading.Event()
        self._closing = threading.Lock()
        self._served = backend.served
        self._served.add(self.channels)

    def receive(self, timeout=None):
        try:
            while not self.closed.is_set():
                found = self._receive(timeout)
                if found is None:
                    return None
                message = self.backend._message(*found)
                if message is not None:
                    return message
            return None
        finally:
            self.backend.settle_up()

    def close(self):
        with self._closing:
            if self.closed.is_set():
                return
            self.closed.set()
            self._served.remove(self.channels)
        self._wake()
