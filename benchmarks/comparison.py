"""Samples of what is compared, and the ratios between them."""

from dataclasses import dataclass, field
from statistics import median, quantiles

RATE = "requests/s"
CPU_RATE = "per CPU second"


@dataclass(frozen=True)
class Ratio:
    """The rate of ``row`` ÷ that of ``peer``; what it should be, by view."""

    row: str
    peer: str
    aims: dict = field(default_factory=dict)


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

    A sample is a dict of metrics, the same ones for every row, RATE and
    CPU_RATE among them; ``judged_by`` is the one that aims are about.
    """

    def __init__(self, title, view, ratios, judged_by, note):
        self.title, self.view, self.note = title, view, note
        self.wanted, self.judged_by = ratios, judged_by
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

    def spread(self, row, metric):
        return Spread.of([sample[metric] for sample in self.samples[row]])

    def ratio(self, ratio, metric):
        """Return the ratio's spread, taken round by round."""
        pairs = zip(self.samples[ratio.row], self.samples[ratio.peer], strict=True)
        return Spread.of([row[metric] / peer[metric] for row, peer in pairs])

    def aim(self, ratio):
        """Return the least that the ratio should be, or None."""
        return ratio.aims.get(self.view)
