"""Servers that go away, or throw away what they have."""

import threading
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from redis.exceptions import BusyLoadingError, ResponseError

from django.channels.backends.redis import RedisChannelBackend
from django.channels.batches import LARGEST
from django.channels.delivery import Delivery
from django.channels.exceptions import BackendUnavailable, ChannelError
from django.channels.message import Message
from django.test import SimpleTestCase

from .redis_case import ClusterTestCase, RedisTestCase
from .redis_servers import Node, redis_executable, valkey_executable


class OutageTests(RedisTestCase, SimpleTestCase):
    """The server goes away and comes back."""

    options = {"TIMEOUT": 0.5, "LEASE": 2}

    @classmethod
    def start(cls):
        return Node(valkey_executable())

    def test_restart_under_a_receiver(self):
        """Threads that wait go on by themselves, and one line is logged."""
        receiver = self.open("a")
        calls = [self.in_thread(receiver.receive) for _ in range(2)]
        name, sink = self.listen()
        self.backend.group_add("g", name)
        other = self.make()
        with self.assertLogs("django.channels", "INFO") as logs:
            self.server.crash()
            with self.assertRaises(BackendUnavailable):
                self.send("a", n=0)
            self.wait_until(lambda: len(logs.output) >= 2)
            self.server.serve()
            for n in range(2):
                self.send("a", n=n)
            got = sorted(call.result().content["n"] for call in calls)
            self.assertEqual(got, [0, 1])
            # The group is there again, which the server has forgotten.
            self.wait_until(lambda: other._members("g"))
            other.group_send("g", {"n": 1})
            self.assertEqual(sink.wait_for(1), [{"n": 1}])
        lines = [line for line in logs.output if " waits: " in line]
        self.assertEqual(len(lines), 2, lines)

    def test_all_come_back_together(self):
        """Who receives again is in its groups again, however long it waited."""

        def long(*args):
            inbox = threading.current_thread().name == "channels-inbox"
            return 600 if inbox else 0.05

        receiver = self.open("a")
        call = self.in_thread(receiver.receive)
        self.backend.group_add("g", self.listen()[0])
        other = self.make()
        with (
            self.assertLogs("django.channels", "WARNING") as logs,
            mock.patch("django.channels.backends.redis.waiting.random.uniform", long),
        ):
            self.server.crash()
            self.wait_until(lambda: len(logs.output) >= 2)
            self.server.serve()
            self.send("a", n=1)
            self.assertEqual(call.result().content, {"n": 1})
            self.wait_until(lambda: other._members("g"))

    def test_started_again_since_the_last_command(self):
        """However fast it was, what is sent next arrives, and once."""
        for n in range(3):
            self.send("a", n=n)
            self.assertEqual(self.receive("a"), {"n": n})
            self.server.crash()
            self.server.serve()

    def test_away_in_the_middle_of_many(self):
        """The sender knows which to send again."""
        messages = [Message("a", {"n": n}) for n in range(2 * LARGEST)]
        push, batches = self.backend._push, []

        def crash_first(*args):
            if batches:
                self.server.crash()
            batches.append(args)
            return push(*args)

        try:
            with (
                mock.patch.object(self.backend, "_push", crash_first),
                self.assertRaises(BackendUnavailable) as caught,
            ):
                self.backend.send_many(messages)
        finally:
            self.server.serve()
        self.assertEqual(caught.exception.sent, LARGEST)

    def test_closed_while_the_server_is_away(self):
        receiver = self.open("a")
        call = self.in_thread(receiver.receive)
        limited = self.in_thread(receiver.receive, 0.3)
        self.listen()
        with self.assertLogs("django.channels", "WARNING"):
            self.server.crash()
            try:
                self.assertIsNone(limited.result())
                receiver.close()
                self.assertIsNone(call.result())
                self.backend.close()
            finally:
                self.server.serve()

    def test_nobody_listens(self):
        """The error says whose configuration it is, and no password."""
        backend = RedisChannelBackend(
            "jobs", {"LOCATION": "redis://me:secret@127.0.0.1:1/0"}
        )
        msg = "CHANNEL_BACKENDS['jobs']: the Redis server gives no service. Is it"
        for call in (
            lambda: self.send("a", backend, n=1),
            lambda: backend.listen(backend.reply_name("http"), None),
            lambda: backend.group_add("g", "a"),
            lambda: backend.group_send("g", {"n": 1}),
            lambda: self.send("http.reply.0!0", backend, n=1),
        ):
            with self.assertRaisesMessage(BackendUnavailable, msg) as caught:
                call()
            self.assertNotIn("secret", str(caught.exception))
            self.assertIsInstance(caught.exception, ChannelError)

    def test_server_that_does_not_answer(self):
        """A sender has its error after the timeout, and nothing arrives twice."""
        self.send("a", n=0)
        name, sink = self.listen()
        with self.server.stuck():
            with self.assertRaisesMessage(BackendUnavailable, "TimeoutError"):
                self.send("a", n=1)
            with self.assertRaises(BackendUnavailable):
                self.backend.group_send("g", {"n": 1})
        got = [content["n"] for content in self.receive_all("a")]
        self.assertIn(got, ([0], [0, 1]))
        self.send(name, self.make(), n=2)
        self.assertEqual(sink.wait_for(1), [{"n": 2}])

    def test_scripts_are_loaded_again(self):
        """A server that was restarted knows none."""
        other, third = self.make(), self.make()
        sinks = []
        for backend in (self.backend, other):
            name, sink = self.listen(backend)
            backend.group_add("g", name)
            sinks.append(sink)
        third.group_send("g", {"n": 1})
        self.server.command("SCRIPT", "FLUSH")
        third.group_send("g", {"n": 2})
        self.send("a", n=1)
        self.assertEqual(self.receive("a"), {"n": 1})
        for sink in sinks:
            self.assertEqual(sink.wait_for(2), [{"n": 1}, {"n": 2}])


