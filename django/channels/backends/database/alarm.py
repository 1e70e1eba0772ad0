"""What a Watcher waits for."""

import threading


class Alarm:
    """
    Tells the watcher's thread when to look into the database. This one hears
    nothing from there, so that the watcher has to look often.
    """

    # How often, unless the settings say it, in seconds.
    poll_seconds = 0.1

    # Whether it should hear something, and found out that it doesn't.
    deaf = False

    def __init__(self):
        self.rung = threading.Event()

    def open(self):
        """Begin to hear; again after an error. All but ring() is called by
        the watcher's thread."""

    def wait(self, seconds):
        """Wait for a change or ring(). Return the names that have changed."""
        self.rung.wait(seconds)
        return set()

    def ring(self):
        """End wait(), once and for all. Any thread may call this."""
        self.rung.set()

    def close(self):
        """Let go of what open() took."""
