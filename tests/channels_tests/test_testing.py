import unittest
from unittest import mock

from asgiref.sync import sync_to_async

from django.channels import Channel, Group, channel_backends, consumers
from django.channels.backends.base import BaseChannelBackend
from django.channels.backends.memory import MemoryChannelBackend
from django.channels.exceptions import (
    InvalidChannelBackend,
    InvalidChannelName,
    InvalidMessage,
)
from django.channels.testing import isolation, stand_ins
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import SimpleTestCase, TestCase, override_settings
from django.test.channels import SentMessage

from .test_channel import MEMORY, memory


class SharedBackend(BaseChannelBackend):
    """One of the settings that a test must not reach."""

    def send(self, message):
        raise AssertionError("The configured backend was used.")


class AnyMemoryBackend(MemoryChannelBackend):
    process_local = False


SHARED = {
    "default": {
        "BACKEND": f"{__name__}.SharedBackend",
        "LOCATION": ["a", "b"],
        "CAPACITY": 2,
    }
}


def double(n):
    Channel("doubled").send(n=2 * n)


async def adouble(n):
    await Channel("doubled").asend(n=2 * n)


def run(function, **attributes):
    """Run ``function`` as the test of a class with these attributes."""
    case = type("Case", (SimpleTestCase,), {"test": function, **attributes})
    result = unittest.TestResult()
    unittest.TestSuite([case("test")]).run(result)
    return result


class IsolationTests(SimpleTestCase):
    def assertSuccess(self, result):
        self.assertTrue(result.wasSuccessful(), result.errors + result.failures)

    def test_each_test_has_its_own(self):
        """Messages, groups and what was recorded end with the test."""

        def test(self):
            self.assertNothingSent()
            self.assertEqual(channel_backends["default"].waiting("a"), 0)
            self.assertEqual(channel_backends["default"].members("g"), [])
            Channel("a").send(n=1)
            Group("g").add("a")
            self.assertEqual(channel_backends["default"].waiting("a"), 1)

        Channel("a").send(n=1)
        for _ in range(2):
            self.assertSuccess(run(test))
        self.assertEqual(channel_backends["default"].waiting("a"), 1)
        self.assertEqual(channel_backends["default"].members("g"), [])
        self.assertMessageSent("a", n=1)

    def test_restored_after_an_error(self):
        def test(self):
            Channel("a").send(n=1)
            raise ValueError

        self.assertEqual(len(run(test).errors), 1)
        self.assertNothingSent()
        self.assertEqual(channel_backends["default"].waiting("a"), 0)

    def test_restored_after_debug(self):
        class Case(SimpleTestCase):
            def test(self):
                Channel("a").send(n=1)

        Case("test").debug()
        self.assertNothingSent()

    def test_test_that_requests_only(self):
        """It uses no channel that anybody sees, so nothing is made anew."""
        with self.settings(ROOT_URLCONF="channels_tests.urls"):
            self.client.get("/")
            backend = channel_backends["default"]

            def test(self):
                self.client.get("/")

            self.assertSuccess(run(test))
            self.assertIs(channel_backends["default"], backend)

    def test_consumers(self):
        """A test's own are gone afterward, those that it replaced are back."""
        consumers.register("a", double)

        def test(self):
            consumers.register("b", double)
            consumers.register("a", double)

        self.assertSuccess(run(test))
        self.assertIsNone(consumers.get("b"))
        self.assertIs(consumers.get("a").function, double)

    def test_consumers_of_an_imported_module_stay(self):
        """It won't be imported again for the next test."""
        code = "from django.channels import Channel\n"
        code += "@Channel.consumer('channels_tests.imported')\n"
        code += "def consume(): pass\n"
        importing = {"__name__": "imported", "__spec__": mock.Mock(_initializing=True)}

        def test(self):
            exec(compile(code, "imported.py", "exec"), importing)

        self.assertSuccess(run(test))
        self.assertIsNotNone(consumers.get("channels_tests.imported"))
        del consumers._lasting["channels_tests.imported"]

    @override_settings(CHANNEL_BACKENDS=SHARED)
    def test_shared_backend_is_replaced(self):
        """Its EXPIRY and CAPACITY hold."""
        backend = channel_backends["default"]
        self.assertIsInstance(backend, MemoryChannelBackend)
        self.assertIs(backend.process_local, True)
        self.assertEqual(backend.capacity_of("a"), 2)
        Channel("a").send(n=1)
        self.assertMessageSent("a", n=1)

    @override_settings(CHANNEL_BACKENDS=SHARED)
    def test_configured_backend(self):
        """A test class can ask for what is configured."""

        def test(self):
            self.assertIs(type(channel_backends["default"]), SharedBackend)

        for aliases in ({"default"}, "__all__"):
            with self.subTest(aliases=aliases):
                self.assertSuccess(run(test, configured_channel_backends=aliases))
        self.assertIsInstance(channel_backends["default"], MemoryChannelBackend)

    @override_settings(
        CHANNEL_BACKENDS={"default": {"BACKEND": f"{__name__}.AnyMemoryBackend"}}
    )
    def test_memory_backend_keeps_its_class(self):
        self.assertIsInstance(channel_backends["default"], AnyMemoryBackend)
        self.assertIs(channel_backends["default"].process_local, False)

    def test_override_settings_in_a_test(self):
        Channel("a").send(n=1)
        with self.settings(CHANNEL_BACKENDS=memory(EXPIRY=5)):
            self.assertEqual(channel_backends["default"].expiry, 5)
            self.assertEqual(channel_backends["default"].waiting("a"), 0)
        self.assertEqual(channel_backends["default"].waiting("a"), 1)
        with self.settings(CHANNEL_BACKENDS={"default": {"BACKEND": "no.such"}}):
            with self.assertRaises(InvalidChannelBackend):
                channel_backends["default"]

    @override_settings(
        CHANNEL_BACKENDS={
            **memory(),
            "other": {"BACKEND": MEMORY, "LOCATION": "elsewhere"},
        }
    )
    def test_every_alias(self):
        Channel("a", alias="other").send(n=1)
        self.assertEqual(self.assertMessageSent("a", n=1).alias, "other")
        self.assertEqual(channel_backends["default"].waiting("a"), 0)

    def test_outside_of_tests(self):
        """The stand-ins are gone when no test runs."""
        with mock.patch.object(isolation, "current", None):
            isolation.begin()
            channel_backends["default"]
            isolation.end()
            self.assertIsNone(channel_backends.stand_in)
            backend = channel_backends["default"]
            self.assertIs(type(backend), MemoryChannelBackend)
        channel_backends.stand_in = stand_ins.stand_in
        channel_backends.forget()

    def test_class_set_up(self):
        """What a class sends in its set-up reaches none of its tests."""

        class Case(SimpleTestCase):
            @classmethod
            def setUpClass(cls):
                super().setUpClass()
                Channel("a").send(n=1)

            def test(self):
                self.assertNothingSent()
                self.assertEqual(channel_backends["default"].waiting("a"), 0)

        result = unittest.TestResult()
        unittest.TestSuite([Case("test"), Case("test")]).run(result)
        self.assertSuccess(result)