class ReplacedServerTests(RedisTestCase, SimpleTestCase):
    """The address leads to another server, and the old one is its replica."""

    options = {"LEASE": 2}

    def setUp(self):
        self.path = Path(self.enter_context(TemporaryDirectory())) / "socket"
        self.lead_to(self.server)
        super().setUp()

    @property
    def location(self):
        return f"unix://{self.path}"

    def lead_to(self, node):
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(node.unix_url.removeprefix("unix://"))

    def test_replaced(self):
        """One error says it, and then everybody is at the other one."""
        call = self.in_thread(self.open("a").receive)
        name, sink = self.listen()
        other = self.make()
        self.assertEqual(other.waiting("a"), 0)
        self.send(name, other, n=0)
        node = self.enter_context(Node(redis_executable()))
        with self.assertLogs("django.channels", "WARNING") as logs:
            self.lead_to(node)
            self.server.command("REPLICAOF", "127.0.0.1", node.port)
            self.addCleanup(self.server.command, "REPLICAOF", "NO", "ONE")
            self.wait_until(lambda: len(logs.output) >= 2)
            with self.assertRaisesMessage(BackendUnavailable, "ReadOnlyError"):
                self.send("a", other, n=1)
            self.send("a", other, n=2)
            self.assertEqual(call.result().content, {"n": 2})
            lease = self.backend._inbox._lease
            self.wait_until(lambda: node.command("EXISTS", lease))
        self.send(name, other, n=3)
        self.assertEqual(sink.wait_for(2), [{"n": 0}, {"n": 3}])


class ClusterOutageTests(ClusterTestCase, SimpleTestCase):
    """Nodes of a Cluster go away and come back, and slots are moved."""

    options = {"CLUSTER": True, "TIMEOUT": 0.5, "LEASE": 2, "SHARDS": 2}

    def test_slots_are_moved_under_a_receiver(self):
        """Who waits finds out where the queues are now, and waits there."""
        receiver = self.open("a")
        call = self.in_thread(receiver.receive)
        name, sink = self.listen()
        self.wait_until(lambda: self.server.waiting() == 1)
        with self.assertLogs("django.channels", "WARNING") as logs:
            for key in (self.backend.queue_key("a"), self.backend._inbox._inbox):
                self.server.move(key)
            self.wait_until(lambda: len(logs.output) == 2)
        self.wait_until(lambda: self.server.waiting() == 1)
        self.send("a", n=1)
        self.assertEqual(call.result().content, {"n": 1})
        self.send(name, self.make(), n=2)
        self.assertEqual(sink.wait_for(1), [{"n": 2}])

    def test_restart_under_a_receiver(self):
        """Senders have the error of every backend, and threads wait."""
        receiver = self.open("a", "b", "c")
        call = self.in_thread(receiver.receive)
        name, sink = self.listen()
        self.backend.group_add("g", name)
        other = self.make()
        self.send("d", other)
        with self.assertLogs("django.channels", "WARNING"):
            for node in self.server.nodes:
                node.crash()
            try:
                for backend in (self.backend, other, self.make()):
                    with self.assertRaises(BackendUnavailable) as caught:
                        self.send("a", backend, n=0)
                    # It may be one that was connected.
                    self.assertIs(caught.exception.unsent, False)
                errors = []
                other.send_soon(Message(name, {"n": 0}), errors.append)
                other.settle_up()
                self.assertIsInstance(errors[0], BackendUnavailable)
            finally:
                self.server.serve()
            self.send("a", n=1)
            self.assertEqual(call.result().content, {"n": 1})
            self.wait_until(lambda: other._members("g"))
            other.group_send("g", {"n": 2})
            self.assertEqual(sink.wait_for(1), [{"n": 2}])

    def test_leases_on_other_nodes(self):
        """They're renewed while a node is away, whichever it is."""
        channels = {self.backend.shard_of(name): name for name in "abcdefgh"}
        messages = [self.leased(channels[shard]) for shard in (0, 1)]
        nodes = [self.node_of(message) for message in messages]
        self.assertIsNot(*nodes)
        for node, message in zip(nodes, reversed(messages)):
            with self.subTest(shard=nodes.index(node)):
                before = self.end_of(message)
                self.let_pass(0.01)
                with node.stuck(), self.assertRaises(BackendUnavailable):
                    self.backend.renew(messages)
                self.assertGreater(self.end_of(message), before)

    def leased(self, channel):
        self.backend.add(Message(channel, {}), Delivery(durable=True))
        return self.open(channel).receive(0)

    def leased_key(self, message):
        shard = self.backend.shard_of(message.channel)
        return f"{self.backend.base_key(shard)}:leased"

    def node_of(self, message):
        key = self.leased_key(message)
        (node,) = [
            n for n in self.server.nodes if key.encode() in n.command("KEYS", "*")
        ]
        return node

    def end_of(self, message):
        node = self.node_of(message)
        return float(node.command("ZSCORE", self.leased_key(message), message.lease))


