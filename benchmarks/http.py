"""The servers under load, on the same view of the same project."""

from .comparison import CPU_RATE, LOAD, RATE, Comparison, Ratio
from .load import CONNECTIONS, Wrk, good_answers
from .process import Usage, cpu_seconds
from .servers import OURS, SERVERS
from .serving import serving

WARM_UP_SECONDS = 1


class Http:
    """
    Every round starts each server anew, warms it up, loads it and stops it.

    Only one server runs at a time, on a core of its own; wrk has the other.
    """

    name = "http"
    title = "Servers under load"
    ratios = [
        Ratio(OURS, "granian", {"hello": 1.2}),
        Ratio(OURS, "gunicorn", {"hello": 2.5}),
        Ratio(OURS, "uvicorn"),
        Ratio(OURS, "daphne", {"hello": 13.0}),
    ]

    def __init__(self, options, size, cores):
        self.options, self.size, self.cores = options, size, cores
        wanted = options.servers or [server.name for server in SERVERS]
        self.servers = [server for server in SERVERS if server.name in wanted]

    def steps(self):
        return self.size.http_rounds * len(self.servers)

    def run(self, progress):
        view, note = self.options.view, (
            f"View '{self.options.view}', {CONNECTIONS} keep-alive connections for "
            f"{self.size.http_seconds} s a round, {self.size.http_rounds} rounds; a "
            f"process a server, with {self.options.threads} threads where it has "
            f"threads. 'Per CPU second': of what the server's processes used."
        )
        comparison = Comparison(self.title, view, self.ratios, RATE, note)
        for number in range(self.size.http_rounds):
            for server in self.servers:
                progress.step(f"{server.name}, round {number + 1}")
                comparison.add(server.name, self.measure(server))
        return [comparison]

    def measure(self, server):
        """Return one sample: a fresh server process under load."""
        path, seconds = self.options.path, self.size.http_seconds
        with serving(server, self.cores, self.options) as (process, url):
            return under_load(url + path, process, Wrk(self.cores), seconds)


def under_load(url, process, wrk, seconds, *others):
    """
    Return the sample of a server under load. ``others`` are processes that work
    for it.
    """
    family = [process, *others]
    wrk.run(url, WARM_UP_SECONDS)
    before = [Usage(each) for each in family]
    counts = wrk.run(url, seconds)
    after = [Usage(each) for each in family]
    good = good_answers(counts)
    return {
        RATE: good / counts["seconds"],
        CPU_RATE: good / cpu_seconds(before, after),
        "median ms": counts["p50_ms"],
        "p99 ms": counts["p99_ms"],
        "memory MiB": sum(usage.memory_mib for usage in after),
        "errors": counts["errors"],
        LOAD: counts["load"],
    }
