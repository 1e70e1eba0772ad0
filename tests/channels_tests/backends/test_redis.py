import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from unittest import mock

from redis._parsers.commands import CommandsParser

from django.channels import Channel, channel_backends
from django.channels.backends.memory import MemoryChannelBackend
from django.channels.backends.redis import RedisChannelBackend
from django.channels.delivery import Delivery
from django.channels.exceptions import (
    BackendUnavailable,
    ChannelError,
    InvalidChannelBackend,
)
from django.channels.message import Message
from django.channels.testing.backend_suite import (
    BackendTestCase,
    SharedChannelBackendTests,
)
from django.channels.worker import Worker
from django.test import SimpleTestCase, override_settings

from ..interpreters import Interpreter
from ..running import PATIENCE, enter_for_class, environment, wait_for
from .redis_servers import (
    Cluster,
    EncryptedNode,
    Node,
    Sentinel,
    redis_executable,
    valkey_executable,
)

KEYS = [
    "mG9tqJ1bqUOQDSbJv5hRWB0Xg6HvNLgJ9RJDnXbCtlk=",
    "Zr3n6vJx0m2q5t8w1y4B7E0H3K6N9Q2T5W8Z1c4f7i0=",
]
SCRIPT = Path(__file__).with_name("redis_process.py")


class RedisTestCase(BackendTestCase):
    """Backends on the server that start() starts."""

    shared = True
    options = {}

    @classmethod
    def start(cls):
        return Node(redis_executable())

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = enter_for_class(cls, cls.start())

    def setUp(self):
        self.server.flush()
        super().setUp()

    @property
    def location(self):
        return self.server.url

    def make_backend(self, **params):
        options = {**self.options, **params.pop("OPTIONS", {})}
        params = {"LOCATION": self.location, "OPTIONS": options, **params}
        return RedisChannelBackend("default", params)

    def let_die(self, backend):
        backend._inbox.stop()


class RedisBackendTests(RedisTestCase, SharedChannelBackendTests, SimpleTestCase):
    pass


class ValkeyBackendTests(RedisTestCase, SharedChannelBackendTests, SimpleTestCase):
    """With shards, a prefix and encryption, over a Unix socket."""

    options = {
        "ENCRYPTION_KEYS": KEYS[:1],
        "PREFIX": "a[b]*?",
        "SHARDS": 3,
    }

    @classmethod
    def start(cls):
        return Node(valkey_executable())

    @property
    def location(self):
        return self.server.unix_url


class ClusterBackendTests(RedisTestCase, SharedChannelBackendTests, SimpleTestCase):
    options = {"CLUSTER": True, "SHARDS": 2}
    commands = None

    def setUp(self):
        # Each client begins with what the server's commands are, which takes
        # a while to read: they're asked for once.
        ask = CommandsParser.initialize

        def initialize(parser, client):
            if self.commands is None:
                ask(parser, client)
                type(self).commands = parser.commands
            parser.commands = self.commands

        patcher = mock.patch.object(CommandsParser, "initialize", initialize)
        patcher.start()
        self.addCleanup(patcher.stop)
        super().setUp()

    @classmethod
    def start(cls):
        return Cluster(redis_executable())

    @property
    def location(self):
        return self.server.urls


class SentinelTests(RedisTestCase, SimpleTestCase):
    """The server's address is asked of those that watch over it."""

    options = {"SENTINEL": "channels"}

    def setUp(self):
        self.sentinel = self.enter_context(Sentinel(redis_executable(), self.server))
        super().setUp()

    @property
    def location(self):
        return [self.sentinel.url]

    def enter_context(self, context):
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    def test_send_and_receive(self):
        receiver = self.open("a")
        call = self.in_thread(receiver.receive)
        name, sink = self.listen()
        self.send("a", n=1)
        self.send(name, self.make(), n=2)
        self.assertEqual(call.result().content, {"n": 1})
        self.assertEqual(sink.wait_for(1), [{"n": 2}])

    def test_unknown_service(self):
        backend = self.make(OPTIONS={"SENTINEL": "other"})
        with self.assertRaisesMessage(BackendUnavailable, "MasterNotFoundError"):
            self.send("a", backend)


