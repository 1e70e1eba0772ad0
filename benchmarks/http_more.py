"""Views on an event loop, and what servers add to Django."""

from .comparison import CPU_RATE, RATE, Comparison, Ratio
from .http import under_load, warm_up
from .inprocess import PATCHED, InProcess
from .load import CONNECTIONS, Wrk
from .servers import OURS, RUNWSSERVER, UVICORN, Server
from .serving import serving

SERVER = Server(OURS, RUNWSSERVER, channels=True)
GRANIAN = (
    "-m granian --interface asgi --host {host} --port {port} --workers 1 "
    "--loop uvloop --log-level warning hello.asgi:application"
)
HELLO = "/"
ASYNC = "/async/"
IN_PROCESS = "in process"
ALONE = "Twisted alone"
# The time of both for each request, as if our own code took none.
BOTH = f"{IN_PROCESS} and {ALONE}"


class HttpMore:
    """Servers that take turns, as in Http, and WSGI in process beside ours."""

    name = "http_more"
    title = "Servers under load"
    async_servers = [
        SERVER,
        Server("uvicorn", UVICORN + "hello.asgi:application"),
        Server("granian, ASGI", GRANIAN),
    ]
    stock_servers = [
        Server("uvicorn, patched", UVICORN + "hello.asgi:application", channels=True),
        Server("uvicorn, pristine", UVICORN + "hello.asgi:application"),
    ]
    bare_server = Server(
        ALONE, "{peers}/twisted_alone.py {host} {port}", is_django=False
    )

    def __init__(self, options, size, cores):
        self.options, self.size, self.cores = options, size, cores

    def steps(self):
        servers = len(self.size.connections) * len(self.async_servers)
        return self.size.http_rounds * (servers + len(self.stock_servers) + 1)

    def run(self, progress):
        compare, rounds = self.compare, range(self.size.http_rounds)
        compared = []
        for connections in self.size.connections:
            ratios = [Ratio(OURS, "uvicorn", aim=2.0), Ratio(OURS, "granian, ASGI")]
            comparison = self.comparison("an async view", connections, ratios)
            compared.append(comparison)
            for number in rounds:
                for server in self.async_servers:
                    progress.step(f"{server.name}, round {number + 1}")
                    compare(comparison, server, ASYNC, connections)
        stock = Ratio("uvicorn, patched", "uvicorn, pristine", aim=5.0)
        comparison = self.comparison("a sync view under uvicorn", CONNECTIONS, [stock])
        compared.append(comparison)
        for number in rounds:
            for server in self.stock_servers:
                progress.step(f"{server.name}, round {number + 1}")
                compare(comparison, server, HELLO, CONNECTIONS)
        return [*compared, self.run_beside_process(progress)]

    def comparison(self, what, connections, ratios):
        note = (
            f"{connections:,} keep-alive connections for {self.size.http_seconds} s a "
            f"round, {self.size.http_rounds} rounds; a process a server."
        )
        title = f"{self.title}: {what}, {connections:,} connections"
        return Comparison(title, "", ratios, RATE, note)

    def compare(self, comparison, server, path, connections):
        wrk, seconds = Wrk(self.cores, connections), self.size.http_seconds
        with serving(server, self.cores, self.options) as (process, url):
            warm_up(url + path, wrk)
            sample = under_load(url + path, process, wrk, seconds)
        comparison.add(server.name, sample)

    def run_beside_process(self, progress):
        """Return how much of the WSGI application's speed the server leaves."""
        note = (
            f"The view 'hello'. In process, the WSGI application is called "
            f"{self.size.requests} times a round, by a thread that never waits; the "
            f"servers have {CONNECTIONS} keep-alive connections. '{ALONE}' answers "
            f"with fixed bytes, and has httptools besides; '{BOTH}' adds up the time "
            f"that these two take for a request."
        )
        ratios = [Ratio(OURS, IN_PROCESS, aim=0.65), Ratio(OURS, BOTH)]
        comparison = Comparison("A server, and none", "", ratios, CPU_RATE, note)
        in_process = InProcess(self.options, self.size, self.cores)
        for number in range(self.size.http_rounds):
            progress.step(f"{IN_PROCESS}, round {number + 1}")
            with in_process.loop(PATCHED, HELLO) as loop:
                comparison.add(IN_PROCESS, loop.measure(self.size.requests))
            self.compare_rates(comparison, SERVER)
            self.compare_rates(comparison, self.bare_server)
            one, other = (comparison.samples[row][-1] for row in (IN_PROCESS, ALONE))
            both = {name: 1 / (1 / one[name] + 1 / other[name]) for name in one}
            comparison.add(BOTH, both)
        return comparison

    def compare_rates(self, comparison, server):
        wrk, seconds = Wrk(self.cores), self.size.http_seconds
        with serving(server, self.cores, self.options) as (process, url):
            warm_up(url + HELLO, wrk)
            sample = under_load(url + HELLO, process, wrk, seconds)
        rates = {name: sample[name] for name in (RATE, CPU_RATE)}
        comparison.add(server.name, rates)
