"""Waking those in this process who wait for something in the database."""

import logging
import random
import threading
from time import monotonic

from django.db import connections

from .outage import Outage

logger = logging.getLogger("django.channels")

# How often what is left over is swept, in seconds.
SWEEP_SECONDS = 10


class Watcher:
    """
    One thread that looks into the database for all who wait in this process:
    receivers, for the names of their channels, and the inbox, for its own. It
    runs while there is anybody to wake.

    ``poll_seconds`` says how often it looks, or is None for what is good for
    the database; ``sweep()`` is called now and then, and returns whether that
    should be soon again.
    """

    def __init__(self, store, poll_seconds, sweep, describe, recovery):
        self._store = store
        self._poll_seconds = poll_seconds
        self._sweep = sweep
        self._describe = describe
        self._recovery = recovery
        self._lock = threading.Lock()
        self._wakes = {}
        self._alarm = None
        self._threads = []
        self._warned = False

    def watch(self, names, wake):
        """Call ``wake()`` when there may be something for one of the names."""
        with self._lock:
            if self._alarm is None:
                self._start()
            for name in names:
                self._wakes.setdefault(name, []).append(wake)

    def unwatch(self, names, wake):
        with self._lock:
            for name in names:
                self._wakes[name].remove(wake)
                if not self._wakes[name]:
                    del self._wakes[name]
            if not self._wakes and self._alarm is not None:
                self._alarm.ring()
                self._alarm = None

    def watches(self, name):
        return name in self._wakes

    def notify(self, name):
        """Wake who waits for the name, from any thread."""
        for wake in list(self._wakes.get(name, ())):
            wake()

    def join(self, timeout):
        """Wait for threads that have nobody left to wake."""
        with self._lock:
            # The last one goes on while anybody waits, and at the end of the
            # process a worker still does.
            ending = self._threads[:-1] if self._alarm else list(self._threads)
        for thread in ending:
            if thread is not threading.current_thread():
                thread.join(timeout)

    def _start(self):
        alarm = self._alarm = self._store.alarm()
        thread = threading.Thread(
            target=self._run,
            args=[alarm],
            name="channels-database-watcher",
            daemon=True,
        )
        try:
            thread.start()
        except BaseException:
            # No thread can be had now. The next one to watch tries again.
            self._alarm = None
            alarm.close()
            raise
        self._threads = [t for t in self._threads if t.is_alive()] + [thread]

    def _run(self, alarm):
        outage = Outage(self._store, self._describe, self._recovery)
        try:
            while self._alarm is alarm:
                try:
                    alarm.open()
                    self._note(alarm)
                    self._watch(alarm, outage)
                except Exception as error:
                    outage.wait(error, alarm.rung)
        finally:
            alarm.close()
            connections.close_all()

    def _note(self, alarm):
        if alarm.deaf and not self._warned and self._poll_seconds is None:
            self._warned = True
            logger.warning(
                "Notifications of the database %r don't come through: a pooler gives "
                "our session to others. It's looked for messages every %g seconds "
                "instead. Let LOCATION be an alias that goes past the pooler, or set "
                "OPTIONS['POLL_SECONDS'].",
                self._store.using,
                alarm.poll_seconds,
            )

    def _watch(self, alarm, outage):
        """Wake whom it concerns until there is nobody left to wake."""
        every = self._poll_seconds or alarm.poll_seconds
        next_look = monotonic()
        next_sweep = next_look + SWEEP_SECONDS * random.random()
        while self._alarm is alarm:
            changed = set()
            if monotonic() >= next_look:
                changed = self._store.changed(list(self._wakes))
                next_look = monotonic() + every
            if monotonic() >= next_sweep:
                more = self._sweep()
                next_sweep = monotonic() + (0 if more else SWEEP_SECONDS)
            outage.over()
            changed |= alarm.wait(0 if changed else max(0, next_look - monotonic()))
            for name in changed:
                self.notify(name)
