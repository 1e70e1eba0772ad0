"""How items reach a process: published, and read where that isn't enough."""

import threading
from unittest import mock

from django.channels.backends.base import LARGEST
from django.channels.backends.redis.connection import Connection
from django.channels.backends.redis.subscription import Subscription
from django.channels.testing.backend_suite.case import PATIENCE, Sink
from django.test import SimpleTestCase

from .redis_case import ClusterTestCase, RedisTestCase
from .redis_servers import Node, redis_executable


class Held(Sink):
    """Holds whoever delivers from the number ``at`` on until it's let go."""

    def __init__(self, at):
        super().__init__()
        self.at = at
        self.holds = threading.Event()
        self.go_on = threading.Event()

    def deliver(self, reply_names, message):
        result = super().deliver(reply_names, message)
        if message.content["n"] == self.at:
            self.holds.set()
            self.go_on.wait(PATIENCE)
        return result

    def wait_until_held(self):
        if not self.holds.wait(PATIENCE):
            raise AssertionError("The message to be held at did not come.")


class InboxTestCase(RedisTestCase):
    def setUp(self):
        super().setUp()
        self.other = self.make()

    def member(self, backend=None, sink=None):
        name, sink = self.listen(backend, sink)
        (backend or self.backend).group_add("g", name)
        return name, sink

    def held(self, at):
        """Return a member whose process waits at the number."""
        sink = Held(at)
        self.addCleanup(sink.go_on.set)
        return self.member(sink=sink)

    def send_in_turns(self, name, numbers):
        """From another process, to the member and to its group."""
        for n in numbers:
            if n % 2:
                self.send(name, self.other, n=n)
            else:
                self.other.group_send("g", {"n": n})

    def assertArrive(self, sink, numbers):
        numbers = [*numbers]
        got = [content["n"] for content in sink.wait_for(len(numbers))]
        self.assertEqual(got, numbers)

    def length(self):
        return self.server.command("LLEN", self.backend._inbox._inbox)


