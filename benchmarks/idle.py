"""Sockets that are open and say nothing: their memory, and how fast they open."""

from .comparison import CPU_RATE, LOAD, Comparison, Limit, Ratio
from .process import Usage, cpu_seconds, unique_kib
from .servers import OURS, channels4, ours
from .serving import serving
from .sockets import allow_open_files, sockets

CONNECTS = "connects/s"
MEMORY = "KiB a socket"
# Its memory layer looks through all channels for each socket that opens, which
# takes the longer the more there are. An echo needs no layer.
LAYER, NO_LAYER = "channels 4, memory", "channels 4, no layer"
ROUNDS = 3
# Sockets opened and kept before the first is counted, so that what a server
# makes once is made.
FIRST = 10


class Idle:
    """A server's memory that no other process has, before and after."""

    name = "idle"
    title = "Idle sockets"
    rows = [
        (ours(), "/echo/"),
        (channels4(LAYER), "/async/"),
        (channels4(NO_LAYER, layer="none"), "/async/"),
    ]
    ratios = [Ratio(OURS, LAYER, aim=2.0), Ratio(OURS, NO_LAYER, aim=2.0)]
    limits = [Limit(MEMORY, OURS, 8)]

    def __init__(self, options, size, cores):
        # Now, as what others have measured would be lost with an error later.
        allow_open_files()
        self.options, self.size, self.cores = options, size, cores
        self.rounds = 1 if options.quick else ROUNDS

    def steps(self):
        return len(self.size.idle) * self.rounds * len(self.rows)

    def run(self, progress):
        return [self.compare(progress, number) for number in self.size.idle]

    def compare(self, progress, number):
        note = (
            f"{number:,} sockets are opened, {self.rounds} rounds; a process a server, "
            f"channels 4 under uvicorn with an async consumer. The memory is what no "
            f"other process has (USS), less what it was with {FIRST} sockets."
        )
        comparison = Comparison(
            f"{self.title}: {number:,}",
            "",
            self.ratios,
            CONNECTS,
            note,
            (CONNECTS, CPU_RATE),
            self.limits,
        )
        for i in range(self.rounds):
            for server, path in self.rows:
                progress.step(f"{server.name}, {number:,} sockets, round {i + 1}")
                comparison.add(server.name, self.measure(server, path, number))
        return comparison

    def measure(self, server, path, number):
        with (
            serving(server, self.cores, self.options) as (process, url),
            sockets(self.cores, url + path) as crowd,
        ):
            crowd.ask("open", FIRST)
            before, empty = Usage(process), unique_kib(process)
            counts = crowd.ask("open", number)
            after, full = Usage(process), unique_kib(process)
        return {
            CONNECTS: number / counts["seconds"],
            CPU_RATE: number / cpu_seconds([before], [after]),
            MEMORY: (full - empty) / number,
            "MiB": full / 2**10,
            LOAD: counts["load"],
        }
