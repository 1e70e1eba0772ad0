"""Consumers that don't come to a good end, on a worker's threads."""

import asyncio
import sys
import threading

from django.channels import Channel, channel_backends, signals
from django.channels.worker import Worker
from django.test import SimpleTestCase

from .running import PATIENCE, wait_for

WORKER = "django.channels.worker"


class FailureTestCase(SimpleTestCase):
    """The channel "other" is what goes on."""

    def setUp(self):
        self.backend = channel_backends["default"]
        self.backend.message_lease = 2
        # What hangs does so until the end of the test.
        self.go = threading.Event()
        self.addCleanup(self.go.set)
        self.begun = threading.Semaphore(0)
        self.others = threading.Semaphore(0)
        Channel.consumer("other")(self.others.release)

    def start(self, threads=2):
        worker = Worker(self.backend, threads)
        worker.start()
        self.addCleanup(worker.stop, 0)
        return worker

    def end(self, worker):
        """Let what hangs go on, and wait for the threads that a stop has left."""
        self.go.set()
        for thread in worker._pool:
            thread.join(PATIENCE)

    def assertBegun(self):
        self.assertTrue(self.begun.acquire(timeout=PATIENCE))

    def assertOthersGoOn(self):
        Channel("other").send()
        self.assertTrue(self.others.acquire(timeout=PATIENCE))

    def assertComesBack(self, channel="jobs"):
        """A durable message that a stopped worker had waits for another."""
        receiver = self.backend.receiver([channel])
        self.addCleanup(receiver.close)
        self.assertIsNotNone(receiver.receive(0))

    def connect(self, signal, function):
        signal.connect(function)
        self.addCleanup(signal.disconnect, function)


class HangTests(FailureTestCase):
    def test_plain(self):
        """It keeps its thread and its message; stopping doesn't wait for it."""

        @Channel.consumer("jobs", durable=True)
        def consumer():
            self.begun.release()
            self.go.wait()

        worker = self.start()
        Channel("jobs").send()
        self.assertBegun()
        self.assertOthersGoOn()
        with self.assertLogs(WORKER, "WARNING") as logs:
            self.assertIs(worker.stop(timeout=0.01), False)
        self.assertIn("The consumer of jobs was abandoned", "".join(logs.output))
        self.assertComesBack()
        with self.assertLogs(WORKER, "WARNING"):
            self.go.set()
            worker.stop(PATIENCE)

    def test_at_most_once(self):
        """It's lost, which is logged."""

        @Channel.consumer("jobs")
        def consumer():
            self.begun.release()
            self.go.wait()

        worker = self.start()
        Channel("jobs").send()
        self.assertBegun()
        with self.assertLogs(WORKER, "WARNING") as logs:
            self.assertIs(worker.stop(timeout=0.01), False)
            self.end(worker)
        # Another thread may take longer than that to end, too.
        self.assertIn("The consumer of jobs was abandoned", "".join(logs.output))
        self.assertEqual(self.backend.waiting("jobs"), 0)

    def test_deadlock(self):
        """With a timeout it's a dead letter in the end, without its thread."""
        lock = threading.Lock()
        lock.acquire()

        @Channel.consumer("jobs", durable=True, timeout=0.05, retries=0)
        def consumer():
            self.begun.release()
            lock.acquire()
            lock.release()

        with self.assertLogs(WORKER, "ERROR") as logs:
            worker = self.start()
            Channel("jobs").send()
            wait_for(self.backend.dead, "the dead letter")
        self.assertIn("is over its timeout and can't be interrupted", logs.output[0])
        dead = self.backend.dead()[0]
        self.assertIn("No attempt came to its end", dead.error)
        self.assertEqual(dead.attempts, 1)
        self.assertOthersGoOn()
        with self.assertLogs(WORKER, "WARNING"):
            self.assertIs(worker.stop(timeout=0.01), False)
            # What its thread still logs isn't the next test's.
            lock.release()
            worker.stop(PATIENCE)

    def test_async(self):
        """It keeps nothing from going on, and comes back at the end."""

        @Channel.consumer("jobs", durable=True)
        async def consumer():
            self.begun.release()
            await asyncio.Event().wait()

        @Channel.consumer("async.other")
        async def other():
            self.others.release()

        worker = self.start(threads=1)
        Channel("jobs").send()
        self.assertBegun()
        self.assertOthersGoOn()
        Channel("async.other").send()
        self.assertTrue(self.others.acquire(timeout=PATIENCE))
        with self.assertLogs(WORKER, "WARNING") as logs:
            self.assertIs(worker.stop(timeout=0.01), False)
        self.assertIn("goes back to its queue: the worker stops", str(logs.output))
        self.assertComesBack()

    def test_blocked_loop(self):
        """
        Nobody can cancel what blocks the event loop: with a timeout another
        worker has the message, a lease later. Plain consumers go on, and
        stopping doesn't wait.
        """

        @Channel.consumer("jobs", durable=True, timeout=0.05, retries=0)
        async def consumer():
            self.begun.release()
            self.go.wait()

        with self.assertLogs(WORKER, "WARNING") as logs:
            worker = self.start(threads=1)
            Channel("jobs").send()
            wait_for(self.backend.dead, "the dead letter")
            self.assertOthersGoOn()
            self.assertIs(worker.stop(timeout=0.01), False)
            loop = worker.loop._thread
            self.go.set()
            loop.join(PATIENCE)
        self.assertIn("is over its timeout and can't be interrupted", logs.output[0])

    def test_cancelling_in_vain(self):
        """The same holds of one that won't be cancelled."""
        ended = threading.Event()

        @Channel.consumer("jobs", durable=True, timeout=0.05, retries=0)
        async def consumer():
            while not self.go.is_set():
                try:
                    await asyncio.sleep(0.01)
                except asyncio.CancelledError:
                    pass
            ended.set()

        with self.assertLogs(WORKER, "WARNING") as logs:
            self.start(threads=1)
            Channel("jobs").send()
            wait_for(self.backend.dead, "the dead letter")
            self.assertOthersGoOn()
            self.go.set()
            self.assertTrue(ended.wait(PATIENCE))
        self.assertIn("is over its timeout and can't be interrupted", logs.output[0])


