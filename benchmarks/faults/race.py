"""Two workers race for messages, each of which is for one of them."""

from collections import Counter
from time import monotonic

from .findings import Findings


class Race:
    """Two workers with three threads each take from one channel."""

    name = "race"
    title = "Two workers race for messages, sent at most once"
    backends = ["redis", "sqlite", "postgresql", "mariadb"]
    options = {}
    workers = 2
    threads = 3

    def __init__(self, quick=False):
        self.messages = 500 if quick else 20_000

    def run(self, site):
        findings = Findings("", "messages handled")
        workers = site.start_workers(self.workers, "--threads", self.threads)
        begun = monotonic()
        site.send(0, self.messages, "race")
        site.wait_until_handled(self.messages)
        seconds = monotonic() - begun
        # What is handled twice may be so after the last was handled once.
        statuses = [worker.stop() for worker in workers]
        shares = site.handled()
        for i, share in enumerate(shares):
            findings.note(f"by worker {i}", len(share))
        findings.note("per second", int(self.messages / seconds))
        judge(findings, self.messages, shares, self.workers)
        findings.check("workers that ended well", statuses.count(0), self.workers)
        return findings


def judge(findings, messages, shares, workers):
    """Check that each message was handled once, by one of several workers."""
    times = Counter(number for share in shares for number in share)
    once = sum(times[number] == 1 for number in range(messages))
    findings.check("messages handled exactly once", once, messages)
    findings.check("never", sum(not times[n] for n in range(messages)), 0)
    findings.check("more than once", sum(n > 1 for n in times.values()), 0)
    findings.check("workers that took part", sum(map(bool, shares)), workers)
