"""Workers are killed while they handle durable messages, and none is lost."""

import random
from collections import defaultdict
from time import monotonic

from .findings import Findings
from .processes import Worker


class Kills:
    """
    Four workers with two threads each handle the messages of a durable channel,
    which are sent bit by bit. After each bit, at a random moment, one of the
    workers is killed with SIGKILL, and another one started in its place.
    """

    name = "kills"
    title = "Workers are killed while durable messages run"
    backends = ["redis", "sqlite", "postgresql"]
    # So long does it take until another worker has what a killed one had. A
    # living one must be able to renew it, on a busy machine.
    options = {"MESSAGE_LEASE": 6}
    workers = 4
    threads = 2

    def __init__(self, quick=False):
        self.messages, self.kills = (200, 4) if quick else (10_000, 100)

    def run(self, site):
        findings = Findings("", "number")
        begun = monotonic()
        crew = Crew(site, self.workers, "--threads", self.threads)
        size = self.messages // self.kills
        for i in range(self.kills):
            site.send(i * size, size, "kept.long")
            site.wait_until_handled(i * size + random.randrange(size // 2))
            crew.kill_one()
        site.wait_until(lambda known: known >= self.messages and self.is_all(site))
        seconds = monotonic() - begun
        statuses = crew.stop()
        attempts = Attempts(site.notes("begun"), site.notes("handled"), crew.killed)
        findings.note("seconds", int(seconds))
        judge(findings, self.messages, attempts)
        findings.check("workers killed", len(crew.killed), self.kills)
        findings.check("others that ended well", statuses.count(0), self.workers)
        return findings

    def is_all(self, site):
        return set(range(self.messages)) <= site.times_handled().keys()


class Crew:
    """So many workers, each of which is replaced when it was killed."""

    def __init__(self, site, number, *arguments):
        self.site = site
        self.arguments = arguments
        self.ready = site.start_workers(number, *arguments)
        self.starting = []
        self.killed = set()

    def kill_one(self):
        # Half of them may be starting at a time.
        while len(self.ready) <= len(self.starting):
            self.wait_for_one()
        worker = self.ready.pop(random.randrange(len(self.ready)))
        worker.kill()
        self.killed.add(worker.pid)
        self.starting.append(Worker(self.site, *self.arguments))

    def wait_for_one(self):
        worker = self.starting.pop(0)
        worker.wait_until_ready()
        self.ready.append(worker)

    def stop(self):
        """Stop all, and return their exit statuses."""
        while self.starting:
            self.wait_for_one()
        return [worker.stop() for worker in self.ready]


class Attempts:
    """
    What became of messages, from what the threads of workers noted: the
    numbers of those whose consumer ``begun``, and whose consumer came to its
    end (``handled``), in order, by process id and thread id. ``killed`` has the
    ids of the processes that were killed.
    """

    def __init__(self, begun, handled, killed):
        self.begun, self.handled, self.killed = begun, handled, killed
        self.handlers = defaultdict(list)
        for thread, numbers in handled.items():
            for number in numbers:
                self.handlers[number].append(thread)

    def cut_off(self):
        """Return how many attempts were cut off by a kill."""
        return sum(
            len(numbers) - len(self.handled.get(thread, ()))
            for thread, numbers in self.begun.items()
            if thread[0] in self.killed
        )

    def repeated(self):
        """Return the messages that were handled more than once."""
        return [n for n, threads in self.handlers.items() if len(threads) > 1]

    def unexplained(self):
        """
        Return the messages that were handled again though no kill had kept the
        worker from acknowledging them.
        """
        return [
            number
            for number, threads in self.handlers.items()
            if sum(not self.was_killed_with(number, thread) for thread in threads) > 1
        ]

    def was_killed_with(self, number, thread):
        """
        Tell whether the thread may have been killed before it acknowledged the
        message: it does that before it begins another one.
        """
        return thread[0] in self.killed and self.begun[thread][-1] == number

    def unfinished(self):
        """Return how many attempts didn't end, though nobody was killed."""
        return sum(
            len(numbers) - len(self.handled.get(thread, ()))
            for thread, numbers in self.begun.items()
            if thread[0] not in self.killed
        )


def judge(findings, messages, attempts):
    """Check that no message was lost, and that kills explain duplicates."""
    repeated = attempts.repeated()
    findings.note("attempts cut off by a kill", attempts.cut_off())
    findings.note("messages handled more than once", len(repeated))
    handled = sum(number in attempts.handlers for number in range(messages))
    findings.check("messages handled", handled, messages)
    findings.check("handled again, though acknowledged", len(attempts.unexplained()), 0)
    findings.check("not finished by living workers", attempts.unfinished(), 0)
