import logging
import threading
from unittest import mock

from django.channels.interfaces import mails
from django.channels.interfaces.mails import Mails
from django.test import SimpleTestCase
from django.utils.log import AdminEmailHandler

PATIENCE = 20


class Handler(AdminEmailHandler):
    """Takes its time for a mail, and notes in which thread it was sent."""

    def __init__(self):
        super().__init__()
        self.setLevel(logging.ERROR)
        self.sent = []
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def send_mail(self, subject, message, *args, **kwargs):
        self.begun.set()
        self.go_on.wait(PATIENCE)
        self.sent.append((subject.split()[-1], threading.current_thread().name))
        if "broken" in subject:
            raise OSError


class MailsTests(SimpleTestCase):
    def setUp(self):
        self.handler = Handler()
        self.addCleanup(self.handler.go_on.set)
        self.logger = logging.getLogger("django.security.test_mails")
        self.logger.addHandler(self.handler)
        self.addCleanup(self.logger.removeHandler, self.handler)
        self.logger.propagate = False
        self.serving = threading.current_thread()
        self.mails = Mails(lambda: threading.current_thread() is self.serving)
        self.addCleanup(self.mails.close)

    def finish(self):
        self.handler.go_on.set()
        self.mails.close(PATIENCE)

    def test_nobody_waits(self):
        self.logger.warning("no mail")
        self.logger.error("one")
        self.assertTrue(self.handler.begun.wait(PATIENCE))
        self.logger.error("two")
        self.assertEqual(self.handler.sent, [])
        self.finish()
        name = "channels-mails"
        self.assertEqual(self.handler.sent, [("one", name), ("two", name)])

    def test_other_threads(self):
        """They wait for their mail, as anywhere else."""
        self.serving = None
        self.handler.go_on.set()
        self.logger.error("one")
        name = threading.current_thread().name
        self.assertEqual(self.handler.sent, [("one", name)])

    def test_no_thread(self):
        """The record waits for the next one's."""
        error = RuntimeError("can't start new thread")
        with mock.patch.object(threading.Thread, "start", side_effect=error):
            self.logger.error("a")
        self.logger.error("b")
        self.finish()
        self.assertEqual([subject for subject, _ in self.handler.sent], ["a", "b"])

    def test_too_many(self):
        with mock.patch.object(mails, "MOST", 2):
            self.logger.error("0")
            self.assertTrue(self.handler.begun.wait(PATIENCE))
            with self.assertLogs("django.channels.server", "WARNING") as logs:
                for i in range(1, 5):
                    self.logger.error("%d", i)
        self.assertEqual(len(logs.records), 1)
        self.finish()
        self.assertEqual([text for text, _ in self.handler.sent], ["0", "1", "2"])

    def test_mail_fails(self):
        self.handler.go_on.set()
        with mock.patch.object(self.handler, "handleError") as failed:
            self.logger.error("broken")
            self.logger.error("next")
            self.finish()
        self.assertEqual(failed.call_count, 1)
        self.assertEqual([text for text, _ in self.handler.sent], ["broken", "next"])

    def test_close(self):
        self.mails.close()
        self.handler.go_on.set()
        self.logger.error("one")
        self.assertEqual(len(self.handler.sent), 1)
        self.assertEqual(self.handler.filters, [])
