"""The comparisons as tables and as data."""

import re
from importlib.metadata import version

from rich import box
from rich.table import Column, Table

from ..machine import describe as describe_machine
from ..report import Report
from .comparison import CPU, WALL
from .recording import FAILURES, label_of

# Of which the versions are noted: what Django's tests depend on most.
PACKAGES = ["asgiref", "psycopg", "sqlparse"]
# How many modules the table of the biggest differences in time has.
MODULES = 8
METRICS = {WALL: "wall s", CPU: "CPU s"}


def describe(base, database, comparer, options):
    """Return the facts that a result can't be read without."""
    way = "one after the other" if comparer.is_serial else "side by side"
    if options.recorded:
        way = "the patched tree alone, and a recorded run of the pristine one"
    shares = " and ".join(
        f"{share.count} process{'es' * (share.count > 1)}" for share in comparer.shares
    )
    return {
        **describe_machine(base, comparer.are_pinned),
        database.title: database.version(),
        "versions": {name: version(name) for name in PACKAGES},
        "tests": ", ".join(options.labels) or "all of upstream's",
        "runs": way if options.recorded else f"{way}, {shares}",
        "rounds": options.rounds,
    }


class SuitesReport(Report):
    """Of each mode: its runs, what differs, and what fails in both trees."""

    title = "Test suites"

    @property
    def name(self):
        database = "postgresql" if "PostgreSQL" in self.machine else "sqlite"
        name = f"{self.date}-suites-{self.machine['base']}-{database}"
        is_timed = all(comparison.is_timed for comparison in self.comparisons)
        return name if is_timed else f"{name}-outcomes"

    def show(self, console, style=box.SIMPLE_HEAD):
        def say(text):
            console.print(text, highlight=False, markup=False)

        for comparison in self.comparisons:
            say(f"\n## {comparison.mode.name}: {verdict(comparison)}\n")
            console.print(runs(comparison, style))
            if comparison.is_timed:
                console.print("\n", ratios(comparison, style))
            if comparison.modules():
                say("\nThe modules whose CPU seconds differ most:\n")
                console.print(modules(comparison, style))
            for title, lines in details(comparison):
                say(f"\n{title}:\n")
                for line in lines:
                    say(line)

    def data(self):
        comparisons = [as_dict(comparison) for comparison in self.comparisons]
        return {"date": self.date, "machine": self.machine, "comparisons": comparisons}

    def store(self):
        data, text = super().store()
        # A list of numbers takes one line.
        lists = re.compile(r"\[\s+([-\d.,\s]+?)\s+\]")
        flat = lists.sub(lambda m: f"[{' '.join(m[1].split())}]", data.read_text())
        data.write_text(flat)
        return data, text


def verdict(comparison):
    count = len(comparison.different)
    if not count:
        return "no difference"
    return f"{count} test{'s' * (count > 1)} with different outcomes"


def runs(comparison, style):
    """Return the table with a row for each run."""
    has_server = any(r.database_cpu_seconds for pair in comparison.rounds for r in pair)
    heads = ["tests", "passed", "skipped", "failed", *METRICS.values()]
    heads += ["database CPU s"] * has_server + ["cores"]
    table = Table(Column(no_wrap=True), box=style)
    for head in heads:
        table.add_column(head, justify="right")
    for number, pair in enumerate(comparison.rounds, 1):
        for name, result in zip(("pristine", "patched"), pair):
            row = [f"{name} {number}" if len(comparison.rounds) > 1 else name]
            counts = totals(result.recording)
            row += [f"{counts[head]:,}" for head in heads[:4]]
            row += [seconds(getattr(result, metric)) for metric in METRICS]
            row += [seconds(result.database_cpu_seconds)] if has_server else []
            table.add_row(*row, cores(result))
    return table


def seconds(value):
    return "recorded" if value is None else f"{value:,.1f}"


