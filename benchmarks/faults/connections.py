"""A worker handles messages for long, and what it has open doesn't grow."""

from time import monotonic, sleep

from .findings import Findings

# How many connections, and descriptors and threads, more there may be at the
# end than after the first round: a pool may still meet a new peak. A leak of
# one in a thousand messages is ten times that.
ALLOWANCE = 10

# How many ``async def`` jobs run at once before the first round: more than the
# threads that a worker keeps for them, which a short round needn't all start.
PEAK = 64

# How long it's waited at most until nothing changes.
SETTLE_SECONDS = 30


class Connections:
    """
    One worker with four threads. Its jobs, plain ones and ``async def``, use
    the database, a group and another channel.
    """

    name = "connections"
    title = "What a worker has open while it handles messages"
    backends = ["redis"]
    options = {}
    threads = 4

    def __init__(self, quick=False):
        self.rounds, self.size = (3, 200) if quick else (5, 20_000)

    def run(self, site):
        findings = Findings(
            "messages", "connections", "descriptors", "threads", "MiB", "per second"
        )
        (worker,) = site.start_workers(1, "--threads", self.threads)
        site.send(0, PEAK, "use.peak")
        site.wait_until_handled(PEAK)
        used = []
        for i in range(self.rounds):
            begun = monotonic()
            site.send(PEAK + i * self.size, self.size, "use", "use.async")
            site.wait_until_handled(PEAK + (i + 1) * self.size)
            rate = int(self.size / (monotonic() - begun))
            used.append(settled_usage(site.server, worker.process))
            memory = worker.process.memory_info().rss / 2**20
            findings.note((i + 1) * self.size, *used[-1], f"{memory:.1f}", rate)
        status = worker.stop()
        site.stop_sender()
        handled = sum(map(len, site.handled()))
        findings.check("messages handled", handled, PEAK + self.rounds * self.size)
        judge(findings, used)
        findings.check("exit status", status, 0)
        findings.check("connections after it ended", site.server.connections(), 0)
        return findings


def settled_usage(server, process):
    """
    Return usage() once it's the same for a second: a message can be noted as
    handled before the consumer that has sent it is done.
    """
    seen = [usage(server, process)]
    deadline = monotonic() + SETTLE_SECONDS
    while len(seen) < 5 or len({*seen[-5:]}) > 1:
        if monotonic() > deadline:
            break
        sleep(0.2)
        seen.append(usage(server, process))
    return seen[-1]


def usage(server, process):
    """Return the connections to the server, the descriptors, the threads."""
    return server.connections(), process.num_fds(), process.num_threads()


def judge(findings, used):
    """Check that nothing grew from the first round to the last."""
    names = ("connections", "descriptors", "threads")
    for name, first, last in zip(names, used[0], used[-1]):
        grown = last - first
        findings.check(
            f"more {name} than after the first round",
            grown,
            f"at most {ALLOWANCE}",
            holds=grown <= ALLOWANCE,
        )