class EncryptedConnectionTests(RedisTestCase, SimpleTestCase):
    """TLS and a password, as the URL says."""

    @classmethod
    def start(cls):
        return EncryptedNode(redis_executable())

    @property
    def options(self):
        return {"CLIENT_OPTIONS": {"ssl_ca_certs": self.server.certificate}}

    def test_send_and_receive(self):
        receiver = self.open("a")
        call = self.in_thread(receiver.receive)
        self.send("a", n=1)
        self.assertEqual(call.result().content, {"n": 1})

    def test_wrong_password(self):
        backend = RedisChannelBackend(
            "jobs",
            {
                "LOCATION": self.server.url.replace("word", "less"),
                "OPTIONS": self.options,
            },
        )
        with self.assertRaisesMessage(
            BackendUnavailable, "AuthenticationError"
        ) as caught:
            self.send("a", backend)
        self.assertNotIn("less", str(caught.exception))

    def test_unknown_certificate(self):
        backend = RedisChannelBackend("jobs", {"LOCATION": self.server.url})
        with self.assertRaisesMessage(BackendUnavailable, "certificate"):
            self.send("a", backend)


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


class LostAnswerTests(RedisTestCase, SimpleTestCase):
    """What the server has done, and could say nobody."""

    def lose_answers(self, target, name, number=1):
        """Carry calls out, and have the connection break before the answer."""
        from redis.exceptions import ConnectionError

        function = getattr(target, name)
        left = [number]

        def call(*args, **kwargs):
            answer = function(*args, **kwargs)
            # Not those that block in vain.
            if left[0] and answer not in (None, []):
                left[0] -= 1
                raise ConnectionError("Connection reset by peer")
            return answer

        patch = mock.patch.object(target, name, side_effect=call)
        patch.start()
        self.addCleanup(patch.stop)

    def test_message(self):
        """Each is received, once, in order; so is what had expired counted."""
        self.send("a", self.make(EXPIRY=0.001), n=0)
        self.wait_until(lambda: self.is_over(0))
        for n in range(1, 4):
            self.send("a", n=n)
        receiver = self.open("a", "b")
        self.lose_answers(self.backend.connection, "take", 3)
        with self.assertLogs("django.channels", "WARNING"):
            got = [receiver.receive(5).content["n"] for _ in "123"]
        self.assertEqual(got, [1, 2, 3])
        self.assertIsNone(receiver.receive(0))
        self.assertEqual(self.backend.dropped, {"expired": 1})

    def test_between_two_calls(self):
        """The time was over when the answer was lost: the next call has it."""
        self.send("a", n=1)
        receiver = self.open("a")
        self.lose_answers(self.backend.connection, "take")
        with self.assertLogs("django.channels", "WARNING"):
            self.assertIsNone(receiver.receive(0))
        self.assertEqual(receiver.receive(0).content, {"n": 1})

    def test_expires_meanwhile(self):
        backend = self.make(EXPIRY=0.2)
        self.send("a", backend, n=1)
        receiver = self.open("a", backend=backend)
        self.lose_answers(backend.connection, "take")
        with self.assertLogs("django.channels", "WARNING"):
            self.assertIsNone(receiver.receive(0))
            self.wait_until(lambda: self.is_over(0.2))
            self.assertIsNone(receiver.receive(0))
        self.assertEqual(backend.dropped, {"expired": 1})

    def test_durable(self):
        """It's there again at once, not at the end of its lease."""
        self.backend.add(Message("a", {"n": 1}), Delivery(durable=True))
        receiver = self.open("a")
        self.lose_answers(self.backend.connection, "take")
        with self.assertLogs("django.channels", "WARNING"):
            message = receiver.receive(5)
        self.assertEqual(message.attempt, 1)
        self.assertIs(self.backend.acknowledge(message), True)

    def test_late_call(self):
        """One that the server comes to after a later one takes nothing."""
        receiver = self.open("a")
        with mock.patch.object(
            self.backend.connection, "take", wraps=self.backend.connection.take
        ) as take:
            self.assertIsNone(receiver.receive(0))
        late = take.call_args.args
        self.assertIsNone(receiver.receive(0))
        self.send("a", n=1)
        self.backend.connection.take(*late)
        self.assertEqual(receiver.receive(0).content, {"n": 1})

    def test_acknowledgement(self):
        """Who began it is told, and the next message comes nevertheless."""
        for n in range(3):
            self.backend.add(Message("a", {"n": n}), Delivery(durable=True))
        receiver, answers = self.open("a"), []
        # The server knows the script then.
        self.backend.acknowledge(receiver.receive(0))
        message = receiver.receive(0)
        self.break_connection(after=1)
        self.backend.acknowledge_soon(message, answers.append)
        with self.assertLogs("django.channels", "WARNING"):
            self.assertEqual(receiver.receive(5).content, {"n": 2})
        self.assertEqual([type(answer) for answer in answers], [BackendUnavailable])
        self.assertIs(self.backend.acknowledge(message), False)

    def test_reply(self):
        """Its sender is told."""
        name, sink = self.listen()
        other, errors = self.make(), []
        other.waiting("a")
        self.break_connection(other, after=0)
        other.send_soon(Message(name, {"n": 1}), errors.append)
        other.settle_up()
        self.assertEqual([type(error) for error in errors], [BackendUnavailable])

    def test_server_without_scripts(self):
        """It has just started: what was begun is done as well."""
        name, sink = self.listen()
        other, errors = self.make(), []
        for n in (1, 2):
            other.send_soon(Message(name, {"n": n}), errors.append)
            other.settle_up()
            self.server.command("SCRIPT", "FLUSH")
        self.assertEqual(sink.wait_for(2), [{"n": 1}, {"n": 2}])
        self.assertEqual(errors, [None, None])

    def break_connection(self, backend=None, after=0):
        """Have the next answer be lost, after so many that are not."""
        from redis.exceptions import ConnectionError

        wire = (backend or self.backend).connection.wire
        take = wire._take

        def take_broken():
            connection = take()
            read, left = connection.read_response, [after]

            def read_response(*args, **kwargs):
                if not left[0]:
                    connection.read_response = read
                    raise ConnectionError("Connection reset by peer")
                left[0] -= 1
                return read(*args, **kwargs)

            connection.read_response = read_response
            wire._take = take
            return connection

        wire._take = take_broken

    def test_signal(self):
        """A receiver that is lost while it waits takes no message along."""
        receiver = self.open("a")
        self.lose_answers(receiver, "_blpop")
        with self.assertLogs("django.channels", "WARNING"):
            call = self.in_thread(receiver.receive)
            self.wait_until(lambda: receiver._wire is not None)
            self.send("a", n=1)
            self.assertEqual(call.result().content, {"n": 1})

    def test_closed_with_a_signal(self):
        """Another receiver doesn't wait for the next message."""
        closed, other = self.open("a"), self.open("a")
        begun = threading.Event()

        def close_between(timeout, call):
            begun.set()
            popped = self.backend.connection.client.blpop(closed._signals, timeout)
            closed.closed.set()
            self.server.command("RPUSH", closed._wake_key, "")
            return popped, self.backend.connection.take(*call)

        with mock.patch.object(closed, "_blpop", side_effect=close_between):
            call = self.in_thread(closed.receive)
            begun.wait()
            self.send("a", n=1)
            self.assertIsNone(call.result())
        self.assertEqual(self.server.command("LLEN", closed._signals[1]), 1)
        self.assertEqual(other.receive(0).content, {"n": 1})

    def test_each_waiting_receiver_is_woken(self):
        """Two messages come at once, and there is one signal for them."""
        receivers = [self.open("a"), self.open("a")]
        calls = [self.in_thread(receiver.receive) for receiver in receivers]
        self.wait_until(lambda: all(receiver._wire for receiver in receivers))
        push = self.backend.connection.push
        keys = [self.backend.queue_key("a"), self.backend.signals_key("a")]
        pipeline = self.backend.connection.client.pipeline(transaction=True)
        for n in (1, 2):
            data = self.backend._encode({"n": n}, "a")
            pipeline.eval(push.text, 2, *keys, 10, 60_000, data)
        pipeline.execute()
        got = sorted(call.result().content["n"] for call in calls)
        self.assertEqual(got, [1, 2])

    def test_inbox(self):
        """Each item is handled, once, in order."""
        name, sink = self.listen()
        other = self.make()
        self.lose_answers(self.backend.connection, "read", 3)
        with self.assertLogs("django.channels", "WARNING"):
            for n in range(300):
                self.send(name, other, n=n)
            self.assertEqual(
                [content["n"] for content in sink.wait_for(300)], [*range(300)]
            )
        self.send(name, other, n="last")
        self.assertEqual(sink.wait_for(301)[300:], [{"n": "last"}])

    def test_inbox_that_was_deleted(self):
        """What is in a new one isn't taken for what has arrived."""
        backend = self.make()
        name, sink = self.listen(backend)
        arrived = threading.Event()
        go_on = threading.Event()
        deliver = sink.deliver

        def hold(*args):
            arrived.set()
            go_on.wait(60)
            return deliver(*args)

        with mock.patch.object(sink, "deliver", side_effect=hold):
            self.send(name, n=1)
            self.assertIs(arrived.wait(60), True)
            self.server.flush()
            backend._inbox._renew()
            self.send(name, n=2)
            go_on.set()
            self.assertEqual(sink.wait_for(2), [{"n": 1}, {"n": 2}])

    def is_over(self, seconds):
        """Tell whether so much of the server's time has passed since a send."""
        now = self.server.command("TIME")
        now = int(now[0]) + int(now[1]) / 1_000_000
        if not hasattr(self, "begun"):
            self.begun = now
        return now > self.begun + seconds + 0.01


