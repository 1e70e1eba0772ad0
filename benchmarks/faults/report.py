"""What the scripts have found, as tables and as data."""

from importlib.metadata import version

from rich import box

from ..machine import describe as describe_machine
from ..report import Report

PACKAGES = ["autobahn", "psycopg", "redis", "twisted", "websockets"]


def describe(base, options):
    """Return the facts that a result can't be read without."""
    return {
        **describe_machine(base, are_pinned=False),
        "versions": {name: version(name) for name in PACKAGES},
        "size": "quick" if options.quick else "full",
    }


class Result:
    """What a script has found on one backend."""

    def __init__(self, script, server, findings):
        self.name, self.server = script.name, server.title
        self.title = f"{script.title}, on {server.title} {server.version()}"
        self.findings = findings

    def show(self, console, style=box.SIMPLE_HEAD):
        console.print(f"\n## {self.title}\n", highlight=False, markup=False)
        self.findings.show(console, style)

    def data(self):
        place = {"script": self.name, "title": self.title, "server": self.server}
        return {**place, **self.findings.data()}


class FaultsReport(Report):
    """The results, in the place of comparisons."""

    title = "Faults"

    @property
    def name(self):
        return "-".join([self.date, "faults", *self.chosen])

    def show(self, console, style=box.SIMPLE_HEAD):
        for result in self.comparisons:
            result.show(console, style)

    def data(self):
        results = [result.data() for result in self.comparisons]
        return {"date": self.date, "machine": self.machine, "results": results}
