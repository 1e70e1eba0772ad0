import threading
from unittest import mock

from django.channels.daemon_thread import DaemonThread
from django.test import SimpleTestCase


class DaemonThreadTests(SimpleTestCase):
    def setUp(self):
        self.executor = DaemonThread()
        self.thread = self.executor.submit(threading.current_thread).result(10)

    def tearDown(self):
        self.thread.join(10)
        self.assertIs(self.thread.is_alive(), False)

    def test_calls(self):
        """What is called returns or raises, and isn't when it was cancelled."""
        error, go_on = SystemExit(), threading.Event()
        waiting = self.executor.submit(go_on.wait, 10)
        raised = self.executor.submit(mock.Mock(side_effect=error))
        cancelled = self.executor.submit(self.fail)
        result = self.executor.submit(dict, key=self)
        self.assertIs(cancelled.cancel(), True)
        go_on.set()
        self.assertIs(waiting.result(10), True)
        self.assertIs(raised.exception(10), error)
        self.assertEqual(result.result(10), {"key": self})
        self.assertIs(self.thread.daemon, True)
        self.executor.shutdown()

    def test_forgotten(self):
        del self.executor
