"""Django's WSGI application called in its own process, without a server."""

import json
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from .comparison import CPU_RATE, RATE, Comparison, Ratio
from .environment import PROJECT
from .process import PIPE, log_file, started, tail
from .serving import ServerFailed, check_about, environ
from .turns import rotated


@dataclass(frozen=True)
class Variant:
    """A Django, and the settings that it runs with."""

    name: str
    channels: bool
    settings: str = "hello.settings"


PRISTINE = Variant("pristine", channels=False)
PATCHED = Variant("patched", channels=True)
OFF = Variant("channels off", channels=True, settings="hello.settings_off")
VARIANTS = [PRISTINE, PATCHED, OFF]


class InProcess:
    """
    One process a variant, on one core, taking turns in short rounds.

    The first of a round changes from round to round. After some rounds new
    processes begin, since where memory happens to lie makes a process faster
    or slower for all its life.
    """

    name = "inprocess"
    title = "The WSGI application in process, without a server"
    ratios = [
        Ratio(PATCHED.name, PRISTINE.name, {"hello": 0.97}),
        Ratio(OFF.name, PRISTINE.name, {"hello": 0.995}),
    ]

    def __init__(self, options, size, cores):
        self.options, self.size, self.cores = options, size, cores

    def steps(self):
        return self.size.generations * self.size.rounds

    def run(self, progress):
        size = self.size
        view, note = self.options.view, (
            f"View '{self.options.view}', {size.requests} requests a round, "
            f"{size.rounds} rounds in each of {size.generations} generations of "
            f"processes. One thread that never waits: processor time is judged, "
            f"which a busy machine blurs least."
        )
        comparison = Comparison(self.title, view, self.ratios, CPU_RATE, note)
        for generation in range(size.generations):
            with ExitStack() as stack:
                loops = [stack.enter_context(self.loop(each)) for each in VARIANTS]
                for number in range(size.rounds):
                    progress.step(
                        f"generation {generation + 1}, round {number + 1}",
                        is_line=number == 0,
                    )
                    for loop in rotated(loops, number):
                        comparison.add(loop.variant.name, loop.measure(size.requests))
        return [comparison]

    @contextmanager
    def loop(self, variant, path=None):
        """Yield the variant's process, warmed up."""
        command = [sys.executable, "rounds.py", path or self.options.path]
        tree = self.options.tree if variant.channels else None
        variables = environ(tree, DJANGO_SETTINGS_MODULE=variant.settings)
        pipes = {"stdin": PIPE, "stdout": PIPE, "text": True, "cwd": PROJECT}
        with (
            log_file() as log,
            started(
                self.cores.pin(command, self.cores.server), log, env=variables, **pipes
            ) as process,
        ):
            loop = Loop(variant, process, log)
            about = loop.read()
            check_about(variant.name, about, self.options.django, variant.channels)
            loop.measure(self.size.requests)
            yield loop


class Loop:
    """A process that calls the application as often as it is told."""

    def __init__(self, variant, process, log):
        self.variant, self.process, self.log = variant, process, log

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise ServerFailed(f"{self.variant.name} ended.\n{tail(self.log)}")
        return json.loads(line)

    def measure(self, requests):
        """Return one sample."""
        self.process.stdin.write(f"{requests}\n")
        self.process.stdin.flush()
        seconds, cpu_seconds = self.read()
        return {
            RATE: requests / seconds,
            CPU_RATE: requests / cpu_seconds,
        }
