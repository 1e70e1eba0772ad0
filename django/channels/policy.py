"""What becomes of a durable message that its consumer fails on."""

import random

from django.core.exceptions import ImproperlyConfigured

from . import delivery

DEFAULT_RETRIES = 5

# In seconds. The five default retries take ten minutes at most.
FIRST_DELAY = 5
FACTOR = 3
LONGEST_DELAY = 60 * 60


def exponential(attempt, error=None):
    """
    Return how many seconds to wait after this attempt: 5, 15, 45, ..., an hour
    at most, less up to half of it at random, so that what failed together
    isn't tried again together.
    """
    longest = min(LONGEST_DELAY, FIRST_DELAY * FACTOR ** min(attempt - 1, 10))
    return random.uniform(longest / 2, longest)


class Policy:
    """
    ``retries``: how often a message is tried again. ``backoff``: how many
    seconds before that, or a callable that gets the number of the attempt,
    from 1, and the exception, and returns the seconds, or None to give up.
    ``timeout``: how many seconds an attempt may take, or None.
    """

    def __init__(self, retries=DEFAULT_RETRIES, backoff=exponential, timeout=None):
        if type(retries) is not int or retries < 0:
            raise ImproperlyConfigured(
                f"retries must be an int of at least 0, not {retries!r}."
            )
        if not callable(backoff) and not _is_time(backoff, least=0):
            raise ImproperlyConfigured(
                f"backoff must be a number of seconds or a callable, not {backoff!r}."
            )
        if timeout is not None and (not _is_time(timeout, least=0) or not timeout):
            raise ImproperlyConfigured(
                f"timeout must be a positive number of seconds or None, not "
                f"{timeout!r}."
            )
        self.retries = retries
        self.backoff = backoff
        self.timeout = timeout

    def delay(self, attempt, error):
        """
        Return the seconds until the next attempt, or None for the end. Raise
        what a callable raises, and TypeError for what isn't seconds.
        """
        if attempt > self.retries:
            return None
        if not callable(self.backoff):
            return self.backoff
        delay = self.backoff(attempt, error)
        # A time that is over means at once.
        if delay is not None and not _is_time(delay, least=-delivery.LONGEST_DELAY):
            raise TypeError(
                f"backoff must return a number of seconds or None, not {delay!r:.100}."
            )
        return delay


def _is_time(value, least):
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and least <= value <= delivery.LONGEST_DELAY
