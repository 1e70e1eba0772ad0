"""What a suite recorded about its tests."""

import hashlib
import json
import re
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field

from ..environment import ROOT

FAILURES = {"failed", "error", "unexpected success"}
FRAME = '  File "'
# The id of a set-up or tear-down, "setUpClass (module.Class)".
FIXTURE = re.compile(r"\w+ \(([\w.]+)\)")
# Nothing else has as many decimals.
MEASURED = re.compile(r"\b\d+\.\d{9,}\b")
NOT_LOADED = "unittest.loader._FailedTest."


@dataclass(frozen=True)
class Recording:
    """
    The outcome of each test, by id, and what there is to say of it.

    ``modules`` has a list for each: its tests, wall and processor seconds.
    """

    ran: int
    outcomes: dict
    details: dict = field(default_factory=dict)
    modules: dict = field(default_factory=dict)

    @classmethod
    def read(cls, file):
        return cls(**json.loads(file.read_text()))

    @property
    def counts(self):
        return Counter(self.outcomes.values())

    @property
    def failures(self):
        """The ids of the tests that failed, sorted."""
        return sorted(n for n, each in self.outcomes.items() if each in FAILURES)

    @property
    def digest(self):
        """The same for two runs whose tests had the same outcomes."""
        lines = (f"{name} {each}\n" for name, each in sorted(self.outcomes.items()))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def of_modules(self, labels):
        """Return what was recorded of some modules' tests alone."""
        outcomes = {n: o for n, o in self.outcomes.items() if module_of(n) in labels}
        ran = sum(tests for name, (tests, *_) in self.modules.items() if name in labels)
        return Recording(ran, outcomes, self.details)

    def sighting(self, name):
        """Return a test's outcome, with the error if there is one, or None."""
        outcome = self.outcomes.get(name)
        if outcome not in FAILURES:
            return outcome
        return f"{outcome}: {error_of(self.details.get(name, ''))}".rstrip(": ")


def error_of(traceback):
    """
    Return a traceback's last exception, its type and what it says.

    Only the first line of what it says, without what isn't the same from one
    run to the next: paths, the addresses of objects, and what a clock measured.
    """
    lines = traceback.splitlines()
    frames = [number for number, line in enumerate(lines) if line.startswith(FRAME)]
    after = lines[frames[-1] :] if frames else lines
    found = [line for line in after if line and not line.startswith(" ")]
    text = re.sub(r"\bat 0x[0-9a-fA-F]+", "at 0x", found[0] if found else "")
    text = MEASURED.sub("…", text)
    for folder in (str(ROOT), sys.prefix, sys.base_prefix, tempfile.gettempdir()):
        text = re.sub(re.escape(folder) + r"[^\s'\"]*", "…", text)
    return text[:200]


def module_of(name):
    """Return the test module that a test belongs to."""
    return label_of(name).partition(".")[0]


def label_of(name):
    """Return the label that runs a test by itself, for runtests.py."""
    fixture = FIXTURE.fullmatch(name)
    if fixture:
        return fixture[1]
    # A subtest's id goes on with its parameters.
    return name.removeprefix(NOT_LOADED).partition(" ")[0]
