"""A worker that is all that its process does."""

import logging
import signal
import threading
from time import monotonic

from . import readiness
from .events import SIGNAL, Events
from .exits import FORCED, leave_late
from .messages import MessageNotes

logger = logging.getLogger("django.channels.worker")

# The kinds of events besides signals. The value of the first is a signal's
# number, as if that had come; that of the second, whether all has ended.
STOP = "stop"
STOPPED = "stopped"

# How many seconds stopping may take beyond the grace: what was cancelled ends,
# and a backend that is out of reach is given up.
MARGIN = 4


class WorkerProcess:
    """
    Runs ``worker`` until SIGINT or SIGTERM, until its ``parent`` says so, or
    until it has handled ``max_messages``. Then it receives nothing more, and
    what runs has ``grace`` seconds to end.

    ``write``, if given, gets a line for each message.
    """

    def __init__(self, worker, grace, parent=None, max_messages=None, write=None):
        self.worker = worker
        self.grace = grace
        self.parent = parent
        self._events = Events()
        self._notes = MessageNotes(
            write, max_messages, enough=lambda: self._events.put(STOP, signal.SIGTERM)
        )

    def run(self, on_ready):
        """
        Call ``on_ready()`` when messages are received. Return the status to
        exit with: not 0 if consumers may be running yet.
        """
        with self._events.signals(), self._notes:
            if self.parent is not None:
                self.parent.watch(lambda: self._events.put(STOP, signal.SIGTERM))
            self.worker.start()
            on_ready()
            kind, number = self._events.wait()
            readiness.notify(readiness.STOPPING)
            threading.Thread(
                target=self._stop, name="channels-stopping", daemon=True
            ).start()
            return self._wait_for_end(number, monotonic() + self.grace + MARGIN)

    def _stop(self):
        try:
            ended = self.worker.stop(self.grace)
        except Exception:
            logger.exception("The worker could not be stopped in good order.")
            ended = False
        self._events.put(STOPPED, ended)

    def _wait_for_end(self, number, deadline):
        while event := self._events.wait(deadline):
            kind, value = event
            if kind == STOPPED and value:
                # What its consumers have begun elsewhere may go on.
                leave_late(max(0, deadline - monotonic()), FORCED + number)
                return 0
            if kind == STOPPED:
                return FORCED + number
            # A supervisor kills: a process of its own may get a second signal
            # from whoever signals all of a service's processes.
            if kind == SIGNAL and self.parent is None:
                return FORCED + value
        return FORCED + number
