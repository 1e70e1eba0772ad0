"""One run of Django's test suite in one tree."""

import json
import os
import shutil
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ..process import DEVNULL, pinned, started, tail
from .ending import Ending
from .recording import Recording

INSIDE = Path(__file__).resolve().parent / "inside"
# What root may do, and some of Django's tests expect to be refused.
RIGHTS = "-dac_override,-dac_read_search"
# No test of Django's takes as long, even on a busy machine.
STILL_SECONDS = 300


class SuiteFailed(Exception):
    """Raised when a suite ends without having recorded its tests."""


@dataclass(frozen=True)
class Share:
    """The cores that a run has; without their numbers it isn't pinned."""

    count: int
    numbers: tuple = ()

    def pin(self, command):
        return pinned(command, self.numbers)


@dataclass(frozen=True)
class Result:
    """What a run recorded, what it took, and the cores that it had."""

    recording: Recording
    share: Share
    wall_seconds: float
    cpu_seconds: float
    # Of the database's own processes, where there are any.
    database_cpu_seconds: float | None = None


@dataclass(frozen=True)
class Suite:
    """
    The suite of a tree with a mode's settings, on its share of the cores.

    It records in ``file``, and what it prints goes beside it. Suites with the
    same seed have their sets in the same order.
    """

    tree: object
    settings: dict
    labels: list
    file: Path
    share: Share
    seed: int = 1

    def command(self):
        command = [sys.executable, "runtests.py", "--settings", "suite_settings"]
        command += ["--parallel", str(self.share.count), "--noinput", *self.labels]
        return self.share.pin([*unprivileged(), *command])

    def environ(self, **variables):
        return self.tree.environ(
            INSIDE,
            PYTHONHASHSEED=str(self.seed),
            SUITE_RECORDING=str(self.file),
            SUITE_SETTINGS=json.dumps(self.settings),
            **variables,
        )

    @property
    def log(self):
        return self.file.with_suffix(".log")

    @property
    def progress(self):
        return self.file.with_suffix(".progress")

    @contextmanager
    def running(self, database):
        """Yield the run, which is stopped at the end; then it has a result."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        for file in (self.file, self.progress):
            file.unlink(missing_ok=True)
        with (
            database.running(self.share) as (variables, server),
            # A suite that is stopped leaves its temporary files behind.
            TemporaryDirectory(prefix="suite-") as temporary,
            self.log.open("w") as log,
            started(
                self.command(),
                log,
                stdin=DEVNULL,
                stdout=log,
                cwd=self.tree.tests,
                env=self.environ(TMPDIR=temporary, **variables),
            ) as process,
        ):
            yield Run(self, Ending(process), server)


@dataclass(frozen=True)
class Run:
    """A suite while it runs: when it ends, and its database's server."""

    suite: Suite
    ending: Ending
    server: Ending | None

    @property
    def progress(self):
        """How many tests have ended, of how many, and the last one begun."""
        try:
            ran, total, name = self.suite.progress.read_text().split()
        except (FileNotFoundError, ValueError):  # Not yet, or not all of it.
            return 0, 0, ""
        return int(ran), int(total), name

    @property
    def has_failed(self):
        return self.ending.is_over and not self.suite.file.exists()

    def wait(self, seconds):
        """
        Wait so long for the end, and tell whether it has come.

        A suite that stands still is ended: Django's runner has Python print
        what each thread is doing then.
        """
        if not self.ending.wait(seconds) and self.stands_still():
            self.ending.process.send_signal(signal.SIGABRT)
        return self.ending.is_over

    def stands_still(self):
        try:
            last = self.suite.progress.stat().st_mtime
        except FileNotFoundError:  # The databases are being made.
            return False
        return time.time() - last > STILL_SECONDS

    def check(self):
        """Refuse to go on with a suite that has ended too early."""
        if self.has_failed:
            with self.suite.log.open() as log:
                said = tail(log)
            _, _, name = self.progress
            raise SuiteFailed(
                f"The {self.suite.tree.name} tree's suite ended with status "
                f"{self.ending.status} in {name or 'its set-up'}:\n{said}"
            )

    def result(self):
        """Return what became of it, after the end."""
        return Result(
            Recording.read(self.suite.file),
            self.suite.share,
            self.ending.wall_seconds,
            self.ending.cpu_seconds,
            self.server and self.server.cpu_seconds,
        )


def unprivileged():
    """Return what comes before a command, so that it has no rights of root."""
    if os.geteuid() or not shutil.which("setpriv"):
        return []
    return ["setpriv", "--bounding-set", RIGHTS, "--inh-caps", RIGHTS]
