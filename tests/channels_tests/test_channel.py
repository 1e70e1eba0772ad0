from asgiref.sync import async_to_sync

from django.channels import Channel, channel_backends, names
from django.channels.exceptions import (
    ChannelFull,
    InvalidChannelBackend,
    InvalidChannelName,
    InvalidDelivery,
    InvalidMessage,
    MessageTooLarge,
)
from django.channels.group import Group
from django.test import SimpleTestCase, override_settings

MEMORY = "django.channels.backends.memory.MemoryChannelBackend"


def memory(**params):
    """Return CHANNEL_BACKENDS with a backend of the test's own."""
    return {"default": {"BACKEND": MEMORY, "LOCATION": "channels_tests", **params}}


class ChannelTestCase(SimpleTestCase):
    def receive(self, *channels, alias="default"):
        receiver = channel_backends[alias].receiver(channels)
        try:
            return receiver.receive(timeout=0)
        finally:
            receiver.close()


class ChannelTests(ChannelTestCase):
    def test_send(self):
        Channel("a").send(value=3, self=4)
        message = self.receive("a")
        self.assertEqual(message.channel, "a")
        self.assertEqual(message.content, {"value": 3, "self": 4})

    async def test_asend(self):
        await Channel("a").asend(value=3)
        self.assertEqual(self.receive("a").content, {"value": 3})

    def test_send_many(self):
        Channel("a").send_many([{"n": 0}, {"n": 1}])
        Channel("a").send_many({"n": n} for n in (2, 3))
        Channel("a").send_many([])
        for n in range(4):
            self.assertEqual(self.receive("a").content, {"n": n})

    async def test_asend_many(self):
        await Channel("a").asend_many([{"n": 0}, {"n": 1}])
        await Channel("b", durable=True).asend_many([{"n": 2}])
        found = [self.receive(name) for name in ("a", "a", "b")]
        self.assertEqual([message.content["n"] for message in found], [0, 1, 2])
        self.assertIs(found[2].durable, True)

    def test_send_many_checks_first(self):
        contents = [{"n": 0}, {"n": object()}]
        with self.assertRaisesMessage(
            InvalidMessage, "Message 1, counted from 0: The message's key 'n' holds"
        ) as caught:
            Channel("a").send_many(contents)
        self.assertEqual(caught.exception.sent, 0)
        msg = "Message 0, counted from 0: send_many() takes a dict for each message"
        with self.assertRaisesMessage(InvalidMessage, f"{msg}, not str."):
            Channel("a").send_many({"n": 0})
        with self.assertRaisesMessage(InvalidMessage, "key 'channel' is taken"):
            Channel("a").send_many([{"channel": "b"}])
        msg = "unique is the name of one message: send each by send()."
        with self.assertRaisesMessage(InvalidDelivery, msg):
            Channel("a", durable=True).options(unique="u").send_many([{}])
        self.assertIsNone(self.receive("a"))

    @override_settings(CHANNEL_BACKENDS=memory(CAPACITY=2))
    def test_send_many_to_a_full_channel(self):
        for channel in (Channel("a"), Channel("b", durable=True)):
            with self.assertRaises(ChannelFull) as caught:
                channel.send_many([{"n": n} for n in range(4)])
            self.assertEqual(caught.exception.sent, 2)

    def test_values_are_copied(self):
        value = [1]
        Channel("a").send(value=value)
        value.append(2)
        self.assertEqual(self.receive("a").content, {"value": [1]})

    def test_value_that_cannot_be_sent(self):
        with self.assertRaisesMessage(InvalidMessage, "The message's key 'a' holds"):
            Channel("a").send(a=object())
        self.assertIsNone(self.receive("a"))

    def test_reserved_key(self):
        with self.assertRaisesMessage(InvalidMessage, "key 'channel' is taken"):
            Channel("a").send(channel="b")

    def test_name(self):
        with self.assertRaises(InvalidChannelName):
            Channel("a b")
        self.assertEqual(Channel("django.wsgi.request").name, names.HTTP_REQUEST)
        self.assertEqual(repr(Channel("a")), "<Channel a>")

    def test_new_name(self):
        self.assertNotEqual(Channel.new_name("a"), Channel.new_name("a"))

    @override_settings(CHANNEL_BACKENDS=memory(CAPACITY=1))
    def test_full(self):
        Channel("a").send(n=1)
        with self.assertRaises(ChannelFull):
            Channel("a").send(n=2)

    def test_too_large(self):
        """What a message may come to is bounded here as on other backends."""
        msg = "The message has 1048577 bytes; at most 1048576 are sent."
        text = "x" * (1024 * 1024 - 10)
        with self.assertRaisesMessage(MessageTooLarge, msg):
            Channel("a").send(text=text)
        with self.assertRaisesMessage(MessageTooLarge, msg):
            Channel("a", durable=True).send(text=text)
        with self.assertRaisesMessage(MessageTooLarge, msg):
            async_to_sync(Channel("a").asend)(text=text)
        with self.assertRaisesMessage(MessageTooLarge, msg):
            Channel("a").send_many([{"n": 1}, {"text": text}])
        self.assertIsNone(self.receive("a"))
        Channel("a").send(text=text[1:])
        self.assertEqual(self.receive("a").content, {"text": text[1:]})

    @override_settings(
        CHANNEL_BACKENDS={
            **memory(),
            "other": {"BACKEND": MEMORY, "LOCATION": "channels_tests.other"},
        }
    )
    def test_alias(self):
        Channel("a", alias="other").send(n=1)
        self.assertIsNone(self.receive("a"))
        self.assertEqual(self.receive("a", alias="other").content, {"n": 1})


