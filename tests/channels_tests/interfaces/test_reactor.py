import logging
import warnings
from unittest import mock

from django.channels.interfaces.reactor import begin_logging
from django.test import SimpleTestCase


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
