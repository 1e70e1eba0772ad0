"""Waking workers when the loop has done all that it had to do at once."""

from collections import deque


class Wakeups:
    """
    Worker threads that have been given a message by this thread's loop, woken
    at the end of its turn: a thread that runs wants the interpreter, and with
    each byte that the loop reads or writes it would take turns with it.

    ``soon(function)`` has the loop call a function after this turn's events.
    """

    def __init__(self, soon):
        self._soon = soon
        self._waiters = deque()

    def add(self, waiter):
        """Have ``waiter.wake()`` called, soon."""
        self._waiters.append(waiter)
        if len(self._waiters) == 1:
            self._soon(self.flush)

    def flush(self):
        """Wake those that wait. Any thread may call it, when the loop has ended."""
        while self._waiters:
            try:
                waiter = self._waiters.popleft()
            except IndexError:
                return
            waiter.wake()
