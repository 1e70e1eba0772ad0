"""Receiving from channels in memory, without polling."""

import threading


class MemoryReceiver:
    """
    See BaseChannelBackend.receiver().

    A sender hands its message straight to a thread that waits, the one that
    began to wait last, since its caches are the warmest. No thread is woken
    that finds nothing, and none looks twice.
    """

    def __init__(self, backend, channels):
        self._backend = backend
        self._state = state = backend._state
        self._channels = frozenset(channels)
        self._idle = []
        self._closed = False
        with state.lock:
            for name in self._channels:
                state.receivers.setdefault(name, []).append(self)

    def receive(self, timeout=None):
        state = self._state
        with state.lock:
            message, expired = self._take()
            if message is None and not self._closed and timeout != 0:
                waiter = Waiter()
                self._idle.append(waiter)
            else:
                waiter = None
        for old in expired:
            self._backend._drop_expired(old)
        if waiter is None:
            return message
        if not waiter.wait(timeout):
            with state.lock:
                # A sender may have been quicker than the clock.
                if waiter.message is None and waiter in self._idle:
                    self._idle.remove(waiter)
        return waiter.message

    def close(self):
        """Let every thread in receive() return None, now and from now on."""
        state = self._state
        with state.lock:
            self._closed = True
            for name in self._channels:
                others = state.receivers.get(name, [])
                if self in others:
                    others.remove(self)
                    if not others:
                        del state.receivers[name]
            idle, self._idle = self._idle, []
        for waiter in idle:
            waiter.wake(None)

    def offer(self, message):
        """Hand the message to an idle thread, if any. The lock is held."""
        if not self._idle:
            return False
        self._idle.pop().wake(message)
        return True

    def _take(self):
        """
        Return the oldest waiting message, or None, and those found expired.
        The lock is held.
        """
        expired = []
        queues = self._state.queues
        while not self._closed and queues:
            smaller, other = (
                (queues, self._channels)
                if len(queues) < len(self._channels)
                else (self._channels, queues)
            )
            ready = [name for name in smaller if name in other]
            if not ready:
                break
            name = min(ready, key=lambda name: queues[name][0][0])
            _, message = queues[name].popleft()
            if not queues[name]:
                del queues[name]
            if message.expires is None or message.expires > self._backend.clock():
                return message, expired
            expired.append(message)
        return None, expired


class Waiter:
    """A thread that waits for one message."""

    __slots__ = ("message", "_wakeup")

    def __init__(self):
        self.message = None
        self._wakeup = threading.Lock()
        self._wakeup.acquire()

    def wait(self, timeout):
        return self._wakeup.acquire(timeout=-1 if timeout is None else timeout)

    def wake(self, message):
        self.message = message
        self._wakeup.release()
