"""
A test runner that also writes down what became of each test, as JSON.

It runs inside the suite, in a pristine tree as in a patched one: it imports
the standard library and Django's own runner, no more. ``SUITE_RECORDING``
names the file; the one beside it, ".progress", has a line that says how many
tests have ended, of how many, and which one began last.
"""

import functools
import json
import os
import re
import resource
import time
from pathlib import Path
from unittest import TestCase, TextTestResult
from unittest.util import strclass

from django.test.runner import DiscoverRunner

# From best to worst: a test that has several outcomes has the worst of them.
OUTCOMES = [
    "passed",
    "skipped",
    "expected failure",
    "unexpected success",
    "failed",
    "error",
]
ADDRESS = re.compile(r"\bat 0x[0-9a-fA-F]+")
# Longer than any line of the file with the progress.
LINE_BYTES = 500


def name_of(test):
    """Return a test's id; an object's address in it isn't the same twice."""
    return ADDRESS.sub("at 0x", test.id())


def cpu_seconds():
    """Return the processor time used by this process and its children."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(each) for each in who]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


class Recording:
    """The outcomes, with a reason or a traceback, and each module's times."""

    def __init__(self, file, total, is_timed):
        self.file, self.total, self.is_timed = Path(file), total, is_timed
        flags = os.O_WRONLY | os.O_CREAT
        self.progress = os.open(self.file.with_suffix(".progress"), flags)
        self.ran = 0
        self.outcomes, self.details, self.modules = {}, {}, {}
        self.now, self.cpu = time.perf_counter(), cpu_seconds()

    def begin(self, test):
        line = f"{self.ran} {self.total} {name_of(test)}"
        line = line.encode()[:LINE_BYTES].ljust(LINE_BYTES)
        os.pwrite(self.progress, line, 0)

    def add(self, name, outcome, detail=""):
        before = self.outcomes.get(name, outcome)
        self.outcomes[name] = max(before, outcome, key=OUTCOMES.index)
        if detail:
            known = self.details.get(name)
            self.details[name] = f"{known}\n{detail}" if known else detail

    def end(self, test):
        """
        Count the test, and all since the one before as its module's time.

        That is so that the set-up of a class counts, too. A run in several
        processes isn't timed: here its tests are only replayed.
        """
        self.ran += 1
        if self.is_timed:
            now, cpu = time.perf_counter(), cpu_seconds()
            name = type(test).__module__.partition(".")[0]
            module = self.modules.setdefault(name, [0, 0.0, 0.0])
            module[0] += 1
            module[1] += now - self.now
            module[2] += cpu - self.cpu
            self.now, self.cpu = now, cpu

    def write(self):
        """Write the file, whole or not at all."""
        os.close(self.progress)
        data = {
            "ran": self.ran,
            "outcomes": self.outcomes,
            "details": self.details,
            "modules": self.modules,
        }
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(data, indent=0))
        os.replace(new, self.file)


class RecordingResult(TextTestResult):
    """Prints what TextTestResult prints, and records."""

    def __init__(self, *args, recording, **kwargs):
        super().__init__(*args, **kwargs)
        self.recording = recording
        self.running = None
        self.classes = set()
        self.subtests = []

    def startTest(self, test):
        super().startTest(test)
        self.recording.begin(test)
        self.running = test
        self.classes.add(type(test))
        self.subtests = []

    def stopTest(self, test):
        super().stopTest(test)
        # A test of which a subtest failed or was skipped has no outcome.
        if self.subtests and name_of(test) not in self.recording.outcomes:
            for outcome in self.subtests:
                self.recording.add(name_of(test), outcome)
        self.recording.end(test)
        self.running = None

    def name_of(self, test):
        """
        Return the id that an outcome belongs to.

        In several processes Django tells what became of a class's set-up as
        if it had been the last test of the class, or the one before: here it
        has the id that it has in a single process.
        """
        if self.running is None and isinstance(test, TestCase):
            fixture = "tearDownClass" if type(test) in self.classes else "setUpClass"
            return f"{fixture} ({strclass(type(test))})"
        return name_of(test)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.recording.add(self.name_of(test), "passed")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        # In a single process a subtest is passed here, else its test.
        test = getattr(test, "test_case", test)
        self.recording.add(self.name_of(test), "skipped", reason)

    def addError(self, test, err):
        super().addError(test, err)
        self.recording.add(self.name_of(test), "error", self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.recording.add(self.name_of(test), "failed", self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            is_failure = issubclass(err[0], test.failureException)
            outcome = "failed" if is_failure else "error"
            text = (self.failures if is_failure else self.errors)[-1][1]
            self.recording.add(name_of(subtest), outcome, text)
            self.subtests.append(outcome)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.recording.add(self.name_of(test), "expected failure")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.recording.add(self.name_of(test), "unexpected success")


class Recorder(DiscoverRunner):
    """Django's runner, of which only the result's class is another one."""

    def get_resultclass(self):
        return functools.partial(RecordingResult, recording=self.recording)

    def run_suite(self, suite, **kwargs):
        # A parallel suite counts as what it consists of, too.
        total = sum(each.countTestCases() for each in suite)
        file = os.environ["SUITE_RECORDING"]
        self.recording = Recording(file, total, is_timed=self.parallel < 2)
        result = super().run_suite(suite, **kwargs)
        self.recording.write()
        return result
