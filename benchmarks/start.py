"""How long it takes to import Django and to set it up."""

import sys
import sysconfig

from .comparison import Comparison, Ratio
from .inprocess import OFF, PATCHED, PRISTINE
from .serving import check_about, environ, printed
from .turns import rotated

WALL, CPU = "wall ms", "CPU ms"
# What a process prints: the times of its own start, then who it is.
CODE = """
import json, time
clock, processor = time.perf_counter(), time.process_time()
import django
django.setup()
used = time.perf_counter() - clock, time.process_time() - processor
from hello.views import about
print(json.dumps([*used, json.loads(about(None).content)]))
"""


class Start:
    """A process for each, one after the other; the first changes."""

    name = "start"
    title = "import django; django.setup()"
    ratios = [
        Ratio(PATCHED.name, PRISTINE.name, aim=1.02, is_cost=True),
        Ratio(OFF.name, PRISTINE.name, is_cost=True),
    ]
    variants = [PRISTINE, PATCHED, OFF]

    def __init__(self, options, size, cores):
        self.options, self.size, self.cores = options, size, cores

    def steps(self):
        return self.size.starts

    def run(self, progress):
        note = (
            f"{self.size.starts} rounds, on one core: a new process each, without the "
            f"start of the interpreter. Lower is better."
        )
        comparison = Comparison(
            self.title, "", self.ratios, CPU, note, rates=(WALL, CPU)
        )
        # Modules are compiled, and files are cached.
        for variant in self.variants:
            self.measure(variant)
        for number in range(self.size.starts):
            progress.step(f"round {number + 1}", is_line=number % 10 == 0)
            for variant in rotated(self.variants, number):
                comparison.add(variant.name, self.measure(variant))
        return [comparison]

    def measure(self, variant):
        # Each Django is found in the same place of sys.path, which every
        # import goes through.
        purelib = sysconfig.get_paths()["purelib"]
        variables = environ(
            self.options.tree if variant.channels else purelib,
            DJANGO_SETTINGS_MODULE=variant.settings,
        )
        command = self.cores.pin([sys.executable, "-c", CODE], self.cores.server)
        wall, cpu, about = printed(
            command, variables, f"{variant.name} does not start."
        )
        check_about(variant.name, about, self.options.django, variant.channels)
        return {WALL: wall * 1e3, CPU: cpu * 1e3}