class FullServerTests(RedisTestCase, SimpleTestCase):
    """On a server that has no more room, and throws nothing away."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.server.command, "CONFIG", "SET", "maxmemory", 0)

    def fill(self):
        self.server.command("CONFIG", "SET", "maxmemory", 1)

    def test_refused(self):
        """Who sends hears that it wasn't sent, and can send it again."""
        name, _ = self.listen()
        durable = Delivery(durable=True)
        sends = [
            partial(self.send, "a"),
            partial(self.send, name, self.make()),
            partial(self.backend.add, Message("a", {}), durable),
        ]
        self.fill()
        for send in sends:
            with self.assertRaises(BackendUnavailable) as caught:
                send()
            self.assertIs(caught.exception.unsent, True)
        self.server.command("CONFIG", "SET", "maxmemory", 0)
        self.assertIsNone(self.receive("a"))
        for error in (
            ResponseError("MISCONF Redis is configured to save RDB snapshots, but"),
            BusyLoadingError("Redis is loading the dataset in memory"),
        ):
            self.assertIs(self.backend._away(error).unsent, True)
        self.assertIs(self.backend._away(ResponseError("ERR unknown")).unsent, False)

    def test_leases(self):
        """A message stays with who has it, who then can be done with it."""
        self.backend.add(Message("a", {}), Delivery(durable=True))
        message = self.open("a").receive(0)
        self.fill()
        self.assertEqual(self.backend.renew([message]), [])
        self.assertIs(self.backend.acknowledge(message), True)

    def test_inbox_that_was_cut_off(self):
        """Its thread reads on: what is there makes room when it's taken."""
        name, sink = self.listen()
        self.send(name, self.make(), n=1)
        sink.wait_for(1)
        self.fill()
        with self.assertLogs("django.channels", "INFO") as logs:
            self.server.command("CLIENT", "KILL", "TYPE", "pubsub")
            self.wait_until(lambda: any("goes on." in line for line in logs.output))


class EvictingTests(RedisTestCase, SimpleTestCase):
    """On a server that throws keys away when it has no more room."""

    @classmethod
    def start(cls):
        options = ["--maxmemory", "6mb", "--maxmemory-policy", "allkeys-lru"]
        return Node(redis_executable(), *options)

    def test_evicting(self):
        """Messages are lost, and those that follow are handled."""
        padding = "x" * 50_000
        for n in range(300):
            self.backend.add(
                Message("a", {"n": n, "padding": padding}), Delivery(durable=True)
            )
            self.send("b", n=n, padding=padding)
        self.assertGreater(self.server.command("INFO", "stats")["evicted_keys"], 0)
        for _ in "12":
            self.receive_all("a", "b")
            self.backend.add(Message("a", {"n": -1}), Delivery(durable=True))
            self.send("b", n=-2)
            found = [content["n"] for content in self.receive_all("a", "b")]
            # And some of the others, whose count was thrown away before.
            self.assertLessEqual({-1, -2}, set(found))

    def test_warning(self):
        with self.assertLogs("django.channels", "WARNING") as logs:
            self.backend.check_server()
        (line,) = logs.output
        self.assertIn("(its maxmemory-policy is allkeys-lru)", line)
        self.assertIn("Set it to noeviction.", line)

    def test_server_that_is_away(self):
        backend = RedisChannelBackend("default", {"LOCATION": "redis://127.0.0.1:1"})
        self.addCleanup(backend.close)
        with self.assertNoLogs("django.channels", "WARNING"):
            backend.check_server()