class StoredTests(RedisTestCase, SimpleTestCase):
    """What is on the server, and what isn't left there."""

    def keys(self):
        return sorted(key.decode() for key in self.server.command("KEYS", "*"))

    def test_no_connection_is_left(self):
        before = self.server.connections()
        for _ in range(3):
            backend = self.make(OPTIONS={"SHARDS": 2})
            receiver = backend.receiver(["a", "b", "c", "d"])
            calls = [self.in_thread(receiver.receive) for _ in range(4)]
            self.listen(backend)
            self.send("a", backend, n=1)
            self.wait_until(lambda: any(not call.is_alive() for call in calls))
            receiver.close()
            for call in calls:
                call.result()
            backend.close()
        self.wait_until(lambda: self.server.connections() == before)

    def test_no_signal_is_left(self):
        """Messages with a key wake receivers when they're ready, and once."""
        receiver = self.open("a")
        for n in range(4):
            self.backend.add(Message("a", {}), Delivery(durable=True, key="x"))
        for n in range(10):
            self.backend.add(Message("a", {}), Delivery(durable=True))
        alone = receiver.receive(0)
        for n in range(3):
            receiver.receive(0)
            self.backend.acknowledge(alone)
            alone = receiver.receive(0)
        base = self.backend.base_key(0)
        ready = self.server.command("ZCARD", f"{base}:ready:a")
        self.assertEqual(ready, 7)
        self.assertEqual(self.server.command("LLEN", f"{base}:signal:a"), ready)

    def test_no_key_is_for_ever(self):
        """But a group with an ordinary channel, which only its owner ends."""
        name, _ = self.listen()
        self.backend.group_add("g", name)
        self.send("a", n=1)
        self.send(name, self.make(), n=1)
        self.backend.group_add("h", "a")
        for key in self.keys():
            with self.subTest(key=key):
                kept = self.server.command("PTTL", key)
                self.assertEqual(kept == -1, key == "django.channels:group:h", kept)

    def test_inbox_and_its_number(self):
        """One is kept as long as the other: else an item would be read twice."""
        name, _ = self.listen()
        self.backend._inbox.stop()
        inbox, _, last = self.backend.inbox_keys(self.backend.process)
        self.server.command("DEL", inbox)
        self.server.command("SET", last, 1, "PX", 5000)
        self.send(name, self.make(), n=1)
        for key in inbox, last:
            self.assertGreater(self.server.command("PTTL", key), 10_000, key)

    def test_nothing_is_left(self):
        name, sink = self.listen()
        self.backend.group_add("g", name)
        self.send(name, self.make(), n=1)
        sink.wait_for(1)
        receiver = self.open("a")
        call = self.in_thread(receiver.receive, 0.01)
        self.assertIsNone(call.result())
        receiver.close()
        self.backend.group_discard("g", name)
        self.backend.close()
        self.assertEqual(self.keys(), ["django.channels:group:g"])

    def test_prefix(self):
        """Backends of different prefixes see nothing of each other."""
        other = self.make(OPTIONS={"PREFIX": "other"})
        self.send("a", n=1)
        self.assertIsNone(self.receive("a", backend=other))
        other.flush()
        self.assertEqual(self.receive("a"), {"n": 1})

    def test_encryption(self):
        backend = self.make(OPTIONS={"ENCRYPTION_KEYS": KEYS[:1]})
        self.send("a", backend, secret="hush")
        (stored,) = self.server.command("LRANGE", "{django.channels:0}:queue:a", 0, -1)
        self.assertNotIn(b"hush", stored)
        self.assertNotIn(b"secret", stored)
        rotated = self.make(OPTIONS={"ENCRYPTION_KEYS": KEYS[::-1]})
        self.assertEqual(self.receive("a", backend=rotated), {"secret": "hush"})

    def test_moved(self):
        """What a client sent can't be made a message of another channel."""
        backend = self.make(OPTIONS={"ENCRYPTION_KEYS": KEYS[:1]})
        self.send("websocket.receive", backend, content="all", user=1)
        queue = "{django.channels:0}:queue:"
        self.server.command("RENAME", f"{queue}websocket.receive", f"{queue}delete")
        with self.assertLogs("django.channels", "WARNING"):
            self.assertIsNone(self.receive("delete", backend=backend))
        self.assertEqual(backend.dropped, {"unreadable": 1})

    def test_unreadable_durable(self):
        """It's kept as a dead message, whose key may be found again."""
        self.backend.add(Message("a", {"n": 1}), Delivery(durable=True))
        keys = {"ENCRYPTION_KEYS": KEYS[:1]}
        with self.assertLogs("django.channels", "ERROR"):
            backend = self.make(OPTIONS=keys)
            self.assertIsNone(self.receive("a", backend=backend))
            (dead,) = backend.dead()
        self.assertIsNone(dead.content)
        self.assertEqual(self.backend.revive([dead]), 1)
        self.assertEqual(self.receive("a"), {"n": 1})

    def test_evicted(self):
        """What the server has thrown away holds up nothing else."""
        durable = Delivery(durable=True)
        self.backend.add(Message("a", {"n": 1}), durable)
        self.backend.add(Message("a", {"n": 2}), Delivery(durable=True, delay=0.01))
        for key in self.keys():
            if ":jobs:job:" in key:
                self.server.command("DEL", key)
        self.backend.add(Message("a", {"n": 3}), durable)
        self.assertEqual(self.receive_all("a"), [{"n": 3}])

    def test_each_key_evicted(self):
        """Whatever is lost, it holds up nothing that is sent afterwards."""
        durable = Delivery(durable=True)
        keyed, unique = (Delivery(durable=True, **{k: "x"}) for k in ("key", "unique"))

        def add(n, delivery=durable):
            return self.backend.add(Message("a", {"n": n}), delivery)

        def prepare():
            self.server.flush()
            self.backend = self.make(CAPACITY=10)
            add(1, keyed)
            held = self.open("a").receive(0)
            add(2, keyed)
            add(3)
            add(4, unique)
            add(5, Delivery(durable=True, delay=3600))
            self.assertEqual(self.receive("b"), None)
            return held

        prepare()
        kinds = {re.sub("job:[0-9a-f]+", "job:", key) for key in self.keys()}
        self.assertGreater(len(kinds), 8)
        for kind in kinds:
            with self.subTest(kind):
                held = prepare()
                for key in self.keys():
                    if key.startswith(kind):
                        self.server.command("DEL", key)
                self.backend.acknowledge(held)
                got = set()
                for numbers in ((6, 7, 8), range(10, 19)):
                    for n in numbers:
                        add(n, {7: keyed, 8: unique}.get(n, durable))
                    got |= self.acknowledge_all("a")
                self.assertLessEqual({6, 7, *range(10, 19)}, got)
                self.assertTrue({4, 8} & got)

    def acknowledge_all(self, channel):
        """Take what is there, one by one; return the numbers."""
        numbers = set()
        receiver = self.backend.receiver([channel])
        while (message := receiver.receive(0)) is not None:
            numbers.add(message.content["n"])
            self.backend.acknowledge(message)
        receiver.close()
        return numbers

    def test_no_warning(self):
        self.server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        try:
            with self.assertNoLogs("django.channels", "WARNING"):
                self.backend.check_server()
        finally:
            self.server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")

    def test_flushed_under_load(self):
        """Nothing ends, and all goes on: groups and receivers as well."""
        handled = set()

        def consumer(n):
            handled.add(n)

        Channel.consumer("plain")(consumer)
        Channel.consumer("kept", durable=True)(consumer)

        other = self.make(OPTIONS={"LEASE": 0.3})
        name, sink = self.listen(other)
        other.group_add("g", name)
        worker = Worker(self.backend, threads=2, channels=["kept", "plain"])
        worker.start()
        self.addCleanup(worker.stop, PATIENCE)

        def send(numbers):
            for n in numbers:
                self.send("plain", n=n)
                message = Message("kept", {"n": -n})
                self.backend.add(message, Delivery(durable=True))

        calls = [self.in_thread(send, range(i, i + 200)) for i in (1000, 2000)]
        while any(call.is_alive() for call in calls):
            self.server.flush()
        send(range(1, 11))
        self.wait_until(lambda: handled.issuperset({*range(1, 11), *range(-10, 0)}))
        for call in calls:
            call.result()

        def is_heard():
            self.backend.group_send("g", {"n": 1})
            return sink.contents

        self.wait_until(is_heard)
        self.assertIs(worker.stop(PATIENCE), True)

    def test_unreadable(self):
        """What was encrypted with another key is dropped, and never shown."""
        self.send("a", secret="hush")
        backend = self.make(OPTIONS={"ENCRYPTION_KEYS": KEYS[:1]})
        with self.assertLogs("django.channels", "WARNING") as logs:
            self.assertIsNone(self.receive("a", backend=backend))
        self.assertEqual(backend.dropped, {"unreadable": 1})
        self.assertNotIn("hush", "".join(logs.output))
        self.assertIn("ENCRYPTION_KEYS", "".join(logs.output))


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


