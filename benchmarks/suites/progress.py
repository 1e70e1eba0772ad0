"""How far the suites are: bars on a terminal, elsewhere now and then a line."""

import time
from datetime import timedelta

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.progress import TimeElapsedColumn as Elapsed

POLL_SECONDS = 0.5
LINE_SECONDS = 30


def watch_on(console):
    """Return what shows a title and runs, until all are over or one fails."""

    def watch(title, runs):
        show = bars if console.is_terminal else lines
        show(console, title, runs)

    return watch


def bars(console, title, runs):
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, Elapsed(), console=console, transient=True) as bar:
        names = [f"{title}: {run.suite.tree.name}" for run in runs]
        tasks = [bar.add_task(name, total=None) for name in names]
        while not are_over(runs):
            for task, run in zip(tasks, runs):
                ran, total, _ = run.progress
                bar.update(task, completed=ran, total=total or None)


def lines(console, title, runs):
    began = shown = time.monotonic()
    print(f"{title}: started", flush=True)
    while not are_over(runs):
        if time.monotonic() - shown >= LINE_SECONDS:
            shown = time.monotonic()
            print(f"{title}, {clock(shown - began)}: {counts(runs)}", flush=True)
    print(f"{title}, {clock(time.monotonic() - began)}: ended", flush=True)


def counts(runs):
    """Return the counts of tests as a line has them."""
    parts = []
    for run in runs:
        ran, total, _ = run.progress
        state = f"{ran:,} of {total:,}" if total else "setting up"
        state = "ended" if run.ending.is_over else state
        parts.append(f"{run.suite.tree.name} {state}")
    return ", ".join(parts)


def clock(seconds):
    return str(timedelta(seconds=round(seconds)))


def are_over(runs):
    """Wait a moment, and tell whether all are over or one has failed."""
    over = [run.wait(POLL_SECONDS) for run in runs]
    return all(over) or any(run.has_failed for run in runs)