class AssertionTests(SimpleTestCase):
    def test_message_sent(self):
        Channel("a").send(n=1, m=[2])
        sent = self.assertMessageSent("a", n=1)
        self.assertIsInstance(sent, SentMessage)
        self.assertEqual(sent.content, {"n": 1, "m": [2]})
        self.assertMessageSent(Channel("a"))
        self.assertEqual(repr(sent), "<SentMessage on channel 'a': {'n': 1, 'm': [2]}>")

    async def test_asend(self):
        await Channel("a").asend(n=1)
        await Group("g").asend(n=2)
        self.assertMessageSent("a", n=1)
        self.assertGroupSent("g", n=2)

    def test_many(self):
        """What is sent at once is written down one by one."""
        Channel("a").send_many([{"n": 1}, {"n": 2}])
        Channel("b", durable=True).send_many([{"n": 3}])
        for channel, n in (("a", 1), ("a", 2), ("b", 3)):
            self.assertMessageSent(channel, n=n)

    def test_other_content(self):
        Channel("a").send(n=1, m=2)
        Channel("a").send(n=3)
        msg = (
            "None of the 2 message(s) on the channel 'a' has that content. The "
            "nearest differs:\n"
            "  n: 1, expected 5\n"
            "All of them:\n"
            "  1. <SentMessage on channel 'a': {'n': 1, 'm': 2}>\n"
            "  2. <SentMessage on channel 'a': {'n': 3}>"
        )
        with self.assertRaisesMessage(AssertionError, msg):
            self.assertMessageSent("a", n=5, m=2)
        with self.assertRaisesMessage(AssertionError, "  x: not there, expected 1"):
            self.assertMessageSent("a", x=1)

    def test_none_sent(self):
        with self.assertRaisesMessage(AssertionError, "sent on the channel 'a'."):
            self.assertMessageSent("a")
        Channel("b").send(n=1)
        Group("g").send(n=1)
        msg = "channel 'a'. Messages were sent on: 'b' (1), group 'g' (1)."
        with self.assertRaisesMessage(AssertionError, msg):
            self.assertMessageSent("a")
        with self.assertRaisesMessage(AssertionError, "sent on the group 'a'."):
            self.assertGroupSent(Group("a"))

    def test_nothing_sent(self):
        self.assertNothingSent()
        Channel("a").send(n=1)
        self.assertNothingSent("b")
        self.assertNothingSent(Channel("b"))
        msg = "1 message(s) unexpectedly sent on the channel 'a':\n  1. <SentMessage on"
        with self.assertRaisesMessage(AssertionError, msg):
            self.assertNothingSent("a")
        with self.assertRaisesMessage(AssertionError, "unexpectedly sent:"):
            self.assertNothingSent()

    def test_message_that_was_not_sent(self):
        with self.assertRaisesMessage(InvalidMessage, "key 'n' holds a value of type"):
            Channel("a").send(n=object())
        self.assertNothingSent()

    def test_consumer_as_a_function(self):
        """Without a worker, a registry, or anybody behind the reply channel."""

        @Channel.consumer("websocket.receive")
        def echo(reply_channel, content):
            Channel(reply_channel).send(content=content)

        echo(reply_channel="websocket.reply!0", content="hello")
        self.assertMessageSent("websocket.reply!0", content="hello")

    def test_values_are_those_sent(self):
        value = [1]
        Channel("a").send(value=value)
        value.append(2)
        self.assertMessageSent("a", value=[1])

    def test_consumed(self):
        consumers.register("a", double)
        self.assertConsumed("a", times=0)
        Channel("a").send(n=1)
        self.run_messages("a")
        self.assertConsumed("a")
        self.assertConsumed(Channel("a"), times=1)
        msg = "The consumer of 'a' ran 1 time(s), not 2 time(s). Others that ran: none."
        with self.assertRaisesMessage(AssertionError, msg):
            self.assertConsumed("a", times=2)
        msg = "'b' ran 0 time(s), not at least once. Others that ran: 'a' 1."
        with self.assertRaisesMessage(AssertionError, msg):
            self.assertConsumed("b")

    def test_names(self):
        """Those of channels 0.1 are understood; what can't be a name is an error."""
        consumers.register("websocket.receive", lambda: None)
        Channel("django.websocket.receive").send()
        self.assertEqual(self.run_messages(), 1)
        self.assertConsumed("django.websocket.receive", times=1)
        for method in (
            self.assertMessageSent,
            self.assertNothingSent,
            self.assertConsumed,
        ):
            with self.assertRaises(InvalidChannelName):
                method("a b")

    def test_capture(self):
        Channel("a").send(n=1)
        with self.captureMessages() as messages:
            self.assertEqual(messages, [])
            Channel("a").send(n=2)
            Group("g").send(n=3)
        Channel("a").send(n=4)
        self.assertEqual(
            [(m.channel, m.group, m.content) for m in messages],
            [("a", None, {"n": 2}), (None, "g", {"n": 3})],
        )

    @override_settings(ROOT_URLCONF="channels_tests.urls")
    def test_forwarded_request(self):
        @Channel.consumer("channels_tests.plain")
        def plain(reply_channel, **content):
            Channel(reply_channel).send(content="x")

        self.client.get("/plain/4/")
        self.assertMessageSent("channels_tests.plain", path="/plain/4/")
        self.client.get("/")
        self.assertNothingSent("http.request")