class RaisingTests(FailureTestCase):
    def test_errors_that_are_not_exceptions(self):
        """A durable message is tried again, whatever was raised."""
        done = threading.Semaphore(0)

        @Channel.consumer("jobs", durable=True, retries=1, backoff=0)
        def consumer(kind, attempt):
            if attempt == 1:
                raise {"exit": SystemExit(0), "memory": MemoryError()}[kind]
            done.release()

        with self.assertLogs(WORKER, "ERROR") as logs:
            self.start(threads=1)
            for kind in ("exit", "memory"):
                Channel("jobs").send(kind=kind)
                self.assertTrue(done.acquire(timeout=PATIENCE))
        self.assertIn("raised SystemExit", logs.output[0])
        self.assertIn("raised MemoryError", logs.output[1])

    def test_del(self):
        """Python reports it; nothing else becomes of it."""
        unraisable = []
        hook, sys.unraisablehook = sys.unraisablehook, unraisable.append
        self.addCleanup(setattr, sys, "unraisablehook", hook)

        class Bad:
            def __del__(self):
                raise ValueError

        @Channel.consumer("jobs", durable=True)
        def consumer():
            Bad()

        self.start(threads=1)
        Channel("jobs").send()
        wait_for(lambda: not self.backend._state.jobs, "the acknowledgement")
        self.assertOthersGoOn()
        self.assertIn(ValueError, [each.exc_type for each in unraisable])

    def test_receiver_of_consumer_started(self):
        """The consumer isn't run, and a durable message is tried again."""
        attempts = []

        @Channel.consumer("jobs", durable=True, retries=1, backoff=0)
        def consumer(attempt):
            attempts.append(attempt)

        def fail(message, **kwargs):
            if message.channel == "jobs" and message.attempt == 1:
                raise ValueError

        self.connect(signals.consumer_started, fail)
        with self.assertLogs(WORKER, "ERROR"):
            self.start(threads=1)
            Channel("jobs").send()
            wait_for(lambda: attempts, "the second attempt")
        wait_for(lambda: not self.backend._state.jobs, "the acknowledgement")
        self.assertEqual(attempts, [2])

    def test_receiver_of_consumer_finished(self):
        """The message is done with all the same, plain or async."""

        @Channel.consumer("jobs", durable=True)
        def plain():
            pass

        @Channel.consumer("async.jobs", durable=True)
        async def of_loop():
            pass

        def fail(message, **kwargs):
            if message.durable:
                raise error

        self.connect(signals.consumer_finished, fail)
        for error, logger in (
            (ValueError(), "django.dispatch"),
            (SystemExit(), WORKER),
        ):
            for name in ("jobs", "async.jobs"):
                with self.subTest(error=error, name=name):
                    with self.assertLogs(logger, "ERROR"):
                        worker = self.start(threads=1)
                        Channel(name).send()
                        wait_for(lambda: not self.backend._state.jobs, "its end")
                        self.assertOthersGoOn()
                        self.assertIs(worker.stop(PATIENCE), True)
