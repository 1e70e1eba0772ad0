"""Reply channels lead to whoever listens."""

from django.channels import names
from django.channels.exceptions import ChannelFull
from django.channels.message import Message

from .case import Sink


class ReplyChannelTests:
    def test_reply_names(self):
        """They are valid, recognised, and never the same."""
        for kind in ("http", "websocket"):
            name, other = (self.backend.reply_name(kind) for _ in "12")
            self.assertEqual(names.validate(name), name)
            self.assertTrue(names.is_reply(name))
            self.assertTrue(name.startswith(f"{kind}.reply"))
            self.assertNotEqual(name, other)

    def test_delivered_to_the_listener(self):
        name, sink = self.listen()
        other, other_sink = self.listen()
        self.send(name, n=1)
        sink.wait_for(1)
        self.assertEqual(sink.got, [([name], {"n": 1})])
        self.assertEqual(other_sink.got, [])

    def test_order(self):
        name, sink = self.listen()
        for n in range(200):
            self.send(name, n=n)
        self.assertEqual([c["n"] for c in sink.wait_for(200)], list(range(200)))

    def test_soon(self):
        """It's sent now; whether it was is known when the thread settles up."""
        name, sink = self.listen()
        slow = Sink()
        full, _ = self.listen(sink=slow)
        slow.full = [full]
        gone = self.backend.reply_name("http")
        errors = []
        for to in (name, full, gone):
            self.backend.send_soon(Message(to, {"n": 1}), errors.append)
        self.assertEqual(sink.wait_for(1), [{"n": 1}])
        self.backend.settle_up()
        self.assertEqual(
            [type(e) for e in errors], [type(None), ChannelFull, type(None)]
        )
        self.assertEqual(self.backend.dropped, {"full": 1, "gone": 1})

    def test_gone(self):
        """What comes too late is dropped and counted, and is no error."""
        name, sink = self.listen()
        self.backend.unlisten(name)
        self.send(name, n=1)
        self.assertEqual(sink.got, [])
        self.assertEqual(self.backend.dropped, {"gone": 1})
        self.backend.unlisten(name)

    def test_never_listened_to(self):
        for name in (self.backend.reply_name("http"), "http.reply!x", "a!b"):
            self.send(name, n=1)
        self.assertEqual(self.backend.dropped, {"gone": 3})

    def test_slow_reader(self):
        sink = Sink()
        name, _ = self.listen(sink=sink)
        sink.full = [name]
        with self.assertRaisesMessage(
            ChannelFull, f"The reader behind {name!r} is too slow"
        ):
            self.send(name, n=1)
        self.assertEqual(self.backend.dropped, {"full": 1})

    def test_listen_again(self):
        name, sink = self.listen()
        self.backend.unlisten(name)
        self.backend.listen(name, sink)
        self.send(name, n=1)
        self.assertEqual(sink.wait_for(1), [{"n": 1}])

    async def test_async_send(self):
        name, sink = self.listen()
        await self.backend.asend(Message(name, {"n": 1}))
        self.assertEqual(sink.wait_for(1), [{"n": 1}])
