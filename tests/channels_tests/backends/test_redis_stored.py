"""What is stored on the server, and for how long."""

import re
import threading
import traceback
from unittest import mock

from django.channels import Channel
from django.channels.delivery import Delivery
from django.channels.exceptions import BackendUnavailable
from django.channels.message import Message
from django.channels.worker import Worker
from django.test import SimpleTestCase

from ..running import PATIENCE
from .encryption_suite import KEYS, EncryptionTests
from .redis_case import RedisTestCase


class StoredTests(EncryptionTests, RedisTestCase, SimpleTestCase):
    """What is on the server, and what isn't left there."""

    def keys(self):
        return sorted(key.decode() for key in self.server.command("KEYS", "*"))

    def everything(self):
        read = {
            b"string": ("GET",),
            b"list": ("LRANGE", 0, -1),
            b"set": ("SMEMBERS",),
            b"zset": ("ZRANGE", 0, -1),
            b"hash": ("HGETALL",),
            b"stream": ("XRANGE", "-", "+"),
        }
        values = []
        for key in self.keys():
            command, *arguments = read[self.server.command("TYPE", key)]
            values.append(self.server.command(command, key, *arguments))
        return repr(values)

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
        self.assertEqual(self.server.command("LLEN", f"{base}:signal:a"), 1)
        got = [receiver.receive(0) for _ in range(8)]
        self.assertEqual([message is None for message in got], [False] * 7 + [True])
        self.assertEqual(self.server.command("LLEN", f"{base}:signal:a"), 0)

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
        """It's kept longer than its lease, which has the number, and goes on."""
        name, _ = self.listen()
        self.backend._inbox.stop()
        inbox, lease = self.backend.inbox_keys(self.backend.process)
        self.server.command("DEL", inbox)
        number = int(self.server.command("HGET", lease, "number"))
        self.send(name, self.make(), n=1)
        self.assertEqual(int(self.server.command("HGET", lease, "number")), number + 1)
        kept = self.server.command("PTTL", inbox)
        self.assertGreater(kept, 10_000)
        self.assertGreater(kept, self.server.command("PTTL", lease))

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

    def test_prefix_like_a_key(self):
        backend = self.make(OPTIONS={"PREFIX": "a:queue:"})
        backend.add(Message("a", {"n": 1}), Delivery(durable=True))
        self.assertEqual(self.receive("a", backend=backend), {"n": 1})

    def test_encryption(self):
        backend = self.make(OPTIONS={"ENCRYPTION_KEYS": KEYS[:1]})
        self.send("a", backend, secret="hush")
        (stored,) = self.server.command("LRANGE", "{django.channels:0}:queue:a", 0, -1)
        self.assertNotIn(b"hush", stored)
        self.assertNotIn(b"secret", stored)
        rotated = self.make(OPTIONS={"ENCRYPTION_KEYS": KEYS[::-1]})
        self.assertEqual(self.receive("a", backend=rotated), {"secret": "hush"})

    def test_error_that_repeats_what_was_sent(self):
        """What a log would show of it has no content."""
        execute = self.backend.connection.client.execute_command
        secret = "hush"
        with self.assertRaises(BackendUnavailable) as caught:
            self.backend.call(execute, "NO.SUCH.COMMAND", secret)
        shown = "".join(traceback.format_exception(caught.exception))
        self.assertEqual(shown.count("unknown command"), 2)
        self.assertNotIn("with args", shown)
        self.assertNotIn(f"'{secret}'", shown)

    def test_given_back_though_nobody_heard_of_it(self):
        """What one thread too many has taken is received once."""
        backend = self.make(OPTIONS={"SHARDS": 2})
        first, second = (
            next(n for n in "abcdefgh" if backend.shard_of(n) == i) for i in range(2)
        )
        receiver = self.open(first, second, backend=backend)
        call = self.in_thread(receiver.receive)
        # Both are at it.
        self.wait_until(
            lambda: self.server.command("INFO", "clients")["blocked_clients"] == 2
        )
        self.send(first, backend, n=1)
        self.assertEqual(call.result().content, {"n": 1})
        put_back, tried = backend.put_back, threading.Event()

        def lose(*found):
            put_back(*found)
            tried.set()
            raise BackendUnavailable("The answer is lost.")

        with mock.patch.object(backend, "put_back", lose):
            with self.assertLogs("django.channels", "WARNING") as logs:
                self.send(second, backend, n=2)
                self.assertIs(tried.wait(PATIENCE), True)
                self.wait_until(lambda: logs.output)
        self.assertEqual(backend.dropped, {"lost": 1})
        self.assertEqual(self.receive(second, backend=backend), {"n": 2})
        self.assertEqual(len(receiver._found), 0)

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

    def test_unreadable_durable_while_the_server_goes_away(self):
        """Who received it goes on, and buries it when its lease is over."""
        self.backend.add(Message("a", {"n": 1}), Delivery(durable=True))
        keys = {"ENCRYPTION_KEYS": KEYS[:1], "MESSAGE_LEASE": 0.1}
        backend = self.make(OPTIONS=keys)
        away = BackendUnavailable("It's away.")
        with self.assertLogs("django.channels", "WARNING") as logs:
            with mock.patch.object(backend, "bury", side_effect=away):
                self.assertIsNone(self.receive("a", backend=backend))
            self.let_pass(0.2)
            self.assertIsNone(self.receive("a", backend=backend))
        self.assertIn("It's away.", logs.output[1])
        self.assertEqual(backend.count_dead(), 1)

    def test_any_bytes(self):
        """What another peer has stored ends no thread that comes upon it."""
        base, durable = self.backend.base_key(0), Delivery(durable=True)
        self.backend.add(Message("a", {"n": 1}), durable)
        stream = f"{base}:stream:a/0"
        for fields in [(b"\xff" * 16 + b"{}",), (b"0" * 16 + b"{}", "key", b"\xff")]:
            self.server.command("XADD", stream, "*", "message", *fields)
        self.backend.add(Message("a", {"n": 2}), durable)
        got = [self.receive("a") for _ in range(4)]
        self.assertEqual(got, [{"n": 1}, {}, {}, {"n": 2}])
        self.assertIsNone(self.receive("a"))

    def test_any_bytes_in_a_lease(self):
        """It's the same when it comes back."""
        base, durable = self.backend.base_key(0), Delivery(durable=True)
        self.backend.add(Message("a", {"n": 1}), durable)
        fields = "message", b"0" * 16 + b"{}", "key", b"\xff"
        self.server.command("XADD", f"{base}:stream:a/0", "*", *fields)
        receiver = self.open("a")
        for message in [receiver.receive(0), receiver.receive(0)]:
            self.assertEqual(self.backend.renew([message]), [])
            self.assertIs(self.backend.acknowledge(message), True)

    def test_any_bytes_in_a_group(self):
        name, sink = self.listen()
        self.backend.group_add("g", name)
        for member in (b"\xff", b"!\xff"):
            self.server.command("HSET", "django.channels:group:g", member, b"\xff")
        self.backend.group_send("g", {"n": 1})
        self.assertEqual(sink.wait_for(1), [{"n": 1}])
        self.assertEqual(self.backend.processes_in("g"), {self.backend.process})

    def test_any_bytes_as_a_dead_message(self):
        base = self.backend.base_key(0)
        for id, *fields in [
            ("x", "channel", b"\xff"),
            ("y", "channel", "a", "died", "z"),
        ]:
            self.server.command("HSET", f"{base}:dead:{id}", "data", b"\xff", *fields)
            self.server.command("ZADD", f"{base}:dead", 1, id)
        self.backend.add(Message("a", {"n": 1}), Delivery(durable=True))
        self.backend.bury(self.open("a").receive(0), "error")
        with self.assertLogs("django.channels", "ERROR"):
            dead = self.backend.dead()
        self.assertCountEqual([each.content for each in dead], [None, None, {"n": 1}])
        self.assertEqual(self.backend.purge(dead), 3)

    def test_evicted(self):
        """What the server has thrown away holds up nothing else."""
        durable = Delivery(durable=True)
        self.backend.add(Message("a", {"n": 1}), durable)
        self.backend.add(Message("a", {"n": 2}), Delivery(durable=True, delay=0.01))
        for key in self.keys():
            if ":jobs:stream:" in key:
                self.server.command("DEL", key)
        self.backend.add(Message("a", {"n": 3}), durable)
        self.assertEqual(self.receive_all("a"), [{"n": 3}])

    def test_dead_message_evicted(self):
        """It's neither revived nor purged, and isn't the server's failure."""
        receiver = self.open("a")
        for change in self.backend.revive, self.backend.purge:
            self.backend.add(Message("a", {}), Delivery(durable=True))
            self.backend.bury(receiver.receive(0), "error")
            (dead,) = self.backend.dead()
            self.server.command("DEL", f"{self.backend.base_key(0)}:dead:{dead.id}")
            self.assertEqual(change([dead]), 0)
            self.assertIsNone(receiver.receive(0))

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
