import threading
import time
from types import SimpleNamespace
from unittest import mock

from django.channels import names
from django.channels.backends.memory import MemoryChannelBackend, MemoryState
from django.channels.backends.memory_results import MOST_LEFT
from django.channels.delivery import Delivery
from django.channels.exceptions import ChannelFull, InvalidChannelBackend
from django.channels.message import Message, SocketMessage
from django.test import SimpleTestCase


class Sink:
    def __init__(self, full=()):
        self.got = []
        self.full = full

    def deliver(self, reply_names, message):
        self.got.append((list(reply_names), message.content))
        return [name for name in reply_names if name in self.full]


class MemoryBackendTestCase(SimpleTestCase):
    def setUp(self):
        self.backend = self.make()
        self.now = 1000.0

    def make(self, **params):
        patch = mock.patch("django.channels.backends.memory._states", {})
        patch.start()
        self.addCleanup(patch.stop)
        backend = MemoryChannelBackend("default", params)
        backend.clock = lambda: self.now
        return backend

    def send(self, name, **content):
        self.backend.send(Message(name, content))

    def receive(self, *channels, timeout=0):
        receiver = self.backend.receiver(channels)
        try:
            message = receiver.receive(timeout)
            return message and message.content
        finally:
            receiver.close()


class QueueTests(MemoryBackendTestCase):
    def test_first_in_first_out(self):
        for n in range(3):
            self.send("a", n=n)
        self.assertEqual([self.receive("a")["n"] for _ in range(3)], [0, 1, 2])
        self.assertIsNone(self.receive("a"))

    def test_no_capacity_any_more(self):
        """What has expired leaves no queue behind that has nothing."""
        full = MemoryChannelBackend("other", {"CAPACITY": 0})
        full.clock = self.backend.clock
        self.send("a", n=1)
        self.now += 1000
        with self.assertLogs("django.channels", "WARNING"):
            with self.assertRaises(ChannelFull):
                full.send(Message("a", {}))
        self.assertIsNone(self.receive("a"))

    def test_oldest_of_several_channels(self):
        for n, name in enumerate("abca"):
            self.send(name, n=n)
        self.assertEqual([self.receive("c", "a")["n"] for _ in range(3)], [0, 2, 3])

    def test_empty_queues_are_freed(self):
        self.send("a", n=1)
        self.receive("a")
        self.assertEqual(self.backend._state.queues, {})
        self.assertEqual(self.backend._state.receivers, {})

    def test_channels_that_nobody_receives_from(self):
        """What has expired on them goes, as others come."""
        self.backend = self.make(EXPIRY=10)
        with self.assertLogs("django.channels", "WARNING"):
            for n in range(300):
                self.now += 1
                self.send(f"a{n}", n=n)
        queues = self.backend._state.queues
        self.assertLess(len(queues), 20)
        self.assertEqual(self.backend.dropped, {"expired": 300 - len(queues)})
        self.assertEqual(self.receive("a299"), {"n": 299})

    def test_capacity(self):
        self.backend = self.make(CAPACITY=2)
        self.send("a")
        self.send("a")
        self.send("b")
        msg = "The channel 'a' holds 2 messages, its capacity. Are workers running"
        with self.assertRaisesMessage(ChannelFull, msg):
            self.send("a")
        self.assertEqual(self.backend.waiting("a"), 2)
        self.assertEqual(self.backend.dropped, {"full": 1})
        self.receive("a")
        self.send("a")

    def test_capacity_by_channel(self):
        backend = self.make(CAPACITY={"*": 5, "task.*": 2, "django.wsgi.request": 1})
        self.assertEqual(backend.capacity_of("task.a"), 2)
        self.assertEqual(backend.capacity_of("http.request"), 1)
        self.assertEqual(backend.capacity_of("other"), 5)

    def test_expiry(self):
        self.backend = self.make(EXPIRY=10)
        self.send("a", n=1)
        self.now += 5
        self.send("a", n=2)
        self.now += 5
        with self.assertLogs("django.channels", "WARNING") as logs:
            self.assertEqual(self.receive("a"), {"n": 2})
        self.assertEqual(self.backend.dropped, {"expired": 1})
        self.assertIn("Dropped 1 message(s) on channel a: expired.", logs.output[0])

    def test_expired_messages_take_no_room(self):
        """Though nobody receives from the channel."""
        self.backend = self.make(EXPIRY=10, CAPACITY=2)
        sink = Sink()
        name = names.reply_name("http")
        self.backend.listen(name, sink)
        self.send("a", n=1, reply_channel=name)
        self.now += 5
        self.send("a", n=2)
        self.now += 5
        with self.assertLogs("django.channels", "WARNING"):
            self.send("a", n=3)
        self.assertEqual(self.backend.dropped, {"expired": 1})
        self.assertEqual(sink.got, [([name], {"done": None, "error": True})])
        with self.assertRaises(ChannelFull):
            self.send("a", n=4)
        self.assertEqual(self.receive("a"), {"n": 2})
        self.assertEqual(self.receive("a"), {"n": 3})

    def test_expired_messages_that_were_delayed(self):
        """They don't pile up where nobody receives from the channel."""
        self.backend = self.make(EXPIRY=10)
        delayed = Delivery(delay=5)
        for n in range(3):
            self.backend.add(Message("a", {"n": n}), delayed)
            self.now += 4
        self.now += 10
        with self.assertLogs("django.channels", "WARNING"):
            self.backend.add(Message("a", {"n": 3}), delayed)
        self.assertEqual(self.backend.dropped, {"expired": 2})
        self.now += 3
        self.assertEqual(self.backend.waiting("a"), 1)
        self.now += 2
        with self.assertLogs("django.channels", "WARNING"):
            self.assertEqual(self.receive("a"), {"n": 3})
        self.assertEqual(self.backend.dropped, {"expired": 3})

    def test_no_capacity(self):
        self.backend = self.make(CAPACITY=0)
        with self.assertRaises(ChannelFull):
            self.send("a")
        self.assertIsNone(self.receive("a"))

    def test_expired_message_of_a_socket(self):
        """Its edge is told, or it would wait for ever."""
        self.backend = self.make(EXPIRY=10)
        sink = Sink()
        name = names.reply_name("websocket")
        self.backend.listen(name, sink)
        self.send("websocket.receive", reply_channel=name, order=3)
        self.send("task", reply_channel=name)
        self.now += 10
        with self.assertLogs("django.channels", "WARNING"):
            self.assertIsNone(self.receive("websocket.receive", "task"))
        self.assertEqual(
            [content for _, content in sink.got],
            [{"done": 3, "error": True}, {"done": None, "error": True}],
        )

    def test_same_location_same_state(self):
        """Aliases of one LOCATION reach the same channels."""
        with mock.patch("django.channels.backends.memory._states", {}):
            first = MemoryChannelBackend("default", {})
            second = MemoryChannelBackend("other", {"LOCATION": ""})
            apart = MemoryChannelBackend("apart", {"LOCATION": "x"})
        self.assertIs(first._state, second._state)
        self.assertIsNot(first._state, apart._state)
        self.assertIsInstance(apart._state, MemoryState)

    def test_hand_over(self):
        """Capacity holds for a message that its sender takes back at once."""
        self.backend = self.make(CAPACITY=1)
        self.backend.hand_over(Message("a", {}))
        self.assertEqual(self.backend.waiting("a"), 0)
        self.send("a")
        with self.assertRaises(ChannelFull):
            self.backend.hand_over(Message("a", {}))

    def test_flush(self):
        self.send("a")
        self.backend.group_add("g", "a")
        self.backend.flush()
        self.assertIsNone(self.receive("a"))
        self.assertEqual(self.backend.members("g"), [])

    def test_invalid_settings(self):
        for params, msg in (
            ({"EXPIRY": 0}, "EXPIRY must be a positive number, not 0"),
            ({"EXPIRY": "60"}, "EXPIRY must be a positive number, not '60'"),
            ({"EXPIRY": float("nan")}, "EXPIRY must be a positive number, not nan"),
            ({"EXPIRY": float("inf")}, "EXPIRY must be at most 4294967296, not inf."),
            ({"CAPACITY": 10**30}, "CAPACITY must be an int of at least 0 and less"),
            ({"LOCATION": ["redis://a"]}, "LOCATION must be a str, not ['redis://a']"),
            ({"CAPACITY": -1}, "CAPACITY must be an int of at least 0"),
            ({"CAPACITY": {"a": None}}, "CAPACITY must be an int of at least 0"),
            ({"CAPACITY": True}, "CAPACITY must be an int of at least 0"),
            ({"OPTIONS": []}, "OPTIONS must be a dict."),
            (
                {"OPTIONS": {"MAX_MESSAGE_BYTES": 0}},
                "OPTIONS['MAX_MESSAGE_BYTES'] must be a positive number, not 0.",
            ),
        ):
            with self.subTest(params=params):
                with self.assertRaisesMessage(InvalidChannelBackend, msg) as caught:
                    MemoryChannelBackend("default", params)
                place = "CHANNEL_BACKENDS['default']: "
                self.assertTrue(str(caught.exception).startswith(place))

    async def test_async_twins(self):
        await self.backend.asend(Message("a", {"n": 1}))
        self.assertEqual(self.receive("a"), {"n": 1})
        await self.backend.agroup_add("g", "a")
        await self.backend.agroup_send("g", {"n": 2})
        self.assertEqual(self.receive("a"), {"n": 2})
        await self.backend.agroup_discard("g", "a")
        self.assertEqual(self.backend.members("g"), [])


