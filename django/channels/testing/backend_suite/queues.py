"""Channels are queues."""

from django.channels.exceptions import ChannelFull
from django.channels.message import Message


class QueueTests:
    def test_first_in_first_out(self):
        for n in range(20):
            self.send("a", n=n)
        self.assertEqual([c["n"] for c in self.receive_all("a")], list(range(20)))

    def test_nothing_there(self):
        self.assertIsNone(self.receive("a"))
        self.assertIsNone(self.receive("a", "b"))

    def test_channels_are_apart(self):
        self.send("a", n=1)
        self.send("a.b", n=2)
        self.assertIsNone(self.receive("b"))
        self.assertEqual(self.receive("a.b"), {"n": 2})
        self.assertEqual(self.receive("a"), {"n": 1})

    def test_message(self):
        """A message knows its channel and what it was received from."""
        self.send("a", n=1)
        message = self.open("a", "b").receive(0)
        self.assertEqual(message.channel, "a")
        self.assertIs(message.backend, self.backend)

    def test_order_within_each_channel(self):
        for n in range(30):
            self.send("abc"[n % 3], channel_="abc"[n % 3], n=n)
        got = self.receive_all("a", "b", "c")
        for first, name in enumerate("abc"):
            numbers = [c["n"] for c in got if c["channel_"] == name]
            self.assertEqual(numbers, list(range(first, 30, 3)))

    def test_no_channel_starves(self):
        """A channel that is never empty holds up no other."""
        names = ("a", "b", "c")
        receiver = self.open(*names)
        for busy in names:
            with self.subTest(busy=busy):
                for _ in range(10):
                    self.send(busy)
                for name in names:
                    if name != busy:
                        self.send(name)
                seen = set()
                for _ in range(30):
                    seen.add(receiver.receive(0).channel)
                    self.send(busy)
                    if len(seen) == 3:
                        break
                self.assertEqual(seen, set(names))
                while receiver.receive(0) is not None:
                    pass

    def test_capacity(self):
        backend = self.make(CAPACITY=2)
        self.send("a", backend, n=0)
        self.send("a", backend, n=1)
        self.send("b", backend, n=2)
        msg = "The channel 'a' holds 2 messages, its capacity. Are workers running"
        with self.assertRaisesMessage(ChannelFull, msg):
            self.send("a", backend, n=3)
        self.assertEqual(backend.dropped, {"full": 1})
        self.assertEqual(self.receive("a", backend=backend), {"n": 0})
        self.send("a", backend, n=4)
        self.assertEqual(self.receive_all("a", backend=backend), [{"n": 1}, {"n": 4}])

    def test_capacity_by_pattern(self):
        backend = self.make(CAPACITY={"tiny.*": 1, "*": 50})
        self.send("tiny.a", backend)
        with self.assertRaises(ChannelFull):
            self.send("tiny.a", backend)
        for _ in range(5):
            self.send("other", backend)

    def test_expiry(self):
        backend = self.make()
        self.send("a", self.make(EXPIRY=0.1), n=1)
        self.let_pass(0.2)
        self.send("a", backend, n=2)
        with self.assertLogs("django.channels", "WARNING") as logs:
            self.assertEqual(self.receive_all("a", backend=backend), [{"n": 2}])
        self.assertEqual(backend.dropped, {"expired": 1})
        self.assertIn("Dropped 1 message(s) on channel a: expired.", logs.output[0])

    def test_expired_messages_take_no_room(self):
        backend = self.make(CAPACITY=1)
        self.send("a", self.make(EXPIRY=0.1), n=1)
        self.let_pass(0.2)
        with self.assertLogs("django.channels", "WARNING"):
            # A backend may notice when it sends or when it receives.
            try:
                self.send("a", backend, n=2)
            except ChannelFull:
                self.assertIsNone(self.receive("a", backend=backend))
                self.send("a", backend, n=2)
            self.assertEqual(self.receive("a", backend=backend), {"n": 2})
        self.assertEqual(backend.dropped["expired"], 1)

    def test_expired_message_of_a_socket(self):
        """Its edge is told, or it would wait for ever."""
        backend = self.make(EXPIRY=0.1)
        name, sink = self.listen(backend)
        self.send("websocket.receive", backend, reply_channel=name, order=3)
        self.let_pass(0.2)
        with self.assertLogs("django.channels", "WARNING"):
            self.assertIsNone(self.receive("websocket.receive", backend=backend))
        self.assertEqual(sink.wait_for(1), [{"done": 3, "error": True}])

    def test_expired_message_with_any_reply_channel(self):
        """Whoever receives goes on, even if it leads nowhere."""
        backend = self.make(EXPIRY=0.1)
        name, sink = self.listen(backend)
        values = [5, True, b"\xff", ["a"], {"a": 1}, "not a name", name.encode()]
        for value in values:
            self.send("a", backend, reply_channel=value)
        self.let_pass(0.2)
        with self.assertLogs("django.channels", "WARNING"):
            self.assertIsNone(self.receive("a", backend=backend))
        self.assertEqual(sink.wait_for(1), [{"done": None, "error": True}])
        self.assertEqual(backend.dropped, {"expired": len(values)})

    def test_flush(self):
        self.send("a")
        self.backend.group_add("g", "a")
        self.backend.flush()
        self.backend.group_send("g", {})
        self.assertIsNone(self.receive("a"))
        self.assertEqual(self.backend.dropped, {})

    async def test_async_twins(self):
        from asgiref.sync import sync_to_async

        receive = sync_to_async(self.receive, thread_sensitive=False)
        await self.backend.asend(Message("a", {"n": 1}))
        self.assertEqual(await receive("a"), {"n": 1})
        await self.backend.agroup_add("g", "a")
        await self.backend.agroup_send("g", {"n": 2})
        self.assertEqual(await receive("a"), {"n": 2})
        await self.backend.agroup_discard("g", "a")
        await self.backend.agroup_send("g", {"n": 3})
        self.assertIsNone(await receive("a"))
