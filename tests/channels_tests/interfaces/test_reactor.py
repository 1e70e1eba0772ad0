import logging
import subprocess
import sys
import warnings
from unittest import mock

from django.channels.interfaces.reactor import begin_logging
from django.test import SimpleTestCase

from ..running import PATIENCE, environment

# A machine's clock is set by so many seconds, before and behind a call of the
# reactor's that is due later than it takes to see it.
CLOCK_IS_SET = """
import sys, threading, time
real, ahead = time.time, 0
time.time = lambda: real() + ahead

from django.channels.interfaces.reactor import call, ensure_running, reactor

ensure_running()
called = {due: threading.Event() for due in (0.5, 3600)}
for due, event in called.items():
    call(reactor.callLater, due, event.set)
ahead = int(sys.argv[1])
assert called[0.5].wait(10), "Not in time."
assert not called[3600].is_set(), "Too early."
"""


class WarningsTests(SimpleTestCase):
    def test_warnings_are_pythons(self):
        """Twisted doesn't take them, to where none would see them."""
        own = warnings.showwarning
        self.addCleanup(setattr, warnings, "showwarning", own)
        self.addCleanup(setattr, begin_logging, "done", True)
        begin_logging.done = False
        beginning = "django.channels.interfaces.reactor.globalLogBeginner"

        def begin(*args, **kwargs):
            warnings.showwarning = None

        with mock.patch(beginning, mock.Mock(beginLoggingTo=begin)):
            begin_logging()
        self.assertIs(warnings.showwarning, own)

    def test_captured_warnings(self):
        begin_logging()
        own = warnings.showwarning
        logging.captureWarnings(True)
        try:
            with self.assertLogs("py.warnings", "WARNING"):
                with warnings.catch_warnings():
                    warnings.simplefilter("always")
                    warnings.warn("why", RuntimeWarning)
        finally:
            logging.captureWarnings(False)
        self.assertIs(warnings.showwarning, own)


class ClockTests(SimpleTestCase):
    def test_machine_s_clock_is_set(self):
        """What is due comes when it would have come otherwise."""
        for seconds in ("7200", "-7200"):
            with self.subTest(seconds=seconds):
                subprocess.run(
                    [sys.executable, "-c", CLOCK_IS_SET, seconds],
                    env=environment(),
                    timeout=PATIENCE,
                    check=True,
                )
