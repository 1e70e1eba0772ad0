"""
What a channel backend does, said once more and as simply as it can be.

The clock is ``now``. Where a backend may choose, such as which of several
channels a receiver is served from, the model is told what it has chosen.
"""

from dataclasses import dataclass


@dataclass(eq=False)
class Job:
    """
    A message, by the number ``n`` that it holds. ``place`` is its turn among
    those of its priority, ``lease_number`` how often it was leased. Once it
    has ``lapsed``, it may still be done with, until it's received again.
    """

    n: int
    place: int
    channel: str
    durable: bool = False
    priority: int = 0
    unique: str | None = None
    key: str | None = None
    due: float = 0
    expires: float = float("inf")
    attempt: int = 0
    lease: float = 0
    lease_number: int = 0
    lapsed: bool = False
    error: str | None = None


class Model:
    """
    ``waiting`` holds the messages to be received, now or later, and those that
    have expired as long as the backend may still count them; ``leased`` and
    ``dead`` the others; ``groups`` the members of each group, and
    ``listening`` what came to each reply channel.
    """

    def __init__(self, capacity, expiry, lease):
        self.capacity = capacity
        self.expiry = expiry
        self.lease = lease
        self.now = 0
        self.waiting = []
        self.leased = []
        self.dead = []
        self.groups = {}
        self.listening = {}
        self.full = 0
        self.gone = 0
        self._number = 0

    def next_number(self):
        self._number += 1
        return self._number

    # Sending.

    def room(self, channel):
        """Return whether there must be room on the channel, and may be."""
        due = [j for j in self.waiting if j.channel == channel and j.due <= self.now]
        alive = [job for job in due if job.expires > self.now]
        return len(due) < self.capacity, len(alive) < self.capacity

    def is_taken(self, channel, unique):
        return unique is not None and any(
            (job.channel, job.unique) == (channel, unique) for job in self.waiting
        )

    def add(self, n, channel, delay=0, durable=False, **delivery):
        job = Job(n, self.next_number(), channel, durable, **delivery)
        job.due = self.now + delay
        if not durable:
            job.expires = job.due + self.expiry
        self.waiting.append(job)

    # Receiving.

    def next_ones(self, channels):
        """Return the message of each channel that is next, where there is one."""
        busy = {(job.channel, job.key) for job in self.leased if job.key}
        found = {}
        for job in sorted(self.waiting, key=lambda job: (-job.priority, job.place)):
            if job.due <= self.now < job.expires and (job.channel, job.key) not in busy:
                if job.channel in channels:
                    found.setdefault(job.channel, job)
        return [*found.values()]

    def nothing_left(self, channels):
        """Whoever received nothing has noticed what had expired."""
        self.waiting = [
            job
            for job in self.waiting
            if job.channel not in channels or job.expires > self.now
        ]

    def take(self, job):
        self.waiting.remove(job)
        if job.durable:
            job.attempt += 1
            job.lease_number += 1
            job.lapsed = False
            self.renew(job)
            self.leased.append(job)

    def pass_time(self, seconds):
        self.now += seconds
        for job in [job for job in self.leased if job.lease <= self.now]:
            self.leased.remove(job)
            job.lapsed = True
            self.waiting.append(job)

    # What is done with a lease.

    def has_lease(self, job, number):
        """Return whether it must still be this lease's, and may be."""
        is_leased = job in self.leased and job.lease_number == number
        may = job in self.waiting and job.lapsed and job.lease_number == number
        return is_leased, is_leased or may

    def keep(self, job):
        """The backend didn't mind that the lease had lapsed."""
        if job.lapsed:
            job.lapsed = False
            self.waiting.remove(job)
            self.leased.append(job)

    def renew(self, job):
        job.lease = self.now + self.lease

    def acknowledge(self, job):
        self.leased.remove(job)

    def release(self, job, delay, counted):
        self.leased.remove(job)
        job.attempt -= not counted
        job.due = self.now + delay
        self.waiting.append(job)

    def bury(self, job, error):
        self.leased.remove(job)
        job.error = error
        self.dead.append(job)

    def revive(self, jobs):
        for job in jobs:
            self.dead.remove(job)
            job.attempt, job.due, job.place = 0, self.now, self.next_number()
            self.waiting.append(job)