class InboxTests(InboxTestCase, SimpleTestCase):
    # No beat comes to what has to work without one.
    options = {"LEASE": 600}

    def test_cut_off(self):
        """Nothing is lost, comes twice or in another order."""
        name, sink = self.member()
        with self.assertLogs("django.channels", "WARNING"):
            for n in range(0, 400, 20):
                self.send_in_turns(name, range(n, n + 20))
                sink.wait_for(n + 1)
                self.server.command("CLIENT", "KILL", "TYPE", "pubsub")
            self.send_in_turns(name, range(400, 402))
            self.assertArrive(sink, range(402))
        self.assertEqual(self.backend.dropped, {})

    def test_beats_amid_a_backlog(self):
        """Else others would take the process for dead, and drop what waits."""
        name, sink = self.held(0)
        inbox = self.backend._inbox
        self.send_in_turns(name, range(600))
        sink.wait_until_held()
        arrived = []

        class Due(type(sink)):
            def deliver(self, reply_names, message):
                if message.content["n"] == 50:
                    inbox._next_beat = 0
                return super().deliver(reply_names, message)

        def renew():
            arrived.append(len(sink.contents))
            return False

        sink.__class__ = Due
        with mock.patch.object(inbox, "_renew", side_effect=renew):
            # It begins with a beat, which reads all that is there.
            inbox._next_beat = 0
            sink.go_on.set()
            self.assertArrive(sink, range(600))
        self.assertEqual(arrived, [1, 51])

    def test_server_is_told(self):
        """An inbox doesn't keep what has arrived."""
        name, sink = self.member()
        self.send_in_turns(name, range(3))
        self.assertArrive(sink, range(3))
        self.wait_until(lambda: self.length() == 0)

    def test_answer_to_a_new_subscription_is_lost(self):
        """What the server did with the numbers is taken up."""
        from redis.exceptions import ConnectionError

        name, sink = self.member()
        self.send_in_turns(name, range(3))
        sink.wait_for(3)
        resume = self.backend.connection.resume
        left = [2]

        def lose(*args):
            answer = resume(*args)
            if left[0]:
                left[0] -= 1
                raise ConnectionError("Connection reset by peer")
            return answer

        with (
            mock.patch.object(self.backend.connection, "resume", lose),
            self.assertLogs("django.channels", "WARNING"),
        ):
            self.server.command("CLIENT", "KILL", "TYPE", "pubsub")
            self.send_in_turns(name, range(3, 10))
            self.assertArrive(sink, range(10))
        self.assertEqual(left, [0])

    def test_cut_off_before_it_was_read(self):
        """What had arrived doesn't come twice, though it's numbered twice."""
        from redis.exceptions import ConnectionError

        name, sink = self.held(2)
        self.send_in_turns(name, range(3))
        sink.wait_until_held()
        self.send_in_turns(name, range(3, 6))
        connection = self.backend.connection
        answers = [ConnectionError("Connection reset by peer")] * 2

        def fail(*args, **kwargs):
            if answers:
                raise answers.pop()
            return mock.DEFAULT

        with (
            mock.patch.object(connection, "read", wraps=connection.read) as read,
            self.assertLogs("django.channels", "WARNING"),
        ):
            read.side_effect = fail
            self.server.command("CLIENT", "KILL", "TYPE", "pubsub")
            sink.go_on.set()
            self.send_in_turns(name, range(6, 10))
            self.wait_until(lambda: self.length() == 0)
        self.assertArrive(sink, range(10))

    def test_gap(self):
        """What was published and didn't come is read when the next comes."""
        name, sink = self.member()
        following, count = Subscription.next, [0]

        def lose_some(subscription, timeout):
            data = following(subscription, timeout)
            count[0] += bool(data)
            return b"" if count[0] % 3 else data

        with mock.patch.object(Subscription, "next", lose_some):
            self.send_in_turns(name, range(99))
            self.assertArrive(sink, range(99))

    def test_anything_is_published(self):
        """What isn't an item is dropped, and keeps nothing else from coming."""
        name, sink = self.member()
        inbox = self.backend._inbox._inbox
        junk = [b"\xff 1", b"x", b"1e9 ", b" 1", b"9" * 5000 + b" 1", b"0 1"]
        self.send_in_turns(name, [0])
        # It has subscribed by then.
        sink.wait_for(1)
        with self.assertLogs("django.channels", "WARNING"):
            for n, data in enumerate(junk, 1):
                self.server.command("SPUBLISH", inbox, data)
                self.send_in_turns(name, [n])
            self.assertArrive(sink, range(len(junk) + 1))
        self.assertEqual(self.backend.dropped, {"unreadable": 5})

    def test_longest_lease(self):
        backend = self.make(OPTIONS={"LEASE": LARGEST})
        name, sink = self.listen(backend)
        for n in range(2):
            self.send(name, self.other, n=n)
            sink.wait_for(n + 1)
            self.wait_until(
                lambda: self.server.command("LLEN", backend._inbox._inbox) == 0
            )
        self.assertArrive(sink, range(2))

    def test_nothing_comes_any_more(self):
        """It's read at the next beat."""
        backend = self.make(OPTIONS={"LEASE": 3})
        name, sink = self.member(backend)

        def nothing(subscription, timeout):
            backend._inbox._stopped.wait(timeout)

        with mock.patch.object(Subscription, "next", nothing):
            self.send_in_turns(name, range(10))
            self.assertArrive(sink, range(10))

    def test_server_that_is_silent(self):
        """The subscription is given up that gets no answer to a check."""
        backend = self.make(OPTIONS={"LEASE": 0.3})
        with (
            self.assertLogs("django.channels", "WARNING") as logs,
            mock.patch.object(Subscription, "next", lambda *args: None),
            mock.patch(
                "redis.connection.Connection.can_read", lambda *args: False, create=True
            ),
        ):
            self.member(backend)
            self.wait_until(lambda: logs.output)
        self.assertIn("The server doesn't answer", logs.output[0])

    def test_far_behind(self):
        """The server sends no more ahead; the list has it, in order."""
        name, sink = self.held(0)
        self.send_in_turns(name, range(1))
        sink.wait_until_held()
        self.send_in_turns(name, range(1, 3000))
        sink.go_on.set()
        self.assertArrive(sink, range(3000))
        self.send_in_turns(name, range(3000, 3002))
        self.assertArrive(sink, range(3002))
        self.wait_until(lambda: self.length() == 0)

    def test_lost_items_are_counted(self):
        """A server that evicts keys has thrown away what hadn't arrived."""
        name, sink = self.held(0)
        self.send_in_turns(name, range(1))
        sink.wait_until_held()
        following = Subscription.next
        with mock.patch.object(Subscription, "next", return_value=None):
            self.send_in_turns(name, range(1, 4))
            self.server.command("DEL", self.backend._inbox._inbox)
        subscription = self.backend._inbox._subscription
        while following(subscription, 0):
            pass
        with self.assertLogs("django.channels", "WARNING"):
            sink.go_on.set()
            self.send_in_turns(name, range(4, 6))
            self.assertArrive(sink, [0, 4, 5])
        self.assertEqual(self.backend.dropped, {"lost": 3})

    def test_server_that_went_back(self):
        """As one that forgot its last second: what is added then is new."""
        name, sink = self.held(5)
        lease, inbox = self.backend._inbox._lease, self.backend._inbox._inbox
        self.send_in_turns(name, range(4))
        sink.wait_for(4)
        self.wait_until(lambda: self.length() == 0)
        number = self.server.command("HGET", lease, "number")
        self.send_in_turns(name, range(4, 6))
        sink.wait_until_held()
        with self.assertLogs("django.channels", "WARNING"):
            self.server.command("CLIENT", "KILL", "TYPE", "pubsub")
            self.server.command("HSET", lease, "number", number)
            self.server.command("DEL", inbox)
            self.send_in_turns(name, range(6, 10))
            sink.go_on.set()
            self.assertArrive(sink, range(10))

    def test_lease_is_over(self):
        """Of a process that stood still: what had come by then isn't lost."""
        self.go_on_after("_lease", "_inbox")

    def test_lease_is_over_before_the_inbox(self):
        """As it is for a while: nothing comes twice, or counts as lost."""
        self.go_on_after("_lease")
        self.assertEqual(self.backend.dropped, {})

    def go_on_after(self, *lost):
        """Let the inbox lose these keys while five items haven't been told."""
        name, sink = self.held(0)
        self.send_in_turns(name, range(5))
        sink.wait_until_held()
        inbox = self.backend._inbox
        self.server.command("DEL", *[getattr(inbox, key) for key in lost])
        self.other.group_send("g", {"n": -1})
        self.assertEqual(self.other.dropped, {"gone": 1})
        inbox._next_beat = 0
        with self.assertLogs("django.channels", "WARNING") as logs:
            sink.go_on.set()
            self.wait_until(lambda: self.other._members("g"))
            self.send_in_turns(name, range(5, 10))
            self.assertArrive(sink, range(10))
        self.assertIn("The server had lost the inbox", logs.output[0])

    def test_lease_is_over_amid_a_batch(self):
        """What was read of it isn't lost with what the server has."""
        name, sink = self.held(0)
        self.send_in_turns(name, range(1))
        sink.wait_until_held()
        go_on, sink.go_on = sink.go_on, threading.Event()
        self.addCleanup(sink.go_on.set)
        sink.at, sink.holds = 1, threading.Event()
        with self.assertLogs("django.channels", "INFO") as logs:
            # Nobody is told of these: they're read together.
            self.server.command("CLIENT", "KILL", "TYPE", "pubsub")
            self.send_in_turns(name, range(1, 5))
            go_on.set()
            sink.wait_until_held()
            inbox = self.backend._inbox
            self.server.command("DEL", inbox._lease, inbox._inbox)
            inbox._next_beat = 0
            sink.go_on.set()
            self.wait_until(lambda: self.server.command("EXISTS", inbox._lease))
            self.send_in_turns(name, range(5, 10))
            self.assertArrive(sink, range(10))
        self.assertIn("The server had lost the inbox", "".join(logs.output))

    def test_lease_is_over_after_a_check(self):
        """The answer to it, which comes first, ends nothing."""
        name, sink = self.held(0)
        self.send_in_turns(name, range(1))
        sink.wait_until_held()
        inbox = self.backend._inbox
        inbox._subscription.check()
        connection = inbox._subscription._connection
        self.wait_until(lambda: connection.can_read(0))
        self.send_in_turns(name, range(1, 5))
        self.server.command("DEL", inbox._lease, inbox._inbox)
        inbox._next_beat = 0
        with self.assertLogs("django.channels", "WARNING"):
            sink.go_on.set()
            self.wait_until(lambda: self.server.command("EXISTS", inbox._lease))
            self.send_in_turns(name, range(5, 10))
            self.assertArrive(sink, range(10))

    def test_reply_and_group_keep_their_order(self):
        name, sink = self.member()
        self.send_in_turns(name, range(1000))
        self.assertArrive(sink, range(1000))