class ConfigurationTests(SimpleTestCase):
    def test_invalid(self):
        for params, msg in (
            ({"LOCATION": "localhost:6379"}, "LOCATION must be a URL that begins"),
            ({"LOCATION": []}, "LOCATION must have at least one URL."),
            ({"LOCATION": ["redis://a", "redis://b"]}, "LOCATION has several URLs"),
            (
                {"OPTIONS": {"CLUSTER": True, "SENTINEL": "x"}},
                "OPTIONS can have CLUSTER or SENTINEL, not both.",
            ),
            ({"OPTIONS": {"PREFIX": "{a}"}}, "OPTIONS['PREFIX'] must be a str"),
            ({"OPTIONS": {"SHARDS": 0}}, "OPTIONS['SHARDS'] must be an int"),
            ({"OPTIONS": {"TIMEOUT": 0}}, "OPTIONS['TIMEOUT'] must be a positive"),
            ({"OPTIONS": {"LEASE": "1"}}, "OPTIONS['LEASE'] must be a positive"),
            ({"OPTIONS": []}, "OPTIONS must be a dict."),
            (
                {"OPTIONS": {"ENCRYPTION_KEYS": ["secret"]}},
                "OPTIONS['ENCRYPTION_KEYS']: each key must be one that",
            ),
            (
                {"OPTIONS": {"ENCRYPTION_KEYS": "secret"}},
                "OPTIONS['ENCRYPTION_KEYS']: must be a list of keys.",
            ),
        ):
            with self.subTest(params=params):
                with self.assertRaisesMessage(
                    InvalidChannelBackend, f"CHANNEL_BACKENDS['jobs']: {msg}"
                ) as caught:
                    RedisChannelBackend("jobs", params)
                self.assertNotIn("secret", str(caught.exception))

    def test_location_with_a_password(self):
        """It isn't shown."""
        with self.assertRaises(InvalidChannelBackend) as caught:
            RedisChannelBackend("jobs", {"LOCATION": "http://me:secret@a"})
        self.assertNotIn("secret", str(caught.exception))

    def test_unknown_options(self):
        backend = RedisChannelBackend("jobs", {"OPTIONS": {"PREFX": "a", "SHARDS": 2}})
        (warning,) = backend.check()
        self.assertEqual(warning.id, "channels.W002")
        self.assertEqual(
            warning.msg,
            "CHANNEL_BACKENDS['jobs']: OPTIONS has keys that mean nothing: 'PREFX'.",
        )
        self.assertEqual(RedisChannelBackend("jobs", {}).check(), [])

    def test_redis_is_missing(self):
        with mock.patch(
            "django.channels.backends.redis.backend.find_spec", return_value=None
        ):
            with self.assertRaisesMessage(
                InvalidChannelBackend, "pip install 'Django[redis]'"
            ):
                RedisChannelBackend("jobs", {})

    def test_cryptography_is_missing(self):
        with mock.patch.dict(sys.modules, {"cryptography.fernet": None}):
            with self.assertRaisesMessage(
                InvalidChannelBackend, "pip install 'Django[encryption]'"
            ):
                RedisChannelBackend("jobs", {"OPTIONS": {"ENCRYPTION_KEYS": KEYS}})

    @override_settings(
        CHANNEL_BACKENDS={
            "default": {
                "BACKEND": "django.channels.backends.redis.RedisChannelBackend",
                "LOCATION": "redis://127.0.0.1:1",
                "OPTIONS": {"SHARDS": 2},
            }
        }
    )
    def test_stand_in(self):
        """Tests of a project don't need its server."""
        backend = channel_backends["default"]
        self.assertIsInstance(backend, MemoryChannelBackend)
        Channel("a").send(n=1)
        self.assertMessageSent("a", n=1)


