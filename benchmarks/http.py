"""The servers under load, on the same view of the same project."""

from . import turns
from .comparison import CPU_RATE, LOAD, RATE, Comparison, Ratio
from .load import CONNECTIONS, Wrk, good_answers
from .process import Usage, cpu_seconds
from .servers import OURS, SERVERS
from .serving import serving

WARM_UP_SECONDS = 1


class Http:
    """The server whose turn it is has a core to itself; wrk has the other."""

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
        self.wrk = Wrk(cores)
        wanted = options.servers or [server.name for server in SERVERS]
        self.servers = [server for server in SERVERS if server.name in wanted]

    def steps(self):
        return turns.steps(self.size, self.servers)

    def run(self, progress):
        view, note = self.options.view, (
            f"View '{self.options.view}', {CONNECTIONS} keep-alive connections, "
            f"{turns.described(self.size)}; a process a server, with "
            f"{self.options.threads} threads where it has threads. 'Per CPU second': "
            f"of what the server's processes used."
        )
        comparison = Comparison(self.title, view, self.ratios, RATE, note)
        turns.take_turns(
            self.size, self.servers, self.start, self.measure, comparison, progress
        )
        return [comparison]

    def start(self, server, stack):
        process, url = stack.enter_context(serving(server, self.cores, self.options))
        url += self.options.path
        warm_up(url, self.wrk)
        return process, url

    def measure(self, running):
        process, url = running
        return under_load(url, process, self.wrk, turns.SECONDS)


def warm_up(url, wrk):
    wrk.run(url, WARM_UP_SECONDS)


def under_load(url, process, wrk, seconds, *others):
    """
    Return the sample of a warm server under load. ``others`` are processes that
    work for it.
    """
    family = [process, *others]
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
