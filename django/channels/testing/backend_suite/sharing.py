"""Several processes share the channels."""

import gc
import os
import signal
import threading
import warnings
from time import sleep
from unittest import mock

from django.channels import names
from django.channels.backends.shared import PROCESS_MARK
from django.channels.exceptions import (
    BackendUnavailable,
    ChannelFull,
    InvalidMessage,
    MessageTooLarge,
)
from django.channels.message import Message

from .case import PATIENCE, Sink


class SharingTests:
    """``self.backend`` and another backend stand for two processes."""

    def test_received_elsewhere(self):
        other = self.make()
        self.send("a", n=1)
        self.assertEqual(self.receive("a", backend=other), {"n": 1})
        self.assertIsNone(self.receive("a"))

    def test_wakes_a_receiver_elsewhere(self):
        receiver = self.open("a", backend=self.make())
        call = self.in_thread(receiver.receive)
        self.send("a", n=1)
        self.assertEqual(call.result().content, {"n": 1})

    def test_is_served_here_only(self):
        self.open("a", backend=self.make())
        self.assertIs(self.backend.is_served("a"), False)

    def test_reply_names_differ_by_process(self):
        other = self.make()
        owners = {
            names.process_of(backend.reply_name(kind))
            for backend in (self.backend, other)
            for kind in ("http", "websocket")
        }
        self.assertEqual(owners, {self.backend.process, other.process})

    def test_reply_from_elsewhere(self):
        other = self.make()
        name, sink = self.listen()
        for n in range(200):
            self.send(name, other, n=n)
        self.assertEqual([c["n"] for c in sink.wait_for(200)], list(range(200)))
        self.assertEqual(sink.got[0][0], [name])

    def test_reply_after_the_end(self):
        """The owner drops and counts it."""
        other = self.make()
        name, sink = self.listen()
        self.backend.unlisten(name)
        self.send(name, other, n=1)
        self.wait_until(lambda: self.backend.dropped == {"gone": 1})

    def test_reply_to_a_process_that_has_closed(self):
        other = self.make()
        name, sink = self.listen(other)
        other.close()
        self.send(name, n=1)
        self.assertEqual(self.backend.dropped, {"gone": 1})
        self.assertEqual(sink.got, [])

    def test_use_after_close(self):
        """A closed backend opens again, as a process of its own."""
        other = self.make()
        other.listen(other.reply_name("http"), Sink())
        before = other.process
        other.close()
        self.assertNotEqual(other.process, before)
        name, sink = self.listen(other)
        self.send(name, n=1)
        self.assertEqual(sink.wait_for(1), [{"n": 1}])

    def test_slow_reader_elsewhere(self):
        """Its owner counts; the sender has gone on."""
        other = self.make()
        sink = Sink()
        name, _ = self.listen(sink=sink)
        sink.full = [name]
        with self.assertLogs("django.channels", "WARNING") as logs:
            self.send(name, other, n=1)
            self.wait_until(lambda: logs.output)
        self.assertEqual(self.backend.dropped, {"full": 1})

    def test_inbox_is_bounded(self):
        """A process that reads nothing more fills no memory."""
        other = self.make(OPTIONS={"INBOX_CAPACITY": 5})

        class Stuck(Sink):
            def deliver(self, reply_names, message):
                super().deliver(reply_names, message)
                release.wait(PATIENCE)
                return ()

        release = threading.Event()
        self.addCleanup(release.set)
        name, sink = self.listen(sink=Stuck())
        self.send(name, other, n=0)
        sink.wait_for(1)
        with self.assertRaisesMessage(ChannelFull, f"The reader behind {name!r}"):
            for n in range(1, 2000):
                self.send(name, other, n=n)
        self.assertEqual(other.dropped, {"full": 1})
        release.set()
        got = [c["n"] for c in sink.wait_for(n)]
        self.assertEqual(got, list(range(n)))

    def test_waiting(self):
        self.assertEqual(self.backend.waiting("task"), 0)
        self.send("task", n=1)
        self.send("task", n=2)
        self.assertEqual(self.backend.waiting("task"), 2)

    def test_reach(self):
        """Who sends to a reply channel may ask whether its process lives."""
        other = self.make()
        name, sink = self.listen(other)
        self.assertIs(self.backend.reach(Message(name, {"n": 1})), True)
        sink.wait_for(1)
        other.close()
        self.assertIs(self.backend.reach(Message(name, {"n": 2})), False)

    def test_dead_process(self):
        """Its lease ends, and its memberships; sends go on meanwhile."""
        self.requires("can_die")
        dead = self.make(OPTIONS={"LEASE": 0.5})
        name, _ = self.listen(dead)
        here, sink = self.listen()
        dead.group_add("g", name)
        self.backend.group_add("g", here)
        self.let_die(dead)

        def is_forgotten():
            self.backend.group_send("g", {"n": 1})
            return len(self.backend._members("g")) == 1

        self.wait_until(is_forgotten)
        self.assertEqual(sink.contents[-1], {"n": 1})
        # A backend may have swept the membership before a send met it.
        self.send(name, n=2)
        self.assertIn("gone", self.backend.dropped)
        self.backend.group_add("h", name)
        self.assertEqual(self.backend._members("h"), {})

    def test_lease_is_renewed(self):
        """A process that lives on keeps its place."""
        backend = self.make(OPTIONS={"LEASE": 0.3})
        name, sink = self.listen(backend)
        backend.group_add("g", name)
        with mock.patch.object(backend, "_beat", wraps=backend._beat) as beat:
            self.wait_until(lambda: beat.call_count > 6)

        def is_reached():
            self.backend.group_send("g", {"n": 1})
            return sink.got

        self.wait_until(is_reached)

    def test_memberships_are_renewed(self):
        """A store may have let them end."""
        backend = self.make(OPTIONS={"LEASE": 0.3})
        name, _ = self.listen(backend)
        backend.group_add("g", name)
        backend._leave("g", PROCESS_MARK + backend.process)
        backend._rejoin_at = 0
        self.wait_until(lambda: self.backend._members("g"))

    def test_membership_that_could_not_be_ended(self):
        """What is sent to it then ends it."""
        backend = self.make(OPTIONS={"LEASE": 0.3})
        name, _ = self.listen(backend)
        backend.group_add("g", name)
        away = mock.Mock(side_effect=BackendUnavailable("The store is away."))
        with (
            self.assertLogs("django.channels", "WARNING") as logs,
            mock.patch.object(backend, "_leave", away),
        ):
            backend.group_discard("g", name)
            self.wait_until(lambda: logs.output)

        def is_left():
            self.backend.group_send("g", {"n": 1})
            return not self.backend._members("g")

        self.wait_until(is_left)

    def test_value_that_cannot_be_sent(self):
        for content, key in (
            ({"a": {"b": [1, object()]}}, "a.b.1"),
            ({"when": {1: 2}}, "when.1"),
            ({"a": {1, 2}}, "a"),
        ):
            with self.subTest(key=key):
                with self.assertRaisesMessage(InvalidMessage, f"key '{key}'"):
                    self.send("a", **content)
        with self.assertRaises(InvalidMessage):
            self.send("a", n=10**5000)
        self.assertIsNone(self.receive("a"))

    def test_too_large(self):
        """The error says how large, and what to do; nothing is cut."""
        backend = self.make(OPTIONS={"MAX_MESSAGE_BYTES": 1000})
        name, sink = self.listen(backend)
        backend.group_add("g", "a")
        backend.group_add("g", name)
        msg = "at most 1000 are sent."
        with self.assertRaisesMessage(MessageTooLarge, msg) as caught:
            self.send("a", backend, text="x" * 1000)
        self.assertIn("OPTIONS['MAX_MESSAGE_BYTES']", str(caught.exception))
        self.assertIn("1011 bytes", str(caught.exception))
        with self.assertRaisesMessage(MessageTooLarge, msg):
            backend.group_send("g", {"text": "x" * 1000})
        self.assertIsNone(self.receive("a", backend=backend))
        self.assertEqual(sink.got, [])
        self.send("a", backend, text="x" * 900)
        self.assertEqual(self.receive("a", backend=backend), {"text": "x" * 900})

    def test_fork(self):
        """A child is a process of its own, and the parent's goes on."""
        self.requires("can_fork")
        other = self.make()
        name, sink = self.listen()
        self.send(name, other, n=1)
        self.assertEqual(sink.wait_for(1), [{"n": 1}])
        reader, writer = os.pipe()
        gc.collect()
        # The parent's threads may have locked something in the store until now.
        sleep(0.5)
        child = _fork()
        if child == 0:
            status = 1
            try:
                os.close(reader)
                signal.alarm(PATIENCE)
                mine = self.backend.reply_name("http")
                heard = Sink()
                self.backend.listen(mine, heard)
                self.send(mine, other, n=2)
                heard.wait_for(1)
                self.send(name, n=3)
                os.write(writer, names.process_of(mine).encode())
                status = 0
            finally:
                os._exit(status)
        os.close(writer)
        with open(reader) as pipe:
            process = pipe.read()
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertNotIn(process, ("", self.backend.process))
        self.assertEqual(sink.wait_for(2), [{"n": 1}, {"n": 3}])


def _fork():
    with warnings.catch_warnings():
        # Python 3.12 and later: threads may hold locks. None of them is held
        # here by one that the child needs.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()
