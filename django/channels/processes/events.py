"""What the main thread of a process waits for."""

import signal
import threading
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from time import monotonic

# The kind of event that a signal is; the value is its number.
SIGNAL = "signal"

# How many seconds the main thread waits before it looks whether there was a
# signal. One that comes just before it waits, or to another thread, doesn't
# interrupt it: the handler would run when something else does. On Windows none
# interrupts it.
SLICE = 1


class Events:
    """
    A queue of pairs, a kind and a value, which any thread may put there.

    Signals are put there by their handlers. These run within any step of the
    main thread, also one that takes from the queue: a SimpleQueue allows for
    that, where an Event or a Queue could meet the lock it holds itself.
    """

    def __init__(self):
        self._queue = SimpleQueue()

    def put(self, kind, value=None):
        self._queue.put((kind, value))

    def wait(self, deadline=None):
        """Return the next event, or None at the ``deadline`` (monotonic())."""
        while True:
            left = SLICE
            if deadline is not None:
                left = min(left, max(0, deadline - monotonic()))
            try:
                return self._queue.get(timeout=left)
            except Empty:
                if deadline is not None and monotonic() >= deadline:
                    return None

    @contextmanager
    def signals(self):
        """Have SIGINT and SIGTERM be events while the block runs."""
        kept = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                kept[number] = signal.signal(
                    number, lambda number, frame: self.put(SIGNAL, number)
                )
        try:
            yield
        finally:
            for number, handler in kept.items():
                # None stands for one that isn't Python's, and can't be set again.
                signal.signal(number, signal.SIG_DFL if handler is None else handler)
