"""What is shown while measuring, and what is written down afterwards."""

import json
import re
from dataclasses import asdict
from datetime import date
from io import StringIO

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed
from rich.table import Column, Table

from .environment import HERE

RESULTS = HERE / "results"
# Wide enough for each row of a table to be one line.
REPORT_COLUMNS = 150


class Steps:
    """A bar on a terminal; elsewhere a line for a step."""

    def __init__(self, console, total):
        self.console, self.total, self.done = console, total, 0
        self.title = ""
        columns = [BarColumn(), MofNCompleteColumn(), Elapsed()]
        columns.append(TextColumn("{task.description}"))
        self.has_bar = console.is_terminal
        self.bar = Progress(*columns, console=console, disable=not self.has_bar)
        self.task = self.bar.add_task("", total=total)

    def __enter__(self):
        self.bar.start()
        return self

    def __exit__(self, *exc_info):
        self.bar.update(self.task, description="")
        self.bar.stop()

    def step(self, what, is_line=True):
        """Say what begins; ``is_line``: also where there is no bar."""
        what = f"{self.title}: {what}"
        self.bar.update(self.task, completed=self.done, description=what)
        self.done += 1
        if is_line and not self.has_bar:
            print(f"[{self.done}/{self.total}] {what}", flush=True)


class Report:
    """
    The comparisons of one run, as tables and as data. ``chosen`` are the words
    that chose them, where these aren't all that there are.
    """

    title = "Benchmarks"

    def __init__(self, machine, comparisons, chosen=()):
        self.machine, self.comparisons, self.chosen = machine, comparisons, chosen
        self.date = date.today().isoformat()

    @property
    def name(self):
        """What its files are called."""
        return "-".join([self.date, self.machine["base"], *self.chosen])

    def show(self, console, style=box.SIMPLE_HEAD):
        for comparison in self.comparisons:
            console.print(f"\n## {comparison.title}\n", highlight=False)
            console.print(comparison.note, "\n", highlight=False)
            console.print(rows(comparison, style), "\n")
            if comparison.ratios:
                console.print(ratios(comparison, style))
            if comparison.limits:
                console.print(limits(comparison, style))

    def markdown(self):
        file = StringIO()
        console = Console(file=file, width=REPORT_COLUMNS, color_system=None)
        console.print(f"# {self.title}, {self.date}\n")
        for name, value in self.facts():
            console.print(f"- {name}: {value}", highlight=False)
        self.show(console, box.MARKDOWN)
        lines = [line.strip() for line in file.getvalue().splitlines()]
        # rich sets a table off with an empty line, besides those asked for.
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"

    def facts(self):
        for name, value in self.machine.items():
            if isinstance(value, dict):
                value = ", ".join(f"{key} {each}" for key, each in value.items())
            yield name, value

    def data(self):
        """Return everything that was measured, as JSON holds it."""
        comparisons = [as_dict(comparison) for comparison in self.comparisons]
        return {"date": self.date, "machine": self.machine, "comparisons": comparisons}

    def store(self):
        """Write a .json, a .md and drawings; return their paths."""
        RESULTS.mkdir(exist_ok=True)
        data, text = (RESULTS / f"{self.name}.{kind}" for kind in ("json", "md"))
        data.write_text(json.dumps(self.data(), indent=1) + "\n")
        text.write_text(self.markdown())
        drawings = []
        for comparison in self.comparisons:
            if draw := getattr(comparison, "draw", None):
                drawings.append(RESULTS / f"{self.name}-{comparison.drawing}.svg")
                draw(drawings[-1])
        return data, text, *drawings


def rows(comparison, style):
    """Return the table of medians; of what is judged, the quartiles too."""
    table = Table(Column(no_wrap=True), box=style)
    for metric in comparison.metrics:
        table.add_column(metric, justify="right")
        if metric == comparison.judged_by:
            table.add_column("quartiles", justify="right")
    for row in comparison.samples:
        cells = []
        for metric in comparison.metrics:
            spread = comparison.spread(row, metric)
            cells.append(figure(spread.median))
            if metric == comparison.judged_by:
                cells.append(f"{figure(spread.low)} – {figure(spread.high)}")
        table.add_row(row, *cells)
    return table


def ratios(comparison, style):
    """Return the table of ratios, taken round by round, and their aims."""
    table = Table(Column("ratio", no_wrap=True), box=style)
    for metric in comparison.rates:
        table.add_column(metric, justify="right")
        table.add_column("quartiles", justify="right")
    table.add_column("aim", justify="right")
    table.add_column("")
    for ratio in comparison.ratios:
        cells = []
        for metric in comparison.rates:
            spread = comparison.ratio(ratio, metric)
            cells.append(f"{spread.median:.3f}")
            cells.append(f"{spread.low:.3f} – {spread.high:.3f}")
        cells += verdict(comparison, ratio)
        table.add_row(f"{ratio.row} ÷ {ratio.peer}", *cells)
    return table


def verdict(comparison, ratio):
    """Return the ratio's aim and whether it is reached, as two cells."""
    aim = comparison.aim(ratio)
    if aim is None:
        return "", ""
    measured = comparison.ratio(ratio, comparison.judged_by).median
    sign = "≤" if ratio.is_cost else "≥"
    return f"{sign} {aim}", outcome(ratio.reached(measured, aim))


def limits(comparison, style):
    """Return the table of what should be no more than so much."""
    table = Table(Column("at most", no_wrap=True), box=style)
    for name in ("median", "quartiles", "aim"):
        table.add_column(name, justify="right")
    table.add_column("")
    for limit in comparison.limits:
        spread = comparison.limited(limit)
        table.add_row(
            limit.name,
            figure(spread.median),
            f"{figure(spread.low)} – {figure(spread.high)}",
            f"≤ {limit.most}",
            outcome(spread.median <= limit.most),
        )
    return table


def outcome(is_reached):
    return "reached" if is_reached else "missed"


def figure(value):
    """Return a number with as many digits as it is good for."""
    is_plain = abs(value) >= 100 or not value
    return f"{value:,.0f}" if is_plain else f"{value:.3g}"


def as_dict(comparison):
    measured = []
    for ratio in comparison.ratios:
        entry = {"row": ratio.row, "peer": ratio.peer, "aim": comparison.aim(ratio)}
        for metric in comparison.rates:
            entry[metric] = rounded(comparison.ratio(ratio, metric))
        measured.append(entry)
    limited = [
        {"what": limit.name, "most": limit.most} | rounded(comparison.limited(limit))
        for limit in comparison.limits
    ]
    samples = {
        row: [{name: round(each, 3) for name, each in sample.items()} for sample in all]
        for row, all in comparison.samples.items()
    }
    return {
        "title": comparison.title,
        "view": comparison.view,
        "note": comparison.note,
        "judged by": comparison.judged_by,
        "ratios": measured,
        "limits": limited,
        "samples": samples,
    }


def rounded(spread):
    return {name: round(each, 4) for name, each in asdict(spread).items()}
