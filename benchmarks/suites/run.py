"""
The command line.

Until the tests' environment is entered nothing is imported that must be
installed.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

from patchset import Base, PatchsetError

from ..environment import ROOT
from .modes import MODES, QUICK

DATABASES = ["sqlite", "postgresql"]


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.suites",
        description="Run Django's test suite on pristine Django and on the patched "
        "one, and compare the outcomes and the times.",
    )
    add = parser.add_argument
    add("labels", nargs="*", metavar="label", help="as of runtests.py; default: all")
    add("--quick", action="store_true", help="a few modules in all modes, as CI does")
    add(
        "--modes",
        nargs="+",
        choices=MODES,
        help="of the patched tree; default: default",
    )
    add("--database", choices=DATABASES, default="sqlite", help="default: sqlite")
    add("--rounds", type=int, default=1, help="with swapped cores; default: 1")
    serial = "one tree after the other, on all cores, instead of side by side"
    add("--serial", action="store_true", help=serial)
    recorded = "pristine's outcomes from its last whole run here; no times"
    add("--recorded", action="store_true", help=recorded)
    add("--store", action="store_true", help="write the results to results/")
    options = parser.parse_args(arguments)
    if options.labels and options.quick:
        parser.error("--quick has labels of its own.")
    if options.rounds < 1:
        parser.error("--rounds must be 1 or more.")
    options.modes = options.modes or ([*MODES] if options.quick else ["default"])
    options.labels = QUICK if options.quick else options.labels
    return options


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse(arguments)
    # A polite end takes the suites along too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        base = Base.of(ROOT)
        enter_environment(arguments)
        return compare(options, base)
    except PatchsetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def enter_environment(arguments, package=__package__):
    """Go on as the tests' environment's interpreter, unless this is it."""
    # The root's: in a test of this module it's Django's own that is found.
    import runtests

    if Path(sys.prefix).resolve() != runtests.ENVIRONMENT.resolve():
        runtests.make_environment()
        command = [str(runtests.PYTHON), "-m", package, *arguments]
        sys.stdout.flush()
        os.execv(command[0], command)


def choose(labels, modules):
    """Return the labels, if pristine Django has their modules; default: all."""
    unknown = [label for label in labels if label.partition(".")[0] not in modules]
    if unknown:
        raise PatchsetError(
            f"Pristine Django has no tests {', '.join(unknown)}: compare only what "
            f"both trees have."
        )
    return labels or modules


def compare(options, base):
    """Run the suites; here everything is installed. Return the exit status."""
    from rich.console import Console

    from ..environment import EnvironmentFailed
    from ..report import REPORT_COLUMNS
    from . import database, trees
    from .comparison import Comparer
    from .progress import watch_on
    from .report import SuitesReport, describe
    from .suite import SuiteFailed

    console = Console()
    console.width = max(console.width, REPORT_COLUMNS)
    chosen = database.DATABASES[options.database]
    try:
        chosen.prepare()
        pair = [trees.pristine(base), trees.patched(base)]
        labels = choose(options.labels, pair[0].modules())
        for tree in pair:
            tree.compile()
        folder = ROOT / ".vendor" / "suites" / f"{base.name}-{chosen.name}"
        comparer = Comparer(pair, chosen, folder, watch_on(console), options.serial)
        machine = describe(base, chosen, comparer, options)
        known = comparer.recorded() if options.recorded else None
        if options.recorded and known is None:
            raise SuiteFailed(
                "There is no recording of pristine Django yet: run this once without "
                "--recorded, in the default mode and with no labels."
            )
        comparisons = []
        for mode in map(MODES.get, options.modes):
            some = labels if options.labels else mode.choose(labels)
            if known is None:
                comparisons.append(comparer.compare(mode, some, options.rounds))
            else:
                comparisons.append(comparer.compare_recorded(mode, some, known))
    except (EnvironmentFailed, database.DatabaseFailed, SuiteFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    report = SuitesReport(machine, comparisons)
    report.show(console)
    if options.store:
        names = [file.relative_to(ROOT).as_posix() for file in report.store()]
        console.print(f"\nWritten: {', '.join(names)}.")
    return 1 if any(comparison.different for comparison in comparisons) else 0
