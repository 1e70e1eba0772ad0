"""Consumers that end their process, or copy it, with messages through Redis."""

from django.channels.delivery import Delivery
from django.channels.message import Message

from .running import wait_for
from .test_runworker_processes import RunWorkerTestCase
from .worker_runs import WorkerRun


class EndTestCase(RunWorkerTestCase):
    def start_worker(self, *arguments):
        run = WorkerRun(self.server.url, *arguments, JOBS_LEASE="2").__enter__()
        self.addCleanup(run.__exit__)
        return run

    def end(self, how, attempts=1, channel="end"):
        """Have a consumer come to a bad end; return the ids of its processes."""
        self.send_durable(channel, how=how, attempts=attempts)
        return [self.told(how=how, attempt=n) for n in (1, 2)]

    def send_durable(self, channel, **content):
        delivery = Delivery(durable=True)
        self.backend.add(Message(channel, content), delivery)


class ProcessEndTests(EndTestCase):
    def test_ends(self):
        """
        Another process has what is durable, once the lease is over; the rest
        is lost. Each process is replaced, later and later.
        """
        run = self.run_worker("--processes", "2")
        self.send("crash")
        run.wait_for("ended with signal 9 (SIGKILL); the next one starts in 1 s.")
        first, second = self.end("leave")
        self.assertNotEqual(first, second)
        run.wait_for("ended with exit status 7; the next one starts in ")
        self.end("abort")
        run.wait_for("ended with signal 6 (SIGABRT); the next one starts in ")
        self.end("kill", attempts=2)
        dead = wait_for(self.backend.dead, "the dead letter")
        self.assertIn("its worker was killed", dead[0].error)
        # Of five ends, three at least were of the same process.
        run.wait_for("the next one starts in 2 s.")
        run.wait_for("the next one starts in 4 s.")
        self.send("answer")
        self.told(answered=1)
        self.assertEqual(self.backend.waiting("crash"), 0)
        self.assertEqual(run.stop(), 0, run.printed())


class NoEndTests(EndTestCase):
    """What doesn't end a process."""

    def test_raised(self):
        run = self.run_worker()
        for how, error in (("exit", "SystemExit"), ("memory", "MemoryError")):
            with self.subTest(how):
                first, second = self.end(how)
                self.assertEqual((first, second), (run.process.pid,) * 2)
                run.wait_for(f"The consumer of end raised {error}")
        self.assertEqual(run.stop(), 0, run.printed())

    def test_fork(self):
        """The copy ends where it comes back; the message is the original's."""
        run = self.run_worker()
        for n, channel in enumerate(("end", "end.async"), 1):
            with self.subTest(channel):
                self.send_durable(channel, how="fork", attempts=1)
                for told in ({"how": "fork", "attempt": 1}, {"forked": 1}):
                    self.assertEqual(self.told(**told), run.process.pid)
                run.wait_for(f"The consumer of {channel} forked, and its new process")
        for _ in "123":
            self.send("answer")
            self.assertEqual(self.told(answered=1), run.process.pid)
        self.assertEqual(run.count("may be handled twice"), 0, run.printed())
        self.assertEqual(run.stop(), 0, run.printed())
