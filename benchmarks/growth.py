"""What ten and a hundred times as much of something costs."""

from .comparison import Comparison, Ratio
from .process import unique_kib
from .servers import ours
from .serving import serving
from .sockets import allow_open_files, sockets

LATENCY, MEMORY = "median ms", "memory MiB"
TIMES = (1, 10, 100)
KINDS = ("connections", "groups", "queued messages")
ROUNDS = 3


class GrowthComparison(Comparison):
    """Rows that are named ``10x groups`` and so on, and can be drawn."""

    drawing = "growth"

    def draw(self, path):
        """Write the medians as curves, a panel for each metric."""
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        figure, panels = pyplot.subplots(1, len(self.rates), figsize=(9, 3.5))
        for panel, metric in zip(panels, self.rates):
            for kind in KINDS:
                medians = [self.spread(row(n, kind), metric).median for n in TIMES]
                panel.plot(TIMES, medians, marker="o", label=kind)
            panel.set(xscale="log", xlabel="times as many", ylabel=metric)
            panel.set_ylim(0, 1.1 * panel.dataLim.ymax)
            panel.set_xticks(TIMES, [f"{n}×" for n in TIMES])
        panels[0].legend()
        figure.tight_layout()
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)


class Growth:
    """
    A server has more and more of one thing. Then a single socket says something
    and hears it: an echo, or what it sent to a group.
    """

    name = "growth"
    title = "Growth"
    server = ours()

    def __init__(self, options, size, cores):
        # Now, as what others have measured would be lost with an error later.
        allow_open_files()
        self.options, self.size, self.cores = options, size, cores
        self.rounds, self.asked = (1, 20) if options.quick else (ROUNDS, 300)

    def steps(self):
        return self.rounds * len(KINDS)

    def run(self, progress):
        note = (
            f"1x is {self.size.growth} sockets, groups with a member each, or messages "
            f"that wait. {self.rounds} rounds, a new server for each kind, memory "
            f"backend. 'Median ms': of {self.asked} messages one after the other, from "
            f"a socket and back. The memory is what no other process has (USS)."
        )
        ratios = [
            Ratio(row(n, kind), row(1, kind)) for kind in KINDS for n in TIMES[1:]
        ]
        rates = (LATENCY, MEMORY)
        comparison = GrowthComparison(self.title, "", ratios, LATENCY, note, rates)
        for number in range(self.rounds):
            for kind in KINDS:
                progress.step(f"{kind}, round {number + 1}")
                self.measure(kind, comparison)
        return [comparison]

    def measure(self, kind, comparison):
        """Add a sample for each size."""
        unit = self.size.growth
        with (
            serving(self.server, self.cores, self.options) as (process, url),
            sockets(self.cores, f"{url}/growth/") as crowd,
        ):
            crowd.ask("open", unit)
            # What is made once is made.
            crowd.ask("ask", self.asked, "echo")
            has = {"connections": unit}.get(kind, 0)
            for times in TIMES:
                grow(kind, crowd, unit, has, unit * times)
                has = unit * times
                said = ["echo"]
                if kind == "groups":
                    said = [f"group {number}" for number in range(has)]
                counts = crowd.ask("ask", self.asked, *said)
                sample = {
                    LATENCY: counts["p50_ms"],
                    "p99 ms": counts["p99_ms"],
                    MEMORY: unique_kib(process) / 2**10,
                }
                comparison.add(row(times, kind), sample)


def grow(kind, crowd, unit, has, wanted):
    """Have as many as are wanted of a kind, in shares of equal size."""
    share = (wanted - has) // unit
    if kind == "connections":
        crowd.ask("open", wanted - has)
    else:
        what = "join" if kind == "groups" else "queue"
        starts = range(has, wanted, share)
        crowd.ask("each", *(f"{what} {start} {start + share}" for start in starts))


def row(times, kind):
    return f"{times}x {kind}"