def consume(n):
    pass


class UnservedTests(SimpleTestCase):
    """What is logged outside tests, where no worker is in the process."""

    configured_channel_backends = {"default"}

    def setUp(self):
        self.enterContext(override_settings(CHANNEL_BACKENDS=memory()))
        self.addCleanup(channel_backends["default"].flush)

    def test_unserved_channel(self):
        """Said once: under another server nobody would ever handle it."""
        name = Channel.new_name("unserved")
        Channel.consumer(name)(consume)
        with self.assertLogs("django.channels", "WARNING") as logs:
            Channel(name).send(n=1)
            Channel(name).send(n=2)
        self.assertEqual(len(logs.output), 1)
        self.assertIn(f"sent on channel {name}, and no worker", logs.output[0])
        self.assertIn("have workers for the default backend;", logs.output[0])

    def test_unserved_durable_channel(self):
        """Its messages don't expire, and the log doesn't say that they do."""
        name = Channel.new_name("unserved")
        Channel.consumer(name, durable=True)(consume)
        with self.assertLogs("django.channels", "WARNING") as logs:
            Channel(name).send(n=1)
        self.assertNotIn("expires", logs.output[0])
        self.assertIn("it waits until one is started.", logs.output[0])

    def test_no_consumer(self):
        """A worker wouldn't help: the name is misspelt, or the app isn't there."""
        for durable, fate in ((None, "it expires."), (True, "it waits until there is")):
            with self.subTest(durable=durable):
                name = Channel.new_name("unserved")
                with self.assertLogs("django.channels", "WARNING") as logs:
                    Channel(name, durable=durable).send(n=1)
                    Channel(name, durable=durable).send(n=2)
                self.assertEqual(len(logs.output), 1)
                self.assertIn(f"channel {name}, and no installed app", logs.output[0])
                self.assertIn(fate, logs.output[0])


class GroupTests(ChannelTestCase):
    def test_not_a_channel(self):
        """What has a name besides isn't taken for the channel of that name."""
        for method in (Group("g").add, Group("g").discard):
            with self.assertRaisesMessage(InvalidChannelName, "<Group a> is not a"):
                method(Group("a"))

    @override_settings(
        CHANNEL_BACKENDS={
            **memory(),
            "other": {"BACKEND": MEMORY, "LOCATION": "channels_tests.other"},
        }
    )
    def test_other_backend(self):
        """A member that no send would reach isn't taken silently."""
        for group, channel in (
            (Group("g"), Channel("a", "other")),
            (Group("g", "other"), Channel("a")),
        ):
            for method in (
                group.add,
                group.discard,
                async_to_sync(group.aadd),
                async_to_sync(group.adiscard),
            ):
                with self.subTest(group=group.alias, method=method):
                    with self.assertRaisesMessage(
                        InvalidDelivery,
                        f"<Channel a> is on the backend {channel.alias!r} and "
                        f"<Group g> on {group.alias!r}",
                    ):
                        method(channel)

    def test_send(self):
        group = Group("g")
        group.add("a")
        group.add(Channel("b"))
        group.send(n=1)
        self.assertEqual(self.receive("a").content, {"n": 1})
        self.assertEqual(self.receive("b").content, {"n": 1})
        group.discard(Channel("a"))
        group.send(n=2)
        self.assertIsNone(self.receive("a"))

    async def test_async(self):
        group = Group("g")
        await group.aadd("a")
        await group.asend(n=1)
        self.assertEqual(self.receive("a").content, {"n": 1})
        await group.adiscard("a")
        await group.asend(n=2)
        self.assertIsNone(self.receive("a"))

    def test_invalid(self):
        with self.assertRaisesMessage(InvalidChannelName, "'' is not a valid group"):
            Group("")
        with self.assertRaises(InvalidMessage):
            Group("g").send(n=object())
        with self.assertRaisesMessage(InvalidMessage, "key 'channel' is taken"):
            Group("g").send(channel="a")
        with self.assertRaisesMessage(InvalidChannelName, "not a valid group name"):
            Group("a!b")
        self.assertEqual(repr(Group("g")), "<Group g>")

    def test_too_large(self):
        Group("g").add("a")
        with self.assertRaises(MessageTooLarge):
            Group("g").send(content=b"x" * 1024 * 1024)
        with self.assertRaises(MessageTooLarge):
            async_to_sync(Group("g").asend)(content=b"x" * 1024 * 1024)
        self.assertIsNone(self.receive("a"))


class ChannelBackendsTests(SimpleTestCase):
    def test_default(self):
        """Channels work with no setting at all."""
        self.assertIs(channel_backends["default"].process_local, True)

    @override_settings(CHANNEL_BACKENDS={"default": {"BACKEND": "no.such.Backend"}})
    def test_unknown_backend(self):
        msg = "CHANNEL_BACKENDS['default']: could not find the backend 'no.such.Bac"
        with self.assertRaisesMessage(InvalidChannelBackend, msg):
            channel_backends["default"]

    @override_settings(CHANNEL_BACKENDS={"default": {}})
    def test_no_backend(self):
        msg = "CHANNEL_BACKENDS['default']: must be a dict with the key 'BACKEND'"
        with self.assertRaisesMessage(InvalidChannelBackend, msg):
            channel_backends["default"]

    def test_unknown_alias(self):
        with self.assertRaisesMessage(InvalidChannelBackend, "'other'"):
            channel_backends["other"]

    def test_setting_is_read_again(self):
        with override_settings(CHANNEL_BACKENDS=memory(EXPIRY=5)):
            self.assertEqual(channel_backends["default"].expiry, 5)
        self.assertEqual(channel_backends["default"].expiry, 60)