class ReceiverTests(MemoryBackendTestCase):
    def in_thread(self, function, *args):
        result = []
        thread = threading.Thread(target=lambda: result.append(function(*args)))
        thread.start()
        return thread, result

    def wait_for_idle(self, receiver, number=1):
        """The threads are in receive(), which nothing else tells."""
        for _ in range(5000):
            with self.backend._state.lock:
                if len(receiver.idle) == number:
                    return
            time.sleep(0.001)
        self.fail("No thread began to wait.")

    def test_waits_for_a_message(self):
        receiver = self.backend.receiver(["a"])
        thread, result = self.in_thread(receiver.receive)
        self.wait_for_idle(receiver)
        self.send("b", n=0)
        self.send("a", n=1)
        thread.join(5)
        self.assertEqual(result[0].content, {"n": 1})
        receiver.close()

    def test_woken_later(self):
        """A thread that is to be woken later has its message by then."""
        receiver = self.backend.receiver(["a"])
        threads = [self.in_thread(receiver.receive) for _ in range(2)]
        self.wait_for_idle(receiver, 2)
        waiters = []
        wakeups = SimpleNamespace(add=waiters.append)
        for n in range(3):
            self.backend.send(SocketMessage("a", {"n": n}, wakeups))
        self.assertEqual([waiter.message.content["n"] for waiter in waiters], [0, 1])
        self.assertEqual([result for _, result in threads], [[], []])
        # Closing finds no thread that waits for nothing.
        receiver.close()
        for waiter in waiters:
            waiter.wake()
        for thread, _ in threads:
            thread.join(5)
        got = sorted(result[0].content["n"] for _, result in threads)
        self.assertEqual(got, [0, 1])
        self.assertEqual(self.backend.waiting("a"), 1)

    def test_woken_too_late(self):
        """A thread whose time is over before that has its message, too."""
        receiver = self.backend.receiver(["a"])
        thread, result = self.in_thread(receiver.receive, 1)
        self.wait_for_idle(receiver)
        waiters = []
        wakeups = SimpleNamespace(add=waiters.append)
        self.backend.send(SocketMessage("a", {"n": 1}, wakeups))
        thread.join(5)
        self.assertEqual(result[0].content, {"n": 1})
        waiters[0].wake()
        receiver.close()

    def test_close_ends_the_wait(self):
        receiver = self.backend.receiver(["a"])
        threads = [self.in_thread(receiver.receive) for _ in range(3)]
        self.wait_for_idle(receiver, 3)
        receiver.close()
        for thread, result in threads:
            thread.join(5)
            self.assertEqual(result, [None])
        self.send("a")
        self.assertIsNone(receiver.receive())

    def test_timeout(self):
        receiver = self.backend.receiver(["a"])
        self.assertIsNone(receiver.receive(timeout=0.01))
        self.assertEqual(receiver.idle, [])
        receiver.close()

    def test_served(self):
        receiver = self.backend.receiver(["a"])
        self.assertIs(self.backend.is_served("a"), True)
        self.assertIs(self.backend.is_served("b"), False)
        receiver.close()
        self.assertIs(self.backend.is_served("a"), False)

    def test_full_channel_with_an_idle_receiver(self):
        """Capacity bounds what waits; nothing waits here."""
        self.backend = self.make(CAPACITY=0)
        receiver = self.backend.receiver(["a"])
        thread, result = self.in_thread(receiver.receive)
        self.wait_for_idle(receiver)
        self.send("a", n=1)
        thread.join(5)
        self.assertEqual(result[0].content, {"n": 1})
        receiver.close()

    def test_race(self):
        """Each message is received once, whoever sends and receives."""
        self.backend = self.make(CAPACITY=100_000)
        got = []
        receivers = [self.backend.receiver(["a", "b"]) for _ in range(2)]

        def take(receiver):
            while (message := receiver.receive()) is not None:
                got.append(message.content["n"])

        def give(start):
            for n in range(start, start + 2000):
                self.send("ab"[n % 2], n=n)

        takers = [self.in_thread(take, r)[0] for r in receivers for _ in range(3)]
        givers = [self.in_thread(give, n * 2000)[0] for n in range(4)]
        for thread in givers:
            thread.join(30)
        for _ in range(5000):
            if len(got) >= 8000:
                break
            time.sleep(0.001)
        for receiver in receivers:
            receiver.close()
        for thread in takers:
            thread.join(5)
        self.assertEqual(sorted(got), list(range(8000)))

    def test_timeouts_lose_nothing(self):
        """A message that comes as the time ends is received all the same."""
        got = []
        receiver = self.backend.receiver(["a"])
        done = threading.Event()

        def take():
            while not done.is_set():
                message = receiver.receive(timeout=0.0001)
                if message is not None:
                    got.append(message.content["n"])

        takers = [self.in_thread(take)[0] for _ in range(2)]
        for n in range(2000):
            while True:
                try:
                    self.send("a", n=n)
                    break
                except ChannelFull:
                    time.sleep(0.001)
        for _ in range(5000):
            if len(got) >= 2000:
                break
            time.sleep(0.001)
        done.set()
        for thread in takers:
            thread.join(5)
        receiver.close()
        self.assertEqual(sorted(got), list(range(2000)))


