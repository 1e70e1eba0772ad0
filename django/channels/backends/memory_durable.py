"""Durable channels of one process: they last as long as it does."""

from itertools import islice, takewhile

from django.channels import codec

from .durable import DEAD_LIMIT
from .memory_jobs import dead_message, message_of


class MemoryDurable:
    """What DurableDelivery asks for, for MemoryChannelBackend."""

    durable = True
    keeps_results = True

    def add(self, message, delivery):
        name = message.channel
        state = self._state
        with state.lock:
            jobs = state.jobs
            now = self.clock()
            jobs.promote(now)
            if delivery.unique and jobs.is_taken(message, delivery):
                return False
            if not delivery.delay and jobs.waiting(name) >= self.capacity_of(name):
                state.counts["full"] += 1
                raise self._full(name)
            jobs.add(message, delivery, now)
            self._rouse(name, every=delivery.delay > 0)
            # Where nobody receives, nobody else would drop them.
            expired = [] if delivery.durable else self._take_expired(name, now)
        for old in expired:
            self._drop_expired(old)
        return True

    async def aadd(self, message, delivery):
        return self.add(message, delivery)

    def renew(self, messages):
        lost = []
        with self._state.lock:
            for name in self._state.jobs.channels(self.clock()):
                self._rouse(name)
            for message in messages:
                job = self._state.jobs.held(message)
                if job is None:
                    lost.append(message)
                else:
                    job.due = self.clock() + self.message_lease
        return lost

    def acknowledge(self, message):
        return self._settle(message, lambda job: None)

    def release(self, message, delay=0, counted=True):
        def put_back(job):
            job.attempts -= not counted
            self._state.jobs.put(job, self.clock(), delay)

        return self._settle(message, put_back)

    def bury(self, message, error, counted=True):
        def give_up(job):
            job.attempts -= not counted
            self._state.jobs.bury(job, error)

        return self._settle(message, give_up)

    def dead(self, channel=None, id=None, limit=DEAD_LIMIT, offset=0):
        end = None if limit is None else offset + limit
        with self._state.lock:
            found = self._state.jobs.find_dead(channel, id)
            return [dead_message(job) for job in islice(found, offset, end)]

    def count_dead(self, channel=None):
        with self._state.lock:
            return sum(1 for _ in self._state.jobs.find_dead(channel))

    def revive(self, dead):
        with self._state.lock:
            now = self.clock()
            number = sum([self._state.jobs.revive(each.id, now) for each in dead])
            for each in dead:
                self._rouse(each.channel)
        return number

    def purge(self, dead):
        with self._state.lock:
            jobs = self._state.jobs
            return sum([jobs.dead.pop(each.id, None) is not None for each in dead])

    def store_result(self, id, content, expiry):
        content = codec.plain(content)
        self.check_size(content)
        with self._state.lock:
            now = self.clock()
            self._state.results.store(id, content, now + expiry, now)

    def result(self, id):
        with self._state.lock:
            return self._state.results.get(id, self.clock())

    def discard_result(self, id):
        with self._state.lock:
            self._state.results.discard(id)

    def _settle(self, message, action):
        with self._state.lock:
            job = self._state.jobs.held(message)
            if job is None:
                return False
            self._state.jobs.end_lease(job)
            action(job)
            if self._state.jobs:
                self._rouse(job.channel, every=True)
        return True

    # The lock is held in these.

    def _rouse(self, channel, every=False):
        """
        Have a thread that waits look again, or every one: then each knows
        whose time comes next.
        """
        for receiver in self._state.receivers.get(channel, ()):
            if receiver.rouse(every) and not every:
                return

    def _take_job(self, channels):
        job = self._state.jobs.take(channels, self.clock(), self.message_lease)
        return job and message_of(job, self)

    def _take_expired(self, channel, now):
        """Return those delayed messages that are first in turn and have expired."""
        jobs = self._state.jobs.ready.get(channel, [])
        before = now - self.expiry
        expired = list(
            takewhile(lambda job: not job.delivery.durable and job.due <= before, jobs)
        )
        if expired:
            del jobs[: len(expired)]
            if not jobs:
                del self._state.jobs.ready[channel]
        return [message_of(job, self) for job in expired]
