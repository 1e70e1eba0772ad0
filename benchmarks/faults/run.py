"""
The command line.

Until the tests' environment is entered nothing is imported that must be
installed.
"""

import argparse
import signal
import sys

from patchset import PatchsetError

from ..suites.run import enter_environment

SCRIPTS = ["race", "connections"]
BACKENDS = ["redis", "database"]


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults",
        description="Put workers to the test, and compare what is promised with "
        "what is found.",
    )
    add = parser.add_argument
    add("scripts", nargs="*", metavar="script", help=f"{', '.join(SCRIPTS)}; all")
    add("--backend", choices=BACKENDS, default=BACKENDS[0], help="default: redis")
    add("--quick", action="store_true", help="small sizes, as CI does")
    options = parser.parse_args(arguments)
    for name in options.scripts:
        if name not in SCRIPTS:
            parser.error(f"{name!r} is none of {', '.join(SCRIPTS)}.")
    options.scripts = options.scripts or SCRIPTS
    return options


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse(arguments)
    # A polite end takes the processes along too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        enter_environment(arguments, __package__)
        return 0 if run(options) else 1
    except PatchsetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def run(options, console=None):
    """Run the scripts; return whether all that was promised was found."""
    from rich.console import Console

    from ..process import tail
    from .connections import Connections
    from .race import Race
    from .servers import ServerFailed, make_server
    from .site import Site, SiteFailed

    console = console or Console()
    classes = {script.name: script for script in (Race, Connections)}
    passed = True
    for name in options.scripts:
        script = classes[name](options.quick)
        try:
            with make_server(options.backend) as server, Site(server) as site:
                findings = script.run(site)
                printed = tail(site.log)
        except (ServerFailed, SiteFailed) as error:
            console.print(f"error: {error}", markup=False)
            return False
        findings.show(console, f"{script.title}, on {server.title}")
        if not findings.passed:
            console.print(f"The processes' last lines:\n{printed}", markup=False)
        passed = passed and findings.passed
    return passed
