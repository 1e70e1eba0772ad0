"""Going on while the database can't be reached."""

import logging
import random

from django.db import Error

from .failures import is_busy

logger = logging.getLogger("django.channels")

# The waits between two attempts, in seconds: the first, and the longest.
FIRST, LONGEST = 0.05, 5.0


class Outage:
    """
    The failures in a row of a thread that goes on in spite of them. The first
    that is more than a lock is logged, with one line; ``describe(error)``
    returns its text. ``recovery`` is the backend's Recovery.
    """

    def __init__(self, store, describe, recovery):
        self._store = store
        self._describe = describe
        self._recovery = recovery
        self._recovered = recovery.times
        self._failures = 0
        self._told = False

    def wait(self, error, stopped, longest=float("inf")):
        """
        Note a failure, and wait before the next attempt, but at most so many
        seconds, or until the Event ``stopped`` is set.
        """
        seconds = min(self.failed(error), max(0, longest))
        self._recovered = self._recovery.wait(seconds, self._recovered, stopped)

    def failed(self, error):
        """
        Note a failure, and close the thread's connection, which may be lost.
        Return how many seconds to wait before the next attempt.
        """
        wait = min(FIRST * 2 ** min(self._failures, 10), LONGEST)
        self._failures += 1
        if not isinstance(error, Error):
            logger.error("%s", self._describe(error), exc_info=error)
        elif is_busy(error):
            logger.debug("%s", self._describe(error))
        elif not self._told:
            logger.warning("%s It is tried again.", self._describe(error))
            self._told = True
        if not is_busy(error):
            self._store.release(broken=True)
        # Not all processes at the same moment.
        return wait * random.uniform(0.5, 1)

    def over(self):
        """Note a success."""
        if self._failures:
            self._failures = 0
        if self._told:
            self._told = False
            self._recovery.announce()
            self._recovered = self._recovery.times
            logger.info("The database %r is back.", self._store.using)
