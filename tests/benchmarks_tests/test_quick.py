"""Every benchmark runs to its end, in the smallest of sizes."""

import os
import subprocess
import sys

from channels_tests.running import missing

from benchmarks import run
from benchmarks.environment import ROOT, Environment, EnvironmentFailed
from django.test import SimpleTestCase
from patchset import Base

# In seconds, for a machine that does much else.
PATIENCE = 900


def prepare():
    """
    Make the environment of python -m benchmarks in CI. Who only runs tests isn't
    made to wait for it.
    """
    environment = Environment(Base.of(ROOT).version)
    if not environment.is_ready and os.environ.get("CI") != "true":
        missing("the environment that python -m benchmarks makes")
    try:
        environment.prepare(with_wrk=True, with_redis=True, with_valgrind=True)
    except EnvironmentFailed as error:
        raise AssertionError(str(error)) from error


class QuickTests(SimpleTestCase):
    """One class, so that one process makes the environment."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        prepare()

    def measure(self, name):
        """Run a benchmark on this tree as it is, and return its tables."""
        command = [sys.executable, "-m", "benchmarks", "--quick", "--only", name]
        done = subprocess.run(
            [*command, "--tree", ROOT],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_inprocess(self):
        self.assertIn("channels off ÷ pristine", self.measure("inprocess"))

    def test_start(self):
        self.assertIn("≤ 1.02", self.measure("start"))

    def test_instructions(self):
        self.assertIn("≤ 1.02", self.measure("instructions"))

    def test_http(self):
        self.assertIn("runwsserver ÷ gunicorn", self.measure("http"))

    def test_http_more(self):
        printed = self.measure("http_more")
        for ratio in (
            "runwsserver ÷ granian, ASGI",
            "uvicorn, patched ÷ uvicorn, pristine",
            "runwsserver ÷ in process",
            "runwsserver ÷ in process and Twisted alone",
        ):
            self.assertIn(ratio, printed)

    def test_queue(self):
        self.assertIn("through Redis − in process", self.measure("queue"))

    def test_websocket(self):
        self.assertIn("÷ channels 4, async, daphne", self.measure("websocket"))

    def test_broadcast(self):
        printed = self.measure("broadcast")
        self.assertIn("runwsserver ÷ picows", printed)
        self.assertIn("2 processes and Redis", printed)

    def test_idle(self):
        printed = self.measure("idle")
        self.assertIn("runwsserver, KiB a socket", printed)
        self.assertEqual(printed.count("runwsserver ÷ channels 4, no layer"), 2)

    def test_jobs(self):
        printed = self.measure("jobs")
        for system in ("celery", "dramatiq", "huey"):
            self.assertEqual(printed.count(f"channels ÷ {system}"), 3)
            self.assertEqual(printed.count(f"channels, at once ÷ {system}"), 1)

    def test_redis_ways(self):
        printed = self.measure("redis_ways")
        self.assertIn("ours ÷ a stream alone", printed)
        self.assertIn("inboxes (ours) ÷ sharded Pub/Sub alone", printed)

    def test_growth(self):
        self.assertIn("100x queued messages ÷ 1x", self.measure("growth"))

    def test_all_are_tested(self):
        for name in run.BENCHMARKS:
            self.assertTrue(hasattr(self, f"test_{name}"), name)
