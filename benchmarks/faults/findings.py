"""What a script has found, beside what was promised."""

from rich import box
from rich.table import Table


class Findings:
    """Rows of what was observed, and checks of what was promised."""

    def __init__(self, *columns):
        self.columns = columns
        self.rows = []
        self.checks = []

    def note(self, *cells):
        """Add a row of what was observed, which isn't judged."""
        self.rows.append(cells)

    def check(self, what, found, promised, holds=None):
        """
        Add a check. It holds if ``found`` is what was promised, or where
        ``promised`` is a text for people, if ``holds`` is true.
        """
        if holds is None:
            holds = found == promised
        self.checks.append((what, promised, found, holds))

    @property
    def passed(self):
        return all(holds for *_, holds in self.checks)

    def show(self, console, style=box.SIMPLE_HEAD):
        if self.rows:
            console.print(table(self.columns, self.rows, style), "\n")
        checks = [
            (what, promised, found, "holds" if holds else "FAILED")
            for what, promised, found, holds in self.checks
        ]
        console.print(table(("", "promised", "found", ""), checks, style))

    def data(self):
        """Return it as JSON holds it."""
        names = ("what", "promised", "found", "holds")
        return {
            "columns": self.columns,
            "rows": self.rows,
            "checks": [dict(zip(names, check)) for check in self.checks],
        }


def table(columns, rows, style):
    result = Table(box=style)
    for i, column in enumerate(columns):
        result.add_column(column, justify="right" if i else "left", no_wrap=True)
    for row in rows:
        result.add_row(*map(cell, row))
    return result


def cell(value):
    return f"{value:,}" if isinstance(value, int) else str(value)