class RunTests(SimpleTestCase):
    def setUp(self):
        self.values = []
        consumers.register("doubled", self.values_append)

    def values_append(self, n):
        self.values.append(n)

    def test_run(self):
        """In order, with what they lead to; plain and async ones."""
        consumers.register("a", double)
        consumers.register("b", adouble)
        Channel("b").send(n=1)
        Channel("a").send(n=2)
        self.assertEqual(self.run_messages(), 4)
        self.assertEqual(self.values, [2, 4])
        self.assertEqual(self.run_messages(), 0)

    async def test_arun(self):
        consumers.register("a", double)
        consumers.register("b", adouble)
        await Channel("b").asend(n=1)
        await Channel("a").asend(n=2)
        self.assertEqual(await self.arun_messages(), 4)
        self.assertEqual(self.values, [2, 4])

    def test_run_some(self):
        consumers.register("a", double)
        Channel("a").send(n=2)
        self.assertEqual(self.run_messages("a"), 1)
        self.assertEqual(self.values, [])
        self.assertEqual(self.run_messages(Channel("doubled")), 1)

    def test_no_consumer(self):
        consumers.register("a", double)
        Channel("aa").send(n=1)
        msg = "1 message(s) wait on the channel 'aa', which has no consumer."
        with self.assertRaisesMessage(AssertionError, msg):
            self.run_messages()

    def test_error(self):
        @Channel.consumer("a")
        def fail():
            raise ValueError("why")

        Channel("a").send()
        with self.assertLogs("django.channels.worker", "ERROR"):
            with self.assertRaisesMessage(ValueError, "why"):
                self.run_messages()
        self.assertConsumed("a", times=1)

    def test_endless(self):
        @Channel.consumer("a")
        def again():
            Channel("a").send()

        Channel("a").send()
        msg = "1000 were run, the last one on the channel 'a'."
        with self.assertRaisesMessage(AssertionError, msg):
            self.run_messages()

    async def test_endless_when_sent(self):
        @Channel.consumer("a")
        async def again():
            await Channel("a").asend()

        msg = "1000 were run, the last one on the channel 'a'."
        with self.runMessages():
            with self.assertRaisesMessage(AssertionError, msg):
                await Channel("a").asend()
            with self.assertRaisesMessage(AssertionError, msg):
                await sync_to_async(Channel("a").send)()

    def test_when_sent(self):
        """A consumer's own come after it."""

        @Channel.consumer("a")
        def consume(n):
            Channel("doubled").send(n=n)
            self.values.append("first")

        with self.runMessages():
            Channel("a").send(n=2)
            self.assertEqual(self.values, ["first", 2])
            Channel("unknown").send()
            with self.assertRaisesMessage(AssertionError, "'unknown', which has no"):
                self.run_messages()
            self.run_messages("doubled")
            channel_backends["default"].flush()
        Channel("a").send(n=2)
        self.assertEqual(self.values, ["first", 2])

    async def test_when_sent_async(self):
        consumers.register("a", double)
        consumers.register("b", adouble)
        with self.runMessages():
            await Channel("b").asend(n=1)
            await Channel("a").asend(n=2)
            self.assertEqual(self.values, [2, 4])

    def test_no_warning(self):
        """That no worker in the process would run it means nothing here."""
        # It's said once per channel.
        name, other = Channel.new_name("a"), Channel.new_name("b")
        consumers.register([name, other], self.values_append)
        with self.assertNoLogs("django.channels", "WARNING"):
            Channel(name).send(n=1)
            self.run_messages()
            with self.runMessages():
                Channel(other).send(n=2)
        self.assertEqual(self.values, [1, 2])

    def test_class_attribute(self):
        values = []

        def test(self):
            Channel.consumer("a")(lambda n: values.append(n))
            Channel("a").send(n=1)
            self.assertEqual(values, [1])

        result = run(test, run_messages_when_sent=True)
        self.assertTrue(result.wasSuccessful(), result.errors)

    def test_time(self):
        consumers.register("a", double)
        Channel("a").send(n=1)
        self.advance_time(59)
        Channel("a").send(n=2)
        self.advance_time(2)
        with self.assertLogs("django.channels", "WARNING"):
            self.run_messages()
        self.assertEqual(self.values, [4])


