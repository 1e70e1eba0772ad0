"""Messages that were dropped or refused: counted, and logged."""

import logging
from collections import Counter

from django.channels.lines import shown

logger = logging.getLogger("django.channels")

# The reasons that backends share. The process or the socket behind a reply
# channel has gone; a channel is at capacity, or a reader too slow.
GONE = "gone"
FULL = "full"


class Drops:
    """How many messages a process dropped or was refused, by reason."""

    def __init__(self):
        self._counts = Counter()

    def add(self, reason, channel, number=1):
        """Count and log them."""
        self._counts[reason] += number
        log_dropped(reason, channel, number)

    def refuse(self):
        """Count one whose sender is told that there's no room."""
        self._counts[FULL] += 1

    def clear(self):
        self._counts.clear()

    def as_dict(self):
        return dict(self._counts)


def log_dropped(reason, channel, number=1):
    log = logger.debug if reason == GONE else logger.warning
    log("Dropped %d message(s) on channel %s: %s.", number, shown(str(channel)), reason)