class SlowReaderTests(InboxTestCase, SimpleTestCase):
    """The server throws out who doesn't read what it has sent."""

    @classmethod
    def start(cls):
        limit = "pubsub 64kb 0 0"
        return Node(redis_executable(), "--client-output-buffer-limit", limit)

    def test_thrown_out(self):
        name, sink = self.held(0)
        self.send_in_turns(name, range(1))
        sink.wait_until_held()
        padding = "x" * 20_000
        for n in range(1, 900):
            self.other.group_send("g", {"n": n, "padding": padding})
        self.assertEqual(self.server.command("PUBSUB", "SHARDCHANNELS"), [])
        with self.assertLogs("django.channels", "WARNING"):
            sink.go_on.set()
            self.send_in_turns(name, range(900, 902))
            self.assertArrive(sink, range(902))
        self.assertEqual(self.backend.dropped, {})


class KeepingServerTests(InboxTestCase, SimpleTestCase):
    """The server is killed, and started again with what it has on its disk."""

    options = {"TIMEOUT": 2}

    @classmethod
    def setUpClass(cls):
        # After the options of every node, which say that nothing is kept.
        super().setUpClass()
        cls.server.options = ("--appendonly", "yes", "--appendfsync", "always")
        cls.server.crash()
        cls.server.serve()

    def has_read_its_disk(self):
        from redis.exceptions import BusyLoadingError

        try:
            return self.server.command("PING")
        except BusyLoadingError:
            return False

    def test_started_again(self):
        """What it had accepted arrives, once and in order."""
        name, sink = self.held(20)
        self.send_in_turns(name, range(21))
        sink.wait_until_held()
        self.send_in_turns(name, range(21, 100))
        with self.assertLogs("django.channels", "WARNING"):
            self.server.crash()
            self.server.serve()
            self.wait_until(self.has_read_its_disk)
            self.send_in_turns(name, range(100, 120))
            sink.go_on.set()
            self.assertArrive(sink, range(120))
        self.assertEqual(self.backend.dropped, {})


