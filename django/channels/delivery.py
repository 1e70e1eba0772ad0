"""How a message is to be delivered, as its sender says it."""

from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from django.conf import settings
from django.utils.timezone import is_aware

from .exceptions import InvalidDelivery

LOWEST, HIGHEST = -10, 10

# The longest name of a unique message or of a key, in characters.
LONGEST_KEY = 200

# The longest delay, in seconds: what is longer, no store may have a number for.
LONGEST_DELAY = timedelta.max.total_seconds()


class Delivery(NamedTuple):
    """
    ``durable``: at least once, rather than at most once. ``delay``: not before
    so many seconds have passed. And for durable messages: ``priority``, from
    -10 to 10, those with a higher one first; ``unique``, a str: not while
    another one with it waits on the channel; ``key``, a str: only one with it
    is handled at a time, of the channel.
    """

    durable: bool = False
    delay: float = 0
    priority: int = 0
    unique: str | None = None
    key: str | None = None

    @property
    def plain(self):
        """Whether a backend's send() does all that is asked for."""
        return not self.durable and not self.delay

    def check(self, channel):
        """Raise InvalidDelivery for what can't be done on the channel."""
        priority = self.priority
        if type(priority) is not int or not LOWEST <= priority <= HIGHEST:
            raise InvalidDelivery(
                f"priority must be an int from {LOWEST} to {HIGHEST}, not "
                f"{priority!r}."
            )
        for name in ("unique", "key"):
            value = getattr(self, name)
            if value is None:
                continue
            if not _is_key(value):
                raise InvalidDelivery(
                    f"{name} must be a str of 1 to {LONGEST_KEY} characters, with no "
                    f"NUL and no lone surrogate."
                )
        if not self.durable and (priority or self.unique or self.key):
            raise InvalidDelivery(
                f"priority, unique and key are for durable channels, and {channel!r} "
                f"is none: give its consumer durable=True."
            )


def _is_key(value):
    """Tell whether every store has room for the text, as it is."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_KEY:
        return False
    try:
        return b"\0" not in value.encode()
    except UnicodeEncodeError:
        return False


def seconds(delay=None, at=None):
    """
    Return how long to wait for ``delay``, in seconds or a timedelta, or for
    ``at``, a datetime; 0 for a time that is over.
    """
    if delay is not None and at is not None:
        raise InvalidDelivery("Give delay or at, not both.")
    if at is not None:
        return _until(at)
    if delay is None:
        return 0
    if isinstance(delay, timedelta):
        delay = delay.total_seconds()
    number = isinstance(delay, (int, float)) and not isinstance(delay, bool)
    # NaN is neither.
    if not number or not 0 <= delay <= LONGEST_DELAY:
        raise InvalidDelivery(
            f"delay must be a timedelta or a number of seconds, of at least 0 and "
            f"at most timedelta.max, not {delay!r:.100}."
        )
    return delay


def _until(at):
    if not isinstance(at, datetime):
        raise InvalidDelivery(f"at must be a datetime, not {at!r}.")
    if settings.USE_TZ and not is_aware(at):
        raise InvalidDelivery(
            "at must be an aware datetime while USE_TZ is True: "
            "django.utils.timezone.now() returns one."
        )
    if not is_aware(at):
        try:
            at = at.astimezone()
        except (OverflowError, ValueError):
            # So near to the first or the last datetime that any zone will do.
            at = at.replace(tzinfo=timezone.utc)
    return max(0, (at - datetime.now(timezone.utc)).total_seconds())
