"""
The command line.

Until the environment is entered nothing is imported that must be installed.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from patchset import Base, PatchsetError, apply

from .environment import PROJECT, ROOT, Environment, EnvironmentFailed
from .servers import SERVERS

# Modules, and the class in each that measures.
BENCHMARKS = {
    "inprocess": "InProcess",
    "start": "Start",
    "instructions": "Instructions",
    "http": "Http",
    "http_more": "HttpMore",
    "queue": "Queue",
    "websocket": "WebSocket",
    "broadcast": "Broadcast",
    "idle": "Idle",
    "jobs": "Jobs",
    "redis_ways": "RedisWays",
    "growth": "Growth",
}
# Those of them that need programs which pip can't install.
WITH_WRK = {"http", "http_more", "queue"}
WITH_REDIS = {"queue", "broadcast", "jobs", "redis_ways"}
WITH_VALGRIND = {"instructions"}
VIEWS = {"hello": "/", "async": "/async/", "orm": "/orm/", "template": "/template/"}


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    generations: int
    rounds: int
    requests: int
    starts: int
    counts: int
    http_rounds: int
    http_seconds: int
    connections: tuple
    socket_rounds: int
    socket_seconds: int
    members: int
    idle: tuple
    jobs: int
    growth: int


FULL = Size(
    generations=20,
    rounds=15,
    requests=1000,
    starts=100,
    counts=5,
    http_rounds=7,
    http_seconds=5,
    connections=(32, 1000),
    socket_rounds=7,
    socket_seconds=5,
    members=1000,
    idle=(3000, 9000),
    jobs=20_000,
    growth=90,
)
QUICK = Size(
    generations=2,
    rounds=8,
    requests=500,
    starts=5,
    counts=1,
    http_rounds=1,
    http_seconds=1,
    connections=(8, 32),
    socket_rounds=1,
    socket_seconds=1,
    members=100,
    idle=(50, 200),
    jobs=500,
    growth=5,
)


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the patched Django beside pristine Django and peers.",
    )
    add, servers = parser.add_argument, [server.name for server in SERVERS]
    add("--quick", action="store_true", help="a small size, a few minutes")
    add("--store", action="store_true", help="write the results to results/")
    add("--only", nargs="+", choices=BENCHMARKS, default=[*BENCHMARKS])
    add("--servers", nargs="+", choices=servers, default=servers)
    add("--threads", type=int, default=4, help="of a threaded server (default: 4)")
    add("--view", choices=VIEWS, default="hello", help="default: hello")
    tree = "a patched tree as it is (default: this one, brought up to date first)"
    add("--tree", type=Path, help=tree)
    options = parser.parse_args(arguments)
    options.path = VIEWS[options.view]
    options.is_own_tree = options.tree is None
    options.tree = (options.tree or ROOT).resolve()
    return options


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse(arguments)
    try:
        base = Base.of(ROOT)
        environment = Environment(base.version)
        options.django = base.version
        if environment.is_active:
            return measure(options, base)
        if options.is_own_tree:
            apply(ROOT, base)
        only = {*options.only}
        environment.prepare(
            with_wrk=bool(only & WITH_WRK),
            with_redis=bool(only & WITH_REDIS),
            with_valgrind=bool(only & WITH_VALGRIND),
        )
    except (PatchsetError, EnvironmentFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    environment.enter(arguments)


def measure(options, base):
    """Run the benchmarks; here everything is installed."""
    from rich.console import Console

    from .load import LoadFailed
    from .machine import describe, versions
    from .process import Cores
    from .report import REPORT_COLUMNS, Report
    from .serving import ServerFailed

    console, cores = Console(), Cores()
    console.width = max(console.width, REPORT_COLUMNS)
    machine = {**describe(base, cores.are_pinned), "versions": versions()}
    # A polite end takes the servers along too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with migrated_database():
            comparisons = compare(options, cores, console)
    except (ServerFailed, LoadFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    chosen = options.only if {*options.only} != {*BENCHMARKS} else ()
    report = Report(machine, comparisons, chosen)
    report.show(console)
    if options.store:
        names = [file.relative_to(ROOT).as_posix() for file in report.store()]
        console.print(f"\nWritten: {', '.join(names)}.")
    return 0


def compare(options, cores, console):
    """Return all benchmarks' comparisons."""
    from .report import Steps

    size = QUICK if options.quick else FULL
    runs = []
    for name in options.only:
        module = import_module(f".{name}", __package__)
        runs.append(getattr(module, BENCHMARKS[name])(options, size, cores))
    comparisons = []
    with Steps(console, sum(run.steps() for run in runs)) as steps:
        for run in runs:
            steps.title = run.name
            comparisons += run.run(steps)
    return comparisons


@contextmanager
def migrated_database():
    """Give the project, in all its processes, a fresh database with tables."""
    from .serving import environ

    with tempfile.TemporaryDirectory() as folder:
        os.environ["BENCHMARK_DATABASE"] = str(Path(folder) / "db.sqlite3")
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(command, cwd=PROJECT, env=environ(), check=True)
        yield
