"""What one thread tells the others when the store is back."""

from time import monotonic

# How long, in seconds, the others take to hear of it.
GLANCE = 0.1


class Recovery:
    """
    How often the store of a SharedChannelBackend was found again after an
    outage, by any thread of this process.

    Each thread waits longer and longer between its own attempts. So that a
    worker which is given messages again isn't still missing from its groups,
    the first to get through has all of them try at once. They are few: that
    other processes don't come back at the same moment is for their delays.
    """

    def __init__(self):
        self.times = 0

    def announce(self):
        self.times += 1

    def wait(self, seconds, times, stopped):
        """
        Wait so long, or until the store was found again since ``times``, or
        the Event ``stopped`` is set. Return how many times it is now.
        """
        end = monotonic() + seconds
        while self.times == times and (left := end - monotonic()) > 0:
            if stopped.wait(min(GLANCE, left)):
                break
        return self.times