class OlderServerTests(InboxTestCase, SimpleTestCase):
    """Before Redis 7 there are no shards."""

    @classmethod
    def start(cls):
        options = []
        for command in ("SSUBSCRIBE", "SPUBLISH"):
            options += ["--rename-command", command, ""]
        return Node(redis_executable(), *options)

    def setUp(self):
        make = Connection._script

        def script(connection, *names):
            made = make(connection, *names)
            text = made.text.replace(b"redis.REDIS_VERSION_NUM", b"nil")
            return type(made)(made.wire, text)

        patcher = mock.patch.object(Connection, "_script", script)
        patcher.start()
        self.addCleanup(patcher.stop)
        super().setUp()

    def test_published_without_shards(self):
        name, sink = self.member()
        self.send_in_turns(name, range(100))
        self.assertArrive(sink, range(100))
        with mock.patch.object(self.backend._inbox, "_read") as read:
            self.send_in_turns(name, range(100, 110))
            self.assertArrive(sink, range(110))
        read.assert_not_called()


class MovedSlotTests(ClusterTestCase, InboxTestCase, SimpleTestCase):
    """The node changes that has the inbox."""

    def test_slot_moves(self):
        name, sink = self.member()
        self.send_in_turns(name, range(10))
        self.assertArrive(sink, range(10))
        with self.assertLogs("django.channels", "WARNING"):
            self.move(self.backend._inbox._inbox)
            self.send_in_turns(name, range(10, 20))
            self.assertArrive(sink, range(20))

    def move(self, key):
        client = self.backend.connection.client
        slot = client.keyslot(key)
        port = client.get_node_from_key(key).port
        source = next(node for node in self.server.nodes if node.port == port)
        target = next(node for node in self.server.nodes if node.port != port)
        ids = [node.command("CLUSTER", "MYID").decode() for node in (source, target)]
        target.command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[0])
        source.command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[1])
        keys = source.command("CLUSTER", "GETKEYSINSLOT", slot, 100)
        where = "127.0.0.1", target.port, "", 0, 5000
        source.command("MIGRATE", *where, "KEYS", *keys)
        for node in (target, source, *self.server.nodes):
            node.command("CLUSTER", "SETSLOT", slot, "NODE", ids[1])
