"""
The command line.

Until the tests' environment is entered and the tree is set up, nothing is
imported that must be installed, nor Django.
"""

import argparse
import signal
import sys
from importlib import import_module
from unittest import SkipTest

from patchset import Base, PatchsetError, apply

from ..environment import ROOT
from ..suites.run import enter_environment

# Modules, and the class in each that is the script.
SCRIPTS = {
    "race": "Race",
    "connections": "Connections",
    "kills": "Kills",
    "outage": "Outage",
    "rolling": "Rolling",
    "server_killed": "ServerKilled",
    "soak": "Soak",
}
BACKENDS = ["redis", "sqlite", "postgresql", "mariadb"]


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults",
        description="Put workers and interface servers to the test, and compare what "
        "is promised with what is found.",
    )
    add = parser.add_argument
    add("scripts", nargs="*", metavar="script", help=f"{', '.join(SCRIPTS)}; all")
    backend = "may be given more than once; default: all that the script is for"
    add("--backend", action="append", choices=BACKENDS, dest="backends", help=backend)
    add("--quick", action="store_true", help="small sizes, as CI does")
    add("--store", action="store_true", help="write the results to results/")
    options = parser.parse_args(arguments)
    for name in options.scripts:
        if name not in SCRIPTS:
            parser.error(f"{name!r} is none of {', '.join(SCRIPTS)}.")
    options.scripts = options.scripts or [*SCRIPTS]
    return options


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse(arguments)
    # A polite end takes the processes along too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        enter_environment(arguments, __package__)
        apply(ROOT, Base.of(ROOT))
        return 0 if run(options) else 1
    except (PatchsetError, SkipTest) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run(options, console=None):
    """
    Run the scripts; return whether all that was promised was found. Raise
    SkipTest, once the others have run, if a backend's server isn't installed.
    """
    from rich.console import Console

    from ..report import REPORT_COLUMNS
    from .report import FaultsReport, describe

    if console is None:
        console = Console()
        console.width = max(console.width, REPORT_COLUMNS)
    machine = describe(Base.of(ROOT), options)
    results, missing = [], []
    for name in options.scripts:
        script = getattr(import_module(f".{name}", __package__), SCRIPTS[name])
        for backend in options.backends or script.backends:
            try:
                results.append(run_on(backend, script(options.quick), console))
            except SkipTest as error:
                missing.append(f"{name} on {backend}: {error}")
    found = [result for result in results if result is not None]
    if options.store:
        chosen = options.scripts if {*options.scripts} != {*SCRIPTS} else []
        chosen = [*chosen, *(options.backends or ())]
        files = FaultsReport(machine, found, chosen).store()
        names = [file.relative_to(ROOT).as_posix() for file in files]
        console.print(f"\nWritten: {', '.join(names)}.")
    if missing:
        raise SkipTest("; ".join(missing))
    return len(found) == len(results) and all(r.findings.passed for r in found)


def run_on(backend, script, console):
    """Run a script; show and return its result, None if it came to no end."""
    from ..process import tail
    from .processes import ProcessFailed
    from .report import Result
    from .servers import ServerFailed, make_server
    from .site import Site

    try:
        with make_server(backend) as server, Site(server, script.options) as site:
            result = Result(script, server, script.run(site))
            printed = tail(site.log)
    except (ServerFailed, ProcessFailed) as error:
        console.print(f"error: {script.name} on {backend}: {error}", markup=False)
        return None
    result.show(console)
    if not result.findings.passed:
        console.print(f"The processes' last lines:\n{printed}", markup=False)
    return result