class ReplyChannelTests(MemoryBackendTestCase):
    def setUp(self):
        super().setUp()
        self.sink = Sink()
        self.name = names.reply_name("websocket")
        self.backend.listen(self.name, self.sink)

    def test_delivered_to_the_listener(self):
        self.send(self.name, n=1)
        self.assertEqual(self.sink.got, [([self.name], {"n": 1})])
        self.assertEqual(self.backend._state.queues, {})

    def test_gone(self):
        """What comes too late is dropped and counted, and is no error."""
        self.backend.unlisten(self.name)
        self.send(self.name, n=1)
        self.assertEqual(self.sink.got, [])
        self.assertEqual(self.backend.dropped, {"gone": 1})

    def test_slow_reader(self):
        self.sink.full = [self.name]
        msg = f"The reader behind {self.name!r} is too slow"
        with self.assertRaisesMessage(ChannelFull, msg):
            self.send(self.name, n=1)
        self.assertEqual(self.backend.dropped, {"full": 1})


class GroupTests(MemoryBackendTestCase):
    def setUp(self):
        super().setUp()
        self.sink = Sink()
        self.names = [names.reply_name("websocket") for _ in range(3)]
        for name in self.names:
            self.backend.listen(name, self.sink)
            self.backend.group_add("g", name)

    def test_one_delivery_for_all_members_of_a_sink(self):
        self.backend.group_send("g", {"n": 1})
        self.assertEqual(self.sink.got, [(self.names, {"n": 1})])

    def test_queues_are_members_too(self):
        self.backend.group_add("g", "task")
        self.backend.group_send("g", {"n": 1})
        self.assertEqual(self.receive("task"), {"n": 1})

    def test_full_queue_is_passed_over(self):
        self.backend = self.make(CAPACITY=1)
        self.backend.group_add("g", "a")
        self.backend.group_add("g", "b")
        self.send("a")
        with self.assertLogs("django.channels", "WARNING"):
            self.backend.group_send("g", {"n": 1})
        self.assertEqual(self.receive("b"), {"n": 1})

    def test_slow_member_is_passed_over(self):
        self.sink.full = [self.names[1]]
        with self.assertLogs("django.channels", "WARNING"):
            self.backend.group_send("g", {"n": 1})
        self.assertEqual(self.backend.dropped, {"full": 1})

    def test_membership_ends_with_the_socket(self):
        self.backend.group_add("h", self.names[0])
        self.backend.unlisten(self.names[0])
        self.assertEqual(self.backend.members("g"), self.names[1:])
        self.assertEqual(self.backend.members("h"), [])
        self.assertNotIn("h", self.backend._state.groups)

    def test_socket_that_is_gone_cannot_join(self):
        """A slow consumer may add a socket after its end."""
        self.backend.unlisten(self.names[0])
        self.backend.group_add("g", self.names[0])
        self.assertEqual(self.backend.members("g"), self.names[1:])

    def test_discard(self):
        for name in self.names:
            self.backend.group_discard("g", name)
            self.backend.group_discard("g", name)
        self.assertEqual(self.backend._state.groups, {})
        self.assertEqual(self.backend._state.memberships, {})
        self.backend.group_discard("unknown", "a")

    def test_add_twice(self):
        self.backend.group_add("g", self.names[0])
        self.assertEqual(self.backend.members("g"), self.names)

    def test_empty_group(self):
        self.backend.group_send("unknown", {"n": 1})


class ResultTests(MemoryBackendTestCase):
    def test_what_is_gone_leaves_no_more_than_what_is_kept(self):
        for n in range(1000):
            for status in ("RUNNING", "SUCCESSFUL"):
                self.backend.store_result(f"{n}", {"status": status}, expiry=60)
            if n >= 10:
                self.backend.discard_result(f"{n}")
        results = self.backend._state.results
        self.assertEqual(len(results), 10)
        self.assertLessEqual(len(results._times), 2 * 11 + MOST_LEFT)
        self.now += 61
        self.assertIsNone(self.backend.result("0"))
        self.assertEqual((len(results), results._times), (0, []))
