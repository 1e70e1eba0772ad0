"""
How many instructions of the processor a request takes, and a start.

Other work on the machine changes how long an instruction takes, and not how
many there are: they tell differences of a thousandth, which no clock does here.
What they don't tell is that one takes longer than another, such as one that
waits for memory. Valgrind's cachegrind counts them.
"""

import re
import subprocess
import sys
import sysconfig
import tempfile

from .comparison import Comparison, Ratio
from .environment import PROJECT
from .inprocess import OFF, PATCHED, PRISTINE, VARIANTS
from .serving import ServerFailed, environ, printed
from .start import CODE

RATE, COST = "per billion instructions", "million instructions"
VALGRIND = ["valgrind", "--tool=cachegrind", "--cache-sim=no"]
VALGRIND += ["--cachegrind-out-file=/dev/null"]
# Requests before those that count.
WARM_UP = 300


class Instructions:
    """
    A process a variant, under valgrind. Each round has another seed of hashes,
    which change how many steps a look into a dict takes.
    """

    name = "instructions"

    def __init__(self, options, size, cores):
        self.options, self.size = options, size

    def steps(self):
        return self.size.counts * len(VARIANTS)

    def run(self, progress):
        requests = Comparison(
            "The WSGI application in process, by instructions",
            self.options.view,
            [
                Ratio(PATCHED.name, PRISTINE.name, {"hello": 0.97}),
                Ratio(OFF.name, PRISTINE.name, {"hello": 0.995}),
            ],
            RATE,
            f"View '{self.options.view}', {self.size.requests} requests.",
            rates=(RATE,),
        )
        start = Comparison(
            "import django; django.setup(), by instructions",
            "",
            [
                Ratio(PATCHED.name, PRISTINE.name, aim=1.02, is_cost=True),
                Ratio(OFF.name, PRISTINE.name, is_cost=True),
            ],
            COST,
            "Without the start of the interpreter. Lower is better.",
            rates=(COST,),
        )
        for variant in VARIANTS:
            # Modules are compiled.
            printed([sys.executable, "-c", CODE], self.environ(variant), variant.name)
        for seed in range(self.size.counts):
            for variant in VARIANTS:
                progress.step(f"{variant.name}, seed {seed}", is_line=seed == 0)
                variables = self.environ(variant, PYTHONHASHSEED=str(seed))
                used = self.of_requests(variables) / self.size.requests
                requests.add(variant.name, {RATE: 1e9 / used})
                start.add(variant.name, {COST: of_start(variables) / 1e6})
        return [requests, start]

    def environ(self, variant, **variables):
        # Each Django is found in the same place of sys.path.
        purelib = sysconfig.get_paths()["purelib"]
        tree = self.options.tree if variant.channels else purelib
        return environ(tree, DJANGO_SETTINGS_MODULE=variant.settings, **variables)

    def of_requests(self, variables):
        command = [sys.executable, "rounds.py", self.options.path]
        fewer = counted(command, variables, f"{WARM_UP}\n")
        more = counted(command, variables, f"{WARM_UP}\n{self.size.requests}\n")
        return more - fewer


def of_start(variables):
    bare = counted([sys.executable, "-c", "pass"], variables)
    return counted([sys.executable, "-c", CODE], variables) - bare


def counted(command, variables, text=""):
    """Return how many instructions the command takes, given this input."""
    with tempfile.NamedTemporaryFile("r") as log:
        run = subprocess.run(
            [*VALGRIND, f"--log-file={log.name}", *command],
            cwd=PROJECT,
            env=variables,
            input=text,
            capture_output=True,
            text=True,
        )
        found = re.search(r"I +refs: +([\d,]+)", log.read())
    if run.returncode or not found:
        raise ServerFailed(f"{' '.join(command)}\n{run.stderr}")
    return int(found[1].replace(",", ""))
