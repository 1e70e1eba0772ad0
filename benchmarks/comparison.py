"""Samples of what is compared, and the ratios between them."""

from dataclasses import dataclass, field
from statistics import median, quantiles

RATE = "requests/s"
CPU_RATE = "per CPU second"
# How busy the load generator's core was: near 100, it's that what is measured.
LOAD = "load core %"


@dataclass(frozen=True)
class Ratio:
    """
    The rate of ``row`` ÷ that of ``peer``. What it should be at least, or at
    most where ``is_cost``: by view, or ``aim`` for all.
    """

    row: str
    peer: str
    aims: dict = field(default_factory=dict)
    aim: float = None
    is_cost: bool = False

    def reached(self, value, aim):
        return value <= aim if self.is_cost else value >= aim


@dataclass(frozen=True)
class Limit:
    """What a metric of ``row`` should be at most, less that of ``less``."""

    metric: str
    row: str
    most: float
    less: str = None

    @property
    def name(self):
        rows = f"{self.row} − {self.less}" if self.less else self.row
        return f"{rows}, {self.metric}"


@dataclass(frozen=True)
class Spread:
    """A median between its quartiles: half of the samples lie within them."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, samples):
        if len(samples) < 2:
            return cls(samples[0], samples[0], samples[0])
        low, _, high = quantiles(samples, n=4, method="inclusive")
        return cls(low, median(samples), high)


class Comparison:
    """
    Rows that took turns: the n-th samples of all rows belong to one round.

    A sample is a dict of metrics, the same ones for every row. ``rates`` are
    those whose ratios are shown; ``judged_by`` is the one of them that aims
    are about. ``limits`` are aims for what isn't a ratio.
    """

    def __init__(
        self, title, view, ratios, judged_by, note, rates=(RATE, CPU_RATE), limits=()
    ):
        self.title, self.view, self.note = title, view, note
        self.wanted, self.judged_by, self.rates = ratios, judged_by, rates
        self.wanted_limits = limits
        self.samples = {}

    def add(self, row, sample):
        self.samples.setdefault(row, []).append(sample)

    @property
    def metrics(self):
        return list(next(iter(self.samples.values()))[0])

    @property
    def ratios(self):
        """The ratios whose rows were both measured."""
        return [r for r in self.wanted if {r.row, r.peer} <= {*self.samples}]

    @property
    def limits(self):
        """The limits whose rows were measured."""
        known = {*self.samples, None}
        return [each for each in self.wanted_limits if {each.row, each.less} <= known]

    def spread(self, row, metric):
        return Spread.of([sample[metric] for sample in self.samples[row]])

    def ratio(self, ratio, metric):
        """Return the ratio's spread, taken round by round."""
        pairs = zip(self.samples[ratio.row], self.samples[ratio.peer], strict=True)
        return Spread.of([row[metric] / peer[metric] for row, peer in pairs])

    def limited(self, limit):
        """Return the spread of what a limit is about, taken round by round."""
        if limit.less is None:
            return self.spread(limit.row, limit.metric)
        pairs = zip(self.samples[limit.row], self.samples[limit.less], strict=True)
        name = limit.metric
        return Spread.of([row[name] - less[name] for row, less in pairs])

    def aim(self, ratio):
        """Return the least that the ratio should be, or the most, or None."""
        return ratio.aims.get(self.view, ratio.aim)
