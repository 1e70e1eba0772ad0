"""Clocks that jump while messages wait, and while leases run."""

import time
from contextlib import ExitStack
from unittest import mock

from django.channels.backends.memory import MemoryChannelBackend
from django.channels.backends.redis.connection import Connection
from django.channels.backends.redis.script import Script
from django.channels.testing.backend_suite import BackendTestCase
from django.channels.testing.backend_suite.durable_case import DurableCase
from django.test import SimpleTestCase

from .databases import DatabaseTestCase
from .redis_case import RedisTestCase
from .test_database import DatabaseBackend

HOUR = 3600


class ClockCase(DurableCase, BackendTestCase):
    def let_wait(self):
        """
        Let a message wait on "plain", one on "late" for its time and one on
        "more"; return one that is leased.
        """
        self.add("jobs")
        self.send("plain")
        self.add("late", delay=60)
        self.add("more")
        return self.take("jobs")

    def assertNothingEarly(self, held):
        """No lease has ended, nothing has expired, and no delay is over."""
        self.assertIsNone(self.take("jobs", "late"))
        self.assertEqual(self.backend.renew([held]), [])
        self.assertEqual(self.take("plain").channel, "plain")
        self.assertEqual(self.take("more").attempt, 1)
        self.assertIs(self.backend.acknowledge(held), True)


class ProcessClockTests:
    """The wall clock of a process decides nothing, whatever the backend."""

    def test_jumps(self):
        for jump in (HOUR, -HOUR):
            with self.subTest(jump=jump), ExitStack() as stack:
                self.backend.flush()
                held = self.let_wait()
                now = time.time() + jump
                for name in (
                    "time.time",
                    "django.channels.backends.memory_jobs.time",
                ):
                    stack.enter_context(mock.patch(name, lambda: now))
                self.assertNothingEarly(held)


class ServerClockTests:
    """
    The clock of the server decides. ``jump(seconds)`` makes it do so, measured
    from what it was at first.
    """

    def test_forward(self):
        """What it passes over counts as time that has passed."""
        held = self.let_wait()
        self.jump(HOUR)
        self.assertEqual(self.backend.renew([held]), [held])
        again = self.take("jobs")
        self.assertEqual((again.id, again.attempt), (held.id, 2))
        self.assertIs(self.backend.acknowledge(held), False)
        self.assertIs(self.backend.acknowledge(again), True)
        self.assertIsNotNone(self.take("late"))
        with self.assertLogs("django.channels", "WARNING"):
            self.assertIsNone(self.take("plain"))
        # What is durable doesn't expire.
        self.assertEqual(self.take("more").attempt, 1)

    def test_backward(self):
        """
        Nothing is early. What a living worker has goes on by the new clock;
        other times are so much later.
        """
        self.jump(HOUR)
        held = self.let_wait()
        left = self.take("more")
        self.jump(0)
        self.assertIsNone(self.take("jobs", "late", "more"))
        self.assertEqual(self.backend.renew([held]), [])
        self.assertEqual(self.take("plain").channel, "plain")
        self.jump(self.backend.message_lease + 1)
        self.assertEqual(self.take("jobs", "more").id, held.id)
        self.jump(HOUR + self.backend.message_lease + 1)
        self.assertEqual(self.take("more").id, left.id)

    def test_backward_while_messages_wait(self):
        """What waits already can be received at once."""
        self.jump(HOUR)
        self.add("jobs")
        self.send("plain")
        self.jump(0)
        self.assertIsNotNone(self.take("plain"))
        self.assertIsNotNone(self.take("jobs"))


class MemoryClockTests(ProcessClockTests, ClockCase, SimpleTestCase):
    def make_backend(self, **params):
        return MemoryChannelBackend("default", {"LOCATION": "clocks", **params})


class SQLiteClockTests(
    ProcessClockTests, ServerClockTests, DatabaseBackend, ClockCase, DatabaseTestCase
):
    def jump(self, seconds):
        self.backend.store.ahead = seconds


class RedisClockTests(
    ProcessClockTests, ServerClockTests, ClockCase, RedisTestCase, SimpleTestCase
):
    def jump(self, seconds):
        """Let scripts see another time. Keys that end by themselves don't."""
        script = Connection._script

        def script_of_another_time(connection, *names):
            found = script(connection, *names)
            text = found.text.decode()
            ahead = f"redis.call('TIME')[1] + {round(seconds)}"
            text = text.replace("redis.call('TIME')", f"{{{ahead}, 0}}")
            return Script(connection.wire, text.encode())

        self.backend._close()
        with mock.patch.object(Connection, "_script", script_of_another_time):
            self.backend.connection
