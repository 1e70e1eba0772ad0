"""What a process notes of the messages that its worker handles."""

import threading
from time import monotonic

from django.channels.signals import consumer_finished, consumer_started


class MessageNotes:
    """
    While it's entered: a line through ``write`` for each message that was
    handled, without its content, and a call of ``enough()`` once there were
    ``limit`` of them.
    """

    def __init__(self, write=None, limit=None, enough=None):
        self._write = write
        self._limit = limit
        self._enough = enough
        self._begun = {}
        self._handled = 0
        self._lock = threading.Lock()

    def __enter__(self):
        # A signal that has no receiver costs a message nothing.
        if self._write is not None:
            consumer_started.connect(self._note_start, weak=False)
        if self._write is not None or self._limit is not None:
            consumer_finished.connect(self._note_end, weak=False)
        return self

    def __exit__(self, *exc_info):
        consumer_started.disconnect(self._note_start)
        consumer_finished.disconnect(self._note_end)

    def _note_start(self, message, **kwargs):
        self._begun[id(message)] = monotonic()

    def _note_end(self, message, exception, **kwargs):
        begun = self._begun.pop(id(message), None)
        if self._write is not None and begun is not None:
            milliseconds = (monotonic() - begun) * 1000
            # The name of an exception's class, not its text.
            end = "ok" if exception is None else f"error {type(exception).__name__}"
            self._write(f"{message.channel} {milliseconds:.1f} ms {end}")
        if self._limit is not None:
            with self._lock:
                self._handled += 1
                reached = self._handled == self._limit
            if reached:
                self._enough()
