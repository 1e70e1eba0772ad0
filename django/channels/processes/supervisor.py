"""A process that starts others, and replaces those that crash."""

import logging
from time import monotonic

from . import readiness
from .child import ENDED, READY, Child
from .events import SIGNAL, Events
from .exits import FORCED, UNAVAILABLE

# How many times in a row a process may end before it was ready. Then the
# supervisor gives up: what starts *it* knows better what to do.
MAX_FAILED_STARTS = 5

# How many seconds children have beyond their own grace before they're killed:
# more than they may take themselves, for disconnects, coroutines and the rest.
MARGIN = 6


class Backoff:
    """
    How many seconds there are before a crashed process is replaced: the double
    of the last time, from ``first`` to ``longest``, and ``first`` again if it
    ran for ``well`` seconds.
    """

    def __init__(self, first=1, longest=30, well=60):
        self.first = first
        self.longest = longest
        self.well = well
        self._next = first

    def after(self, lived):
        """Return the seconds to wait after one that lived so many seconds."""
        delay = self.first if lived >= self.well else self._next
        self._next = min(2 * delay, self.longest)
        return delay


class Place:
    """What there is of one of the processes: a Child, or a time to start it."""

    def __init__(self, number, backoff):
        self.number = number
        self.backoff = backoff
        self.child = None
        self.start_at = monotonic()
        # How many ended before they were ready, in a row.
        self.failed_starts = 0


class Supervisor:
    """
    Keeps ``processes`` processes running ``command``, a list as subprocess
    takes it, until SIGINT or SIGTERM. Each then has ``grace`` seconds to
    finish what it does; a second signal ends them at once. One that ended
    without being asked to is replaced.

    ``kind`` is the word for what the processes are, and the last part of the
    logger's name. They inherit the ``descriptors`` and nothing else: the
    supervisor opens no connection of any kind, so there is none to share.
    """

    def __init__(
        self, command, kind, processes, grace, descriptors=(), backoff=Backoff
    ):
        self.command = command
        self.kind = kind
        self.grace = grace
        self.descriptors = descriptors
        self._logger = logging.getLogger(f"django.channels.{kind}")
        self._events = Events()
        self._places = [Place(number, backoff()) for number in range(processes)]
        self._announced = False

    def run(self, on_ready, on_stop=None):
        """
        Call ``on_ready()`` once, when all processes are ready, and
        ``on_stop()`` before they are told to stop. Return the status to exit
        with when all have ended.
        """
        with self._events.signals():
            try:
                number = self._supervise(on_ready)
                readiness.notify(readiness.STOPPING)
                if on_stop is not None:
                    on_stop()
                return self._stop(number)
            finally:
                for child in self._children():
                    child.kill()

    def _children(self):
        return [place.child for place in self._places if place.child is not None]

    def _supervise(self, on_ready):
        """Return the number of the signal to stop, or None to give up."""
        while all(place.failed_starts < MAX_FAILED_STARTS for place in self._places):
            self._start_due()
            times = [place.start_at for place in self._places if place.child is None]
            event = self._events.wait(min(times, default=None))
            if event is None:
                continue
            kind, value = event
            if kind == SIGNAL:
                return value
            if kind == READY:
                self._note_ready(value, on_ready)
            elif kind == ENDED:
                self._note_end(value)
        self._logger.error(
            "%s processes end before they are ready, %d times in a row: giving up. "
            "What they print says why.",
            self.kind.capitalize(),
            MAX_FAILED_STARTS,
        )
        return None

    def _start_due(self):
        for place in self._places:
            if place.child is None and place.start_at <= monotonic():
                try:
                    place.child = Child(
                        self.command,
                        self.kind,
                        place.number,
                        self._events,
                        self.descriptors,
                    )
                except OSError as error:
                    place.failed_starts += 1
                    delay = place.backoff.after(0)
                    place.start_at = monotonic() + delay
                    self._logger.error(
                        "No %s process could be started: %s", self.kind, error
                    )

    def _note_ready(self, child, on_ready):
        child.ready = True
        self._places[child.number].failed_starts = 0
        everyone = all(place.child and place.child.ready for place in self._places)
        if everyone and not self._announced:
            self._announced = True
            on_ready()

    def _note_end(self, child):
        place = self._places[child.number]
        place.child = None
        child.stop()
        if child.in_order:
            # Somebody asked it to, or it has handled enough messages.
            self._logger.info("%s has ended and is replaced.", child)
            place.start_at = monotonic()
            return
        if not child.ready:
            place.failed_starts += 1
        lived = monotonic() - child.started
        delay = place.backoff.after(lived if child.ready else 0)
        place.start_at = monotonic() + delay
        self._logger.error(
            "%s ended with %s; the next one starts in %g s.",
            child,
            child.ending,
            delay,
        )

    def _stop(self, number):
        for child in self._children():
            child.stop()
        deadline = monotonic() + self.grace + MARGIN
        finished = True
        while self._children():
            kind, value = self._events.wait(deadline) or (None, None)
            if kind == ENDED:
                self._places[value.number].child = None
                # One that wasn't ready had nothing to finish.
                finished = finished and (value.in_order or not value.ready)
            elif kind == READY:
                value.ready = True
            else:
                for child in self._children():
                    self._logger.warning("%s didn't end in time and is killed.", child)
                # run() kills them.
                return FORCED + (value or number) if number else UNAVAILABLE
        if number is None:
            return UNAVAILABLE
        return 0 if finished else FORCED + number
