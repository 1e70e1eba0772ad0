"""Receiving from channels in memory, without polling."""

import threading
from time import monotonic


class MemoryReceiver:
    """
    See BaseChannelBackend.receiver().

    A sender hands its message straight to a thread that waits, the one that
    began to wait last, since its caches are the warmest. Durable and delayed
    messages it takes itself, once it's roused or their time has come. The
    threads that wait are ``idle``, each with its Waiter.
    """

    def __init__(self, backend, channels):
        self._backend = backend
        self._state = state = backend._state
        self._channels = frozenset(channels)
        self.idle = []
        self._closed = False
        # Whose turn it was the last time.
        self._jobs_first = False
        with state.lock:
            for name in self._channels:
                state.receivers.setdefault(name, []).append(self)

    def receive(self, timeout=None):
        message = self._take_at_once()
        if message is not None:
            return message
        deadline = None
        while True:
            message, waiter, expired, due = self._look(timeout)
            for old in expired:
                self._backend._drop_expired(old)
            if waiter is None:
                return message
            if deadline is None and timeout is not None:
                deadline = monotonic() + timeout
            if not waiter.wait(_earlier(timeout, due)):
                with self._state.lock:
                    # A sender may have been quicker than the clock.
                    if waiter in self.idle:
                        self.idle.remove(waiter)
            if waiter.message is not None or self._closed:
                return waiter.message
            if deadline is not None:
                timeout = max(0, deadline - monotonic())

    def _take_at_once(self):
        """
        Return the message that is next, if that's all that is to be done: a
        busy server's case, without the calls of _look().
        """
        state = self._state
        with state.lock:
            if state.jobs or len(state.queues) != 1 or self._closed:
                return None
            [name] = state.queues
            queue = state.queues[name]
            message = queue[0][1]
            if name not in self._channels or message.expires <= self._backend.clock():
                return None
            queue.popleft()
            if not queue:
                del state.queues[name]
            return message

    def _look(self, timeout):
        """
        Return the message that is there, or else a Waiter; the messages that
        had expired; and in how many seconds to look again, or None.
        """
        state = self._state
        with state.lock:
            message, expired = self._take()
            if message is not None or self._closed or timeout == 0:
                return message, None, expired, None
            waiter = Waiter()
            self.idle.append(waiter)
            due = state.jobs.next_time() if state.jobs else None
            if due is not None:
                due = max(0, due - self._backend.clock())
            return None, waiter, expired, due

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
            idle, self.idle = self.idle, []
        for waiter in idle:
            waiter.wake()

    def hand(self, message):
        """Hand the message to one of the idle threads. The lock is held."""
        waiter = self.idle.pop()
        waiter.message = message
        wakeups = message.wakeups
        if wakeups is None:
            waiter.wake()
        else:
            wakeups.add(waiter)

    def rouse(self, every):
        """
        Have an idle thread look again, or all of them. Return whether there
        was one. The lock is held.
        """
        roused = self.idle if every else self.idle[-1:]
        self.idle = [] if every else self.idle[:-1]
        for waiter in roused:
            waiter.wake()
        return bool(roused)

    def _take(self):
        """
        Return the oldest waiting message, or None, and those found expired.
        The lock is held.
        """
        expired = []
        while not self._closed:
            jobs = self._state.jobs
            message = self._take_in_turn() if jobs else self._take_queued()
            if message is None:
                break
            if message.expires is None or message.expires > self._backend.clock():
                return message, expired
            expired.append(message)
        return None, expired

    def _take_in_turn(self):
        """Neither the jobs nor the queues keep the others waiting for ever."""
        self._jobs_first = not self._jobs_first
        if self._jobs_first:
            return self._take_job() or self._take_queued()
        return self._take_queued() or self._take_job()

    def _take_job(self):
        return self._backend._take_job(self._channels)

    def _take_queued(self):
        queues = self._state.queues
        if not queues:
            return None
        smaller, other = (
            (queues, self._channels)
            if len(queues) < len(self._channels)
            else (self._channels, queues)
        )
        ready = [name for name in smaller if name in other]
        if not ready:
            return None
        name = ready[0]
        if len(ready) > 1:
            name = min(ready, key=lambda name: queues[name][0][0])
        _, message = queues[name].popleft()
        if not queues[name]:
            del queues[name]
        return message


def _earlier(one, other):
    return min((time for time in (one, other) if time is not None), default=None)


class Waiter:
    """A thread that waits for one message, which is set before it's woken."""

    __slots__ = ("message", "_wakeup")

    def __init__(self):
        self.message = None
        self._wakeup = threading.Lock()
        self._wakeup.acquire()

    def wait(self, timeout):
        """Return whether it was woken within the time, or the longest there is."""
        timeout = -1 if timeout is None else min(timeout, threading.TIMEOUT_MAX)
        return self._wakeup.acquire(timeout=timeout)

    def wake(self):
        self._wakeup.release()
