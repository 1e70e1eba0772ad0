"""Going on when the server is away."""

import logging
import random
import threading
from time import monotonic

logger = logging.getLogger("django.channels")

# Seconds that a command blocks at most before it's sent again: so long may it
# take to notice that a server is gone without a word.
SLICE = 10

# The seconds between attempts to reach the server begin and end with these.
FIRST_DELAY = 0.05
LONGEST_DELAY = 5


class Outage:
    """
    How a thread, or several, wait until the server can be reached again. One
    line is logged when they begin, and one when they have ended.

    ``who`` says in the log what waits. ``stopped`` is an Event that ends it,
    and ``recovery`` the backend's Recovery.
    """

    def __init__(self, who, stopped, recovery):
        self._who = who
        self._stopped = stopped
        self._recovery = recovery
        self._recovered = recovery.times
        self._lock = threading.Lock()
        self._attempts = 0

    def over(self):
        """Note that the server has answered."""
        if self._attempts:
            with self._lock:
                attempts, self._attempts = self._attempts, 0
            if attempts:
                self._recovery.announce()
                self._recovered = self._recovery.times
                logger.info("%s goes on.", self._who)

    def wait(self, error, deadline=None):
        """Wait before the next attempt, but not past the deadline."""
        with self._lock:
            attempts, self._attempts = self._attempts, self._attempts + 1
        if not attempts:
            logger.warning("%s waits: %s", self._who, error)
        longest = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(attempts, 10))
        # So that not all processes come back at once.
        delay = random.uniform(longest / 2, longest)
        if deadline is not None:
            delay = min(delay, max(0, deadline - monotonic()))
        self._recovered = self._recovery.wait(delay, self._recovered, self._stopped)
