"""Durable and delayed messages in memory."""

import heapq
from bisect import insort
from collections import Counter
from itertools import count
from time import time

from django.channels import codec
from django.channels.message import DurableMessage, Message

from .durable import DeadMessage


class Job:
    """One message, and all that is known of it."""

    def __init__(self, id, message, delivery):
        self.id = id
        self.channel = message.channel
        self.content = message.content
        self.delivery = delivery
        self.attempts = 0
        # Of its latest lease.
        self.lease = None
        # When it's received at the earliest or, while it's leased, when the
        # lease ends; on the backend's clock.
        self.due = 0
        self.error = None
        self.died = None

    @property
    def place(self):
        return -self.delivery.priority, int(self.id)

    def __lt__(self, other):
        return self.place < other.place

    @property
    def name(self):
        """The channel and the key, if it has one."""
        return self.delivery.key and (self.channel, self.delivery.key)

    @property
    def unique(self):
        return self.delivery.unique and (self.channel, self.delivery.unique)


class MemoryJobs:
    """
    The jobs of a MemoryState, whose lock guards them.

    A job is in one of four places: ``ready``, a sorted list by channel;
    ``delayed``, a heap by time; ``leased`` or ``dead``, dicts by id.
    """

    def __init__(self):
        self._numbers = count(1)
        self.clear()

    def clear(self):
        self.ready = {}
        self.delayed = []
        self.leased = {}
        self.dead = {}
        # How many wait, by channel and name: two do when one is given back
        # after another was added. And the keys that are taken.
        self.unique = Counter()
        self.keys = set()

    def __bool__(self):
        """Whether there is anything to receive, now or later."""
        return bool(self.ready or self.delayed or self.leased)

    def is_taken(self, message, delivery):
        return self.unique[message.channel, delivery.unique] > 0

    def waiting(self, channel):
        """Return how many messages wait whose time has come."""
        return len(self.ready.get(channel, ()))

    def channels(self, now):
        """Return the names of the channels that have such messages."""
        self.promote(now)
        return [
            name
            for name, jobs in self.ready.items()
            if any(job.name not in self.keys for job in jobs)
        ]

    def add(self, message, delivery, now):
        job = Job(str(next(self._numbers)), message, delivery)
        self.put(job, now, delivery.delay)

    def put(self, job, now, delay=0):
        """Let the job wait."""
        if job.unique:
            self.unique[job.unique] += 1
        job.due = now + delay
        if delay > 0:
            heapq.heappush(self.delayed, (job.due, job))
        else:
            insort(self.ready.setdefault(job.channel, []), job)

    def next_time(self):
        """Return when another job may become ready, or None."""
        times = [self.delayed[0][0]] if self.delayed else []
        times += [job.due for job in self.leased.values()]
        return min(times, default=None)

    def promote(self, now):
        """Make ready whose time has come."""
        while self.delayed and self.delayed[0][0] <= now:
            _, job = heapq.heappop(self.delayed)
            insort(self.ready.setdefault(job.channel, []), job)
        for job in [job for job in self.leased.values() if job.due <= now]:
            self.end_lease(job)
            self.put(job, now)

    def take(self, channels, now, lease):
        """Return the Job that is next on these channels, leased, or None."""
        self.promote(now)
        for name in [name for name in self.ready if name in channels]:
            for i, job in enumerate(self.ready[name]):
                if job.name not in self.keys:
                    del self.ready[name][i]
                    # Last in turn from now on.
                    rest = self.ready.pop(name)
                    if rest:
                        self.ready[name] = rest
                    return self._lease(job, now + lease)
        return None

    def _lease(self, job, until):
        if job.unique:
            self.unique[job.unique] -= 1
            if not self.unique[job.unique]:
                del self.unique[job.unique]
        if job.delivery.durable:
            job.attempts += 1
            job.lease = object()
            job.due = until
            self.leased[job.id] = job
            if job.name:
                self.keys.add(job.name)
        return job

    def held(self, message):
        """Return the Job that the message's lease is on, or None."""
        job = self.leased.get(message.id)
        return job if job is not None and job.lease is message.lease else None

    def end_lease(self, job):
        del self.leased[job.id]
        self.keys.discard(job.name)

    def bury(self, job, error):
        job.error = error
        job.died = time()
        self.dead[job.id] = job

    def find_dead(self, channel, id=None):
        """Yield those of the channel, and with the id, None for any."""
        for job in self.dead.values():
            if channel in (None, job.channel) and id in (None, job.id):
                yield job

    def revive(self, id, now):
        job = self.dead.pop(id, None)
        if job is None:
            return False
        job.attempts = 0
        job.id = str(next(self._numbers))
        self.put(job, now)
        return True


def message_of(job, backend):
    """Return what a receiver of the backend is given for a leased Job."""
    # A copy, since the next attempt gets what was sent.
    content = codec.plain(job.content)
    if job.delivery.durable:
        message = DurableMessage(job.channel, content, job.id, job.attempts, job.lease)
    else:
        message = Message(job.channel, content)
        message.expires = job.due + backend.expiry
    message.backend = backend
    return message


def dead_message(job):
    return DeadMessage(
        job.id, job.channel, job.content, job.attempts, job.error, job.died
    )
