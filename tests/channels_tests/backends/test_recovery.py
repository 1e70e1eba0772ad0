"""The threads of a process that wait for a store to come back."""

import threading
from concurrent.futures import ThreadPoolExecutor

from django.channels.backends.recovery import Recovery
from django.channels.backends.redis.waiting import Outage
from django.channels.exceptions import BackendUnavailable
from django.test import SimpleTestCase


class RecoveryTests(SimpleTestCase):
    def setUp(self):
        self.recovery = Recovery()
        self.stopped = threading.Event()
        self.executor = ThreadPoolExecutor()
        self.addCleanup(self.executor.shutdown)
        self.addCleanup(self.stopped.set)

    def wait(self, times=0):
        return self.executor.submit(self.recovery.wait, 600, times, self.stopped)

    def test_one_wakes_all(self):
        waits = [self.wait() for _ in range(3)]
        self.recovery.announce()
        self.assertEqual([wait.result(60) for wait in waits], [1, 1, 1])

    def test_announced_before(self):
        """It came while who waits now was making an attempt."""
        self.recovery.announce()
        self.assertEqual(self.wait(times=0).result(60), 1)

    def test_time_is_over(self):
        self.assertEqual(self.recovery.wait(0.01, 0, self.stopped), 0)

    def test_stopped(self):
        wait = self.wait()
        self.stopped.set()
        self.assertEqual(wait.result(60), 0)

    def test_own_recovery(self):
        """It doesn't shorten the waits of the next outage."""
        outage = Outage("A thread", self.stopped, self.recovery)
        with self.assertLogs("django.channels", "INFO") as logs:
            outage.wait(BackendUnavailable("away"))
            outage.over()
        self.assertEqual(len(logs.output), 2)
        self.assertEqual(outage._recovered, self.recovery.times)