class DatabaseTests(TestCase):
    def test_transaction(self):
        """Consumers see what the test has written, and are rolled back."""

        @Channel.consumer("notes")
        def write(text):
            self.assertIs(connection.in_atomic_block, True)
            self.assertTrue(User.objects.filter(username="before").exists())
            User.objects.create(username=text)

        User.objects.create(username="before")
        Channel("notes").send(text="after")
        self.run_messages()
        self.assertEqual(User.objects.count(), 2)

    async def test_transaction_async(self):
        @Channel.consumer("notes")
        async def write(text):
            await User.objects.acreate(username=text)

        await Channel("notes").asend(text="x")
        await self.arun_messages()
        self.assertEqual(await User.objects.acount(), 1)

    def test_rolled_back(self):
        self.assertEqual(User.objects.count(), 0)

    def test_on_commit(self):
        with self.captureOnCommitCallbacks(execute=True):
            transaction.on_commit(lambda: Channel("a").send(n=1))
            self.assertNothingSent()
        self.assertMessageSent("a", n=1)

    def test_no_commit(self):
        """What wasn't sent since nothing is committed here, isn't a riddle."""
        Channel("a").send_on_commit(n=1)
        with self.assertRaisesMessage(AssertionError, "captureOnCommitCallbacks(exec"):
            self.assertMessageSent("a", n=1)
