import os
import signal
import sys
import threading
from unittest import mock

from django.channels import loop
from django.channels.interfaces import server
from django.channels.processes import supervisor, worker_process
from django.channels.processes.exits import IN_ORDER
from django.channels.processes.supervisor import Backoff, Supervisor
from django.core.management.commands import runwsserver
from django.test import SimpleTestCase

# What a child does; it imports nothing that takes time.
START = """
import os, sys, time
value = os.environ["DJANGO_CHANNELS_CHILD"]
number, ready, passed_on = value.split(":")
def tell_ready():
    os.write(int(ready), b"1")
    os.close(int(ready))
def wait():
    os.read(0, 1)
"""
GOOD = f"tell_ready(); wait(); sys.exit({IN_ORDER})"
HANGS = "tell_ready(); wait(); time.sleep(3600)"


class BackoffTests(SimpleTestCase):
    def test_doubles(self):
        backoff = Backoff(first=1, longest=30, well=60)
        delays = [backoff.after(0) for _ in range(7)]
        self.assertEqual(delays, [1, 2, 4, 8, 16, 30, 30])

    def test_begins_anew(self):
        """After one that ran well for a while."""
        backoff = Backoff(first=1, longest=30, well=60)
        for lived in (0, 59, 30):
            backoff.after(lived)
        self.assertEqual([backoff.after(60), backoff.after(1)], [1, 2])


class MarginTests(SimpleTestCase):
    def test_children_end_by_themselves(self):
        """Whatever holds them up past their grace, none is killed for it."""
        longest = server.DISCONNECTS + loop.END_TIME + runwsserver.MARGIN
        self.assertLess(longest, supervisor.MARGIN)
        self.assertLess(worker_process.MARGIN, supervisor.MARGIN)


class SupervisorTests(SimpleTestCase):
    def make(self, code, processes=1, grace=3600, descriptors=()):
        command = [sys.executable, "-S", "-E", "-c", START + code]
        return Supervisor(
            command, "worker", processes, grace, descriptors, lambda: Backoff(0, 0)
        )

    def signal_when_ready(self, made, *numbers):
        """Run it, with these signals when it's ready. Return its status."""
        return made.run(lambda: [made._events.put("signal", n) for n in numbers])

    def test_ready_and_stop(self):
        """It's ready once, when all are, and ends when all have ended."""
        ready = []
        made = self.make(GOOD, processes=3)

        def on_ready():
            ready.append([child.number for child in made._children()])
            made._events.put("signal", signal.SIGTERM)

        self.assertEqual(made.run(on_ready), 0)
        self.assertEqual(ready, [[0, 1, 2]])
        self.assertEqual(made._children(), [])

    def test_real_signals(self):
        """They are events while it runs, and the handlers are put back."""
        if threading.current_thread() is not threading.main_thread():
            self.skipTest("Only the main thread has signals.")
        kept = signal.getsignal(signal.SIGTERM)
        made = self.make(GOOD)
        status = made.run(lambda: os.kill(os.getpid(), signal.SIGTERM))
        self.assertEqual(status, 0)
        self.assertIs(signal.getsignal(signal.SIGTERM), kept)

    def test_second_signal(self):
        made = self.make(HANGS, processes=2)
        with self.assertLogs("django.channels.worker", "WARNING") as logs:
            status = self.signal_when_ready(made, signal.SIGTERM, signal.SIGINT)
        self.assertEqual(status, 130)
        self.assertEqual(len(logs.output), 2)
        self.assertIn("didn't end in time and is killed.", logs.output[0])
        for child in made._children():
            self.assertEqual(child.status, -signal.SIGKILL)

    def test_end_of_grace(self):
        """A child that doesn't end by itself is killed."""
        made = self.make(HANGS, grace=0)
        with (
            mock.patch.object(supervisor, "MARGIN", 0),
            self.assertLogs("django.channels.worker", "WARNING"),
        ):
            status = self.signal_when_ready(made, signal.SIGTERM)
        self.assertEqual(status, 143)

    def test_unfinished(self):
        """The status tells that a child had to leave something."""
        made = self.make("tell_ready(); wait(); sys.exit(143)")
        self.assertEqual(self.signal_when_ready(made, signal.SIGINT), 130)

    def test_replaced(self):
        """At once if it ended in good order, or else after a while."""
        for status, level, text in (
            (IN_ORDER, "INFO", "has ended and is replaced."),
            (0, "ERROR", "ended with exit status 0; the next one starts in 5 s."),
            (9, "ERROR", "ended with exit status 9; the next one starts in 5 s."),
        ):
            with self.subTest(status=status):
                made = self.make(f"tell_ready(); os._exit({status})")
                place = made._places[0]
                place.backoff = Backoff(5, 5)
                note_end = made._note_end

                def note_end_and_stop(child):
                    note_end(child)
                    made._events.put("signal", signal.SIGTERM)

                made._note_end = note_end_and_stop
                with self.assertLogs("django.channels.worker", level) as logs:
                    made.run(lambda: None)
                self.assertIn(text, logs.output[0])

    def test_gives_up(self):
        """After five children in a row that never were ready."""
        made = self.make("sys.exit(3)")
        with self.assertLogs("django.channels.worker", "ERROR") as logs:
            self.assertEqual(made.run(self.fail), 69)
        self.assertEqual(len(logs.output), 6)
        self.assertIn("ended with exit status 3; the next one", logs.output[0])
        self.assertIn("before they are ready, 5 times in a row", logs.output[5])

    def test_gives_up_for_one(self):
        """The others are stopped in good order."""
        made = self.make("if number == '1': sys.exit(1)\n" + GOOD, processes=2)
        with self.assertLogs("django.channels.worker", "ERROR"):
            self.assertEqual(made.run(self.fail), 69)
        self.assertEqual(made._children(), [])

    def test_nothing_to_start(self):
        made = Supervisor(
            ["/nothing/here"], "server", 1, 1, backoff=lambda: Backoff(0, 0)
        )
        with self.assertLogs("django.channels.server", "ERROR") as logs:
            self.assertEqual(made.run(self.fail), 69)
        self.assertIn("No server process could be started", logs.output[0])

    def test_starts_fail_for_a_while(self):
        """A child that is ready makes those before it forgotten."""
        made = self.make(GOOD)
        made._places[0].failed_starts = 4
        self.assertEqual(self.signal_when_ready(made, signal.SIGTERM), 0)
        self.assertEqual(made._places[0].failed_starts, 0)

    def test_environment(self):
        """A child has no standard input to read, and no manager to notify."""
        made = self.make("if 'NOTIFY_SOCKET' in os.environ: sys.exit(1)\n" + GOOD)
        with mock.patch.dict(os.environ, NOTIFY_SOCKET="/nothing/here"):
            with self.assertLogs("django.channels", "WARNING"):
                status = self.signal_when_ready(made, signal.SIGTERM)
        self.assertEqual(status, 0)

    def test_descriptors(self):
        """Each child inherits them; what they lead to is done with first."""
        read, write = os.pipe()
        with open(read, "rb") as pipe:
            made = self.make(
                "os.write(int(passed_on), number.encode()); " + GOOD, 2, 3600, [write]
            )
            status = made.run(
                lambda: made._events.put("signal", signal.SIGTERM),
                on_stop=lambda: self.assertEqual(len(made._children()), 2),
            )
            os.close(write)
            self.assertEqual((status, sorted(pipe.read())), (0, [*b"01"]))
