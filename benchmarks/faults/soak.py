"""A site under mixed load for long, then under too much of it."""

import asyncio
import random
from time import monotonic

from websockets.exceptions import WebSocketException

from .findings import Findings
from .requests import Requests
from .sockets import clients

# How many descriptors, threads and connections more there may be, by the fit.
ALLOWANCE = 10

# The seconds in which all requests are served again after too many of them.
RECOVERY = 5

MEASURES = ("MiB", "descriptors", "threads")


class Soak:
    """
    An interface server with a worker inside, of four threads, and a worker
    process of two. Clients ask for pages of all kinds, which leave work of
    both kinds for later; sockets come, chat and go. First at nine tenths of
    what the server can do, for long; then at half of it, for comparison; at
    twice of it; at half again; and at half with many slow clients.
    """

    name = "soak"
    title = "A site under mixed load for long, then under too much"
    backends = ["redis"]
    options = {}
    threads = 4

    def __init__(self, quick=False):
        self.seconds, self.phase = (10, 4) if quick else (600, 20)
        self.sockets, self.slow = (5, 40) if quick else (20, 1000)
        # How much memory may grow, by the fit. A short time is all start-up.
        self.growth = 0.25 if quick else 0.05

    def run(self, site):
        return asyncio.run(self.run_with_clients(site))

    async def run_with_clients(self, site):
        findings = Findings("", "first", "last", "growth by the fit")
        (server,) = site.start_servers(1, "--threads", self.threads)
        (worker,) = site.start_workers(1, "--threads", 2)
        requests = Requests(server.port)
        # The first ones import and connect.
        await requests.as_fast_as_possible(self.threads, self.phase / 2)
        capacity = await requests.as_fast_as_possible(self.threads + 1, self.phase)
        findings.note("good answers a second, at most", f"{capacity:.0f}", "", "")
        ended = asyncio.Event()
        crowd = asyncio.create_task(self.chat(server.url, ended))
        processes = {"server": server.process, "worker": worker.process}
        sampling = asyncio.create_task(self.sample(site, processes))
        soaked = await requests.at_rate(0.9 * capacity, self.seconds)
        samples = await sampling
        judge_growth(findings, samples, self.growth)
        half = await requests.at_rate(capacity / 2, self.phase)
        double = await requests.at_rate(2 * capacity, self.phase)
        after = await requests.at_rate(capacity / 2, RECOVERY)
        recovered = await requests.at_rate(capacity / 2, self.phase)
        async with requests.slow_clients(self.slow) as remaining:
            slowed = await requests.at_rate(capacity / 2, self.phase)
            findings.check("slow clients that are served still", remaining(), self.slow)
        ended.set()
        said, heard, refused = await crowd
        findings.note("sockets refused, all in all", "", refused, "")
        phases = {"at nine tenths": soaked, "at half": half, "at twice": double}
        phases |= {"at half, after that": recovered, "with slow clients": slowed}
        judge_load(findings, phases, after)
        findings.check("frames heard of those said", heard, said)
        findings.check("processes that never ended", alive(server, worker), 2)
        # One message of each kind.
        left = 3 * requests.sent
        await asyncio.to_thread(site.wait_until_handled, left)
        findings.check("messages left for later, handled", site.count("handled"), left)
        statuses = [process.stop() for process in (server, worker)]
        findings.check("that ended well", statuses.count(0), 2)
        return findings

    async def chat(self, url, ended):
        """Have sockets come and go until ``ended`` is set; return the counts."""
        counts = [0, 0, 0]
        await asyncio.gather(*(visit(url, counts, ended) for _ in range(self.sockets)))
        return counts

    async def sample(self, site, processes):
        """Return, for what is measured, a list of its values."""
        samples, end = {}, monotonic() + self.seconds
        while monotonic() < end:
            for name, process in processes.items():
                values = (
                    process.memory_info().rss / 2**20,
                    process.num_fds(),
                    process.num_threads(),
                )
                for measure, value in zip(MEASURES, values):
                    samples.setdefault(f"{name}: {measure}", []).append(value)
            number = await asyncio.to_thread(site.server.connections)
            samples.setdefault("connections", []).append(number)
            await asyncio.sleep(self.seconds / 100)
        return samples


async def visit(url, counts, ended):
    """Be a socket that comes, chats and goes, again and again."""
    while not ended.is_set():
        try:
            async with clients(1, url) as (client,):
                await client.broadcast(0)
                for number in range(random.randrange(1, 10)):
                    await client.say(number)
                    await asyncio.sleep(random.uniform(0, 2))
                await client.wait_until(lambda: len(client.echoes) == client.said)
                counts[0] += client.said
                counts[1] += len(client.echoes)
        except (OSError, WebSocketException, asyncio.TimeoutError):
            counts[2] += 1
            await asyncio.sleep(0.5)


def alive(*processes):
    return sum(process.is_alive for process in processes)


def slope(values):
    """Return how much the line that fits the values best rises over them all."""
    mean_x, mean_y = (len(values) - 1) / 2, sum(values) / len(values)
    squares = sum((x - mean_x) ** 2 for x in range(len(values)))
    products = sum((x - mean_x) * (y - mean_y) for x, y in enumerate(values))
    return (len(values) - 1) * products / squares if squares else 0


def judge_growth(findings, samples, allowed):
    """Check that nothing grew over the last two thirds of the time."""
    for name, values in samples.items():
        values = values[len(values) // 3 :]
        grown = slope(values)
        findings.note(name, f"{values[0]:,.0f}", f"{values[-1]:,.0f}", f"{grown:+,.1f}")
        if name.endswith("MiB"):
            most = allowed * sum(values) / len(values)
        else:
            most = ALLOWANCE
        findings.check(
            f"growth of {name}", f"{grown:.1f}", f"at most {most:.1f}", grown <= most
        )


def judge_load(findings, phases, after):
    """Check that who is served is served well, and who isn't hears it at once."""
    usual = phases["at half"].median()
    for name, answers in phases.items():
        good, refused = answers.number(200), answers.number(503)
        findings.note(f"{name}: served, refused", good, refused, "")
        others = ", ".join(map(str, answers.others())) or "none"
        findings.check(f"{name}: other answers", others, "none")
        findings.check(
            f"{name}: median of those served, ms",
            f"{1000 * answers.median():.0f}",
            f"at most {2000 * usual:.0f}",
            answers.median() <= 2 * usual,
        )
    double = phases["at twice"]
    findings.check(
        "at twice: median of a 503, ms",
        f"{1000 * double.median(503):.0f}",
        f"at most {1000 * usual:.0f}",
        double.median(503) <= usual,
    )
    findings.note("in the seconds after that: refused", after.number(503), "", "")
    findings.check("at half, after that: refused", *few_refused(phases))


def few_refused(phases):
    """Return what was found, promised, and whether it holds."""
    before, after = phases["at half"], phases["at half, after that"]
    found = after.number(503)
    most = before.number(503) + after.number(200, 503) // 20
    return found, f"at most {most}, one in 20 more than before", found <= most