class OtherProcess:
    """A process that runs redis_process.py."""

    def __init__(self, url, role):
        self.process = Interpreter(
            [SCRIPT, url, role],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        self.lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def wait_until_ready(self):
        wait_for(lambda: "ready" in self.lines, "another process")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self._finish()

    def stop(self):
        """Let it end; return the numbers it has printed."""
        if self.process.poll() is None:
            self.process.stdin.close()
        self._finish()
        return [int(line) for line in self.lines if line.isdecimal()]

    def _finish(self):
        self.process.wait(60)
        self._reader.join()
        self.process.stdout.close()
        self.process.stdin.close()


class ProcessTests(RedisTestCase, SimpleTestCase):
    """With other processes, as a deployment has them."""

    def begin(self, role):
        process = OtherProcess(self.server.url, role)
        self.addCleanup(process.stop)
        return process

    def test_race(self):
        """Processes that race for messages handle each exactly once."""
        backend = self.make(CAPACITY=10_000)
        processes = [self.begin("race") for _ in "12"]
        for process in processes:
            process.wait_until_ready()
        client = backend.connection.client
        # All threads of both.
        self.wait_until(lambda: client.info("clients")["blocked_clients"] == 6)
        for n in range(1000):
            self.send("ab"[n % 2], backend, n=n)
        self.wait_until(lambda: sum(len(p.lines) for p in processes) == 1002)
        got = [process.stop() for process in processes]
        self.assertEqual(sorted(got[0] + got[1]), list(range(1000)))
        self.assertTrue(all(got), "One process took everything.")

    def test_killed(self):
        """Its memberships vanish, and sends go on."""
        process = self.begin("member")
        process.wait_until_ready()
        self.backend.group_send("g", {"n": 1})
        self.wait_until(lambda: "1" in process.lines)
        self.assertEqual(len(self.backend._members("g")), 1)
        process.kill()

        def is_forgotten():
            self.backend.group_send("g", {"n": 2})
            return not self.backend._members("g")

        self.wait_until(is_forgotten)
        self.assertGreaterEqual(self.backend.dropped["gone"], 1)

    def test_durable_and_killed(self):
        """
        Whatever is killed, no message is lost, and none is handled twice that
        a killed worker had not begun.
        """
        kills, messages = 2, 120
        durable = Delivery(durable=True)
        for n in range(messages):
            self.backend.add(Message("jobs", {"n": n}), durable)
        killed, living = [], [self.begin("durable") for _ in "12"]
        for i in range(1, kills + 1):
            victim = living.pop(0)
            self.wait_until(lambda: len(victim.lines) > 40 or self.is_done())
            victim.kill()
            killed.append(victim)
            living.append(self.begin("durable"))
        self.wait_until(self.is_done)
        for process in living:
            process.stop()

        def said(word, processes):
            lines = [line.split() for process in processes for line in process.lines]
            return Counter(int(line[1]) for line in lines if line[0] == word)

        self.assertEqual({*said("end", killed + living)}, {*range(messages)})
        self.assertEqual(self.backend.dead(), [])
        interrupted = Counter()
        for process in killed:
            # At most what each thread had begun: it ended one at a time.
            begun = said("begin", [process])
            acknowledged = said("end", [process])
            interrupted += begun - acknowledged
            # Its end was said, but maybe not to the backend any more.
            interrupted += Counter({n: 1 for n in [*acknowledged][-2:]})
        twice = said("begin", killed + living) - Counter(range(messages))
        self.assertEqual(twice - interrupted, Counter())

    def is_done(self):
        client = self.backend.connection.client
        return not list(client.scan_iter(match="*:jobs:job:*", count=1000))

    def test_worker(self):
        """A worker elsewhere answers, in order, on reply channels of here."""
        process = self.begin("worker")
        name, sink = self.listen()
        for n in range(1, 51):
            self.send("echo", reply_channel=name, n=n)
        numbers = [content["n"] for content in sink.wait_for(100)]
        self.assertEqual(sorted(numbers), sorted([*range(1, 51), *range(-50, 0)]))
        for n in range(1, 51):
            self.assertLess(numbers.index(n), numbers.index(-n))
        self.send("join", reply_channel=name)
        self.assertEqual(sink.wait_for(101)[-1], {"joined": True})
        self.backend.group_send("g", {"n": 0})
        self.assertEqual(sink.wait_for(102)[-1], {"n": 0})
        self.send("websocket.receive", reply_channel=name, content="x", order=7)
        self.assertEqual(
            sink.wait_for(104)[-2:], [{"content": "x"}, {"done": 7, "error": False}]
        )
        self.assertEqual(process.stop(), [])
        self.assertEqual(process.process.returncode, 0)
