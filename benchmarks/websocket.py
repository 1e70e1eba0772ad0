"""WebSocket frames that come back."""

from .comparison import CPU_RATE, LOAD, Comparison, Ratio
from .process import Usage, cpu_seconds
from .servers import DAPHNE, OURS, channels4, ours
from .serving import serving
from .sockets import sockets

FRAMES = "frames/s"
CONNECTIONS = 100
WARM_UP_SECONDS = 0.5
SYNC, ASYNC = "channels 4, sync", "channels 4, async"


class WebSocket:
    """An echo: each socket says the next thing when it has heard the last."""

    name = "websocket"
    title = "WebSocket echo"
    # A server, and the path where its echo is.
    rows = [
        (ours(), "/echo/"),
        (channels4(f"{SYNC}, uvicorn"), "/echo/"),
        (channels4(f"{ASYNC}, uvicorn"), "/async/"),
        (channels4(f"{SYNC}, daphne", DAPHNE), "/echo/"),
        (channels4(f"{ASYNC}, daphne", DAPHNE), "/async/"),
    ]
    ratios = [
        Ratio(OURS, server.name, aim=3.0 if path == "/echo/" else 1.5)
        for server, path in rows[1:]
    ]

    def __init__(self, options, size, cores):
        self.options, self.size, self.cores = options, size, cores

    def steps(self):
        return self.size.socket_rounds * len(self.rows)

    def run(self, progress):
        note = (
            f"{CONNECTIONS} sockets, 32 bytes a frame, {self.size.socket_seconds} s a "
            f"round, {self.size.socket_rounds} rounds; a process a server, ours with "
            f"a sync consumer and {self.options.threads} threads. 'Per CPU second': "
            f"of what the server's process used. Near 100 % of its core, the load "
            f"generator is what is measured."
        )
        rates = (FRAMES, CPU_RATE)
        comparison = Comparison(self.title, "", self.ratios, FRAMES, note, rates)
        for number in range(self.size.socket_rounds):
            for server, path in self.rows:
                progress.step(f"{server.name}, round {number + 1}")
                comparison.add(server.name, self.measure(server, path))
        return [comparison]

    def measure(self, server, path):
        """Return one sample: a fresh server process under load."""
        with (
            serving(server, self.cores, self.options) as (process, url),
            sockets(self.cores, url + path) as crowd,
        ):
            crowd.ask("open", CONNECTIONS)
            crowd.ask("echo", WARM_UP_SECONDS)
            before = Usage(process)
            counts = crowd.ask("echo", self.size.socket_seconds)
            after = Usage(process)
        return {
            FRAMES: counts["messages"] / counts["seconds"],
            CPU_RATE: counts["messages"] / cpu_seconds([before], [after]),
            "median ms": counts["p50_ms"],
            "p99 ms": counts["p99_ms"],
            "memory MiB": after.memory_mib,
            LOAD: counts["load"],
        }