def cores(result):
    return ", ".join(map(str, result.share.numbers)) or "any"


def totals(recording):
    """
    Return the counts; an expected failure counts as passed.

    A subtest that fails is counted, besides its test.
    """
    counts = recording.counts
    return {
        "tests": recording.ran,
        "passed": counts["passed"] + counts["expected failure"],
        "skipped": counts["skipped"],
        "failed": sum(counts[outcome] for outcome in FAILURES),
    }


def ratios(comparison, style):
    """Return the table of ratios and their aim, which no exit status heeds."""
    table = Table(Column("ratio", no_wrap=True), box=style)
    found = {head: comparison.ratio(metric) for metric, head in METRICS.items()}
    for head in (*found, "aim"):
        table.add_column(head, justify="right")
    table.add_column("")
    cells = [f"{ratio:.3f}" for ratio in found.values()]
    if aim := comparison.mode.aim:
        missed = [head for head, ratio in found.items() if round(ratio, 3) > aim]
        reached = f"missed: {', '.join(missed)}" if missed else "reached"
        cells += [f"≤ {aim}", reached]
    table.add_row("patched ÷ pristine", *cells)
    return table


def modules(comparison, style):
    """Return the table of the modules that take longer or shorter."""
    table = Table(Column("module", no_wrap=True), box=style)
    for head in ("tests", "pristine", "patched", "difference"):
        table.add_column(head, justify="right")
    found = comparison.modules().items()
    most = sorted(found, key=lambda item: -abs(item[1][2] - item[1][1]))
    for name, (tests, before, after) in most[:MODULES]:
        cells = [f"{before:,.2f}", f"{after:,.2f}", f"{after - before:+,.2f}"]
        table.add_row(name, f"{tests:,}", *cells)
    return table


def details(comparison):
    """Yield lists of tests: a title, and lines."""
    for title, found in [
        ("Different", comparison.different),
        ("Unstable in pristine Django, too", comparison.unstable),
    ]:
        if found:
            yield title, [line for each in found for line in about(each)]
    recording = comparison.rounds[0][0].recording
    if comparison.failing:
        lines = [f"- {n}: {recording.sighting(n)}" for n in comparison.failing]
        yield "Failing in both trees", lines


def about(difference):
    yield f"- {difference.name}"
    # Of subtests, set-ups and tear-downs only failures are recorded.
    is_test = label_of(difference.name) == difference.name
    missing = "not run" if is_test else "no failure"
    for name in ("pristine", "patched"):
        seen = [each or missing for each in getattr(difference, name)]
        yield f"  - {name}: {'; '.join(seen)}"


def as_dict(comparison):
    """Return what JSON holds of a comparison: no test that is as expected."""
    recording = comparison.rounds[0][0].recording
    return {
        "mode": comparison.mode.name,
        "settings": comparison.mode.settings,
        "aim": comparison.mode.aim,
        "ratios": {
            metric: round(comparison.ratio(metric), 4)
            for metric in (METRICS if comparison.is_timed else ())
        },
        "rounds": [
            {name: run(each) for name, each in zip(("pristine", "patched"), pair)}
            for pair in comparison.rounds
        ],
        "different": [vars(each) for each in comparison.different],
        "unstable": [vars(each) for each in comparison.unstable],
        "failing in both": {n: recording.sighting(n) for n in comparison.failing},
        "modules": {
            name: [tests, round(before, 2), round(after, 2)]
            for name, (tests, before, after) in comparison.modules().items()
        },
    }


def run(result):
    seconds = {
        metric: round(getattr(result, metric), 2)
        for metric in METRICS
        if getattr(result, metric) is not None
    }
    if result.database_cpu_seconds is not None:
        seconds["database_cpu_seconds"] = round(result.database_cpu_seconds, 2)
    return {
        **totals(result.recording),
        **seconds,
        "cores": list(result.share.numbers),
        "outcomes sha256": result.recording.digest,
    }
