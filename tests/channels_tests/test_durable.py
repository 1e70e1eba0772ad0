"""Durable channels, as a project and a worker use them."""

import asyncio
import sys
import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from enum import Enum
from io import StringIO
from unittest import mock

from asgiref.sync import async_to_sync

from django.channels import Channel, channel_backends, consumers
from django.channels.backends.durable import DeadMessage, DurableDelivery
from django.channels.checks import check_durable_channels
from django.channels.delivery import Delivery, seconds
from django.channels.exceptions import (
    BackendUnavailable,
    ChannelFull,
    InvalidChannelName,
    InvalidDelivery,
    InvalidMessage,
)
from django.channels.leases import NO_END
from django.channels.policy import Policy, exponential
from django.channels.worker import Worker
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connections, transaction
from django.db.utils import ConnectionHandler
from django.test import SimpleTestCase, TestCase, override_settings

from .running import wait_for


class SendTests(SimpleTestCase):
    def consume(self, name="jobs", **options):
        got = []

        @Channel.consumer(name, durable=True, **options)
        def consumer(n, attempt):
            got.append((n, attempt))

        return got

    def test_consumer_says_so(self):
        got = self.consume()
        self.assertIs(Channel("jobs").send(n=1), True)
        self.assertIs(self.assertMessageSent("jobs", n=1).delivery.durable, True)
        self.assertIs(self.backend.durable, True)
        self.assertEqual(self.run_messages(), 1)
        self.assertEqual(got, [(1, 1)])
        self.assertEqual(self.run_messages(), 0)

    def test_sender_says_so(self):
        Channel("elsewhere", durable=True).send(n=1)
        sent = self.assertMessageSent("elsewhere")
        self.assertEqual(sent.delivery, Delivery(durable=True))

    def test_contradiction(self):
        self.consume()

        @Channel.consumer("plain")
        def plain():
            pass

        msg = "Channel('jobs', durable=False): its consumer channels_tests.test_durable"
        with self.assertRaisesMessage(InvalidDelivery, msg):
            Channel("jobs", durable=False).send(n=1)
        msg = "says durable=False. Let both say the same, or only the consumer."
        with self.assertRaisesMessage(InvalidDelivery, msg):
            Channel("plain", durable=True).send()
        self.assertNothingSent()

    def test_channels_that_cannot_be_durable(self):
        with self.assertRaisesMessage(InvalidChannelName, "'http.request' can't be"):
            self.consume("http.request")

    def test_policy_of_a_plain_consumer(self):
        with self.assertRaisesMessage(TypeError, "retries: for durable channels only"):
            Channel.consumer("jobs", retries=3)
        # Whether it's durable or not: none has such an option.
        for durable in (False, True):
            with self.subTest(durable=durable):
                with self.assertRaisesMessage(TypeError, "keyword argument 'retry'"):
                    Channel.consumer("c", durable=durable, retry=1)

    @property
    def backend(self):
        return channel_backends["default"]

    def test_schedule(self):
        """Of both kinds; what waits for its time is neither run nor expires."""
        got = self.consume()
        plain = []

        @Channel.consumer("plain")
        def consumer(n):
            plain.append(n)

        Channel("jobs").schedule(delay=90, n=1)
        Channel("plain").schedule(delay=timedelta(seconds=90), n=2)
        at = datetime.now(timezone.utc) + timedelta(hours=1)
        Channel("plain").schedule(at=at, n=3)
        self.assertEqual(self.assertMessageSent("plain", n=2).delivery.delay, 90)
        self.assertEqual(self.run_messages(), 0)
        self.advance_time(91)
        self.assertEqual(self.run_messages(), 2)
        self.assertEqual((got, plain), ([(1, 1)], [2]))
        self.advance_time(3520)
        self.assertEqual(self.run_messages(), 1)

    async def test_async_twins(self):
        got = self.consume()
        self.assertIs(await Channel("jobs").asend(n=1), True)
        await Channel("jobs").aschedule(delay=5, n=2)
        await self.arun_messages()
        self.advance_time(5)
        await self.arun_messages()
        self.assertEqual(got, [(1, 1), (2, 1)])

    def test_content_with_the_names_of_options(self):
        Channel("a").options(delay=5).send(delay=1, at=2, priority=3)
        self.assertMessageSent("a", delay=1, at=2, priority=3)

    def test_options(self):
        got = self.consume()
        channel = Channel("jobs")
        low = channel.options(priority=-3)
        low.send(n=1)
        self.assertIs(channel.options(unique="x").send(n=2), True)
        self.assertIs(channel.options(unique="x").send(n=3), False)
        low.options(key="k").send(n=4)
        self.assertEqual(self.run_messages(), 3)
        self.assertEqual([n for n, _ in got], [2, 1, 4])

    def test_options_from_enumerations(self):
        class User(str, Enum):
            ADA = "ada"

        self.consume()
        Channel("jobs").options(unique=User.ADA, key=User.ADA).send(n=1)
        delivery = self.assertMessageSent("jobs").delivery
        self.assertEqual(f"{delivery.unique} {delivery.key}", "ada ada")

    def test_invalid_options(self):
        self.consume()
        jobs, plain = Channel("jobs"), Channel("plain")
        reply = Channel("http.reply!1")
        for channel, options, msg in (
            (jobs, {"priority": 11}, "priority must be an int from -10 to 10, not 11"),
            (jobs, {"priority": True}, "priority must be an int"),
            (jobs, {"unique": ""}, "unique must be a str of 1 to 200 characters, with"),
            (jobs, {"key": 5}, "key must be a str"),
            (jobs, {"key": "a\0"}, "no NUL and no lone surrogate."),
            (jobs, {"unique": "\ud800"}, "no NUL and no lone surrogate."),
            (plain, {"key": "a"}, "give its consumer durable=True."),
            (reply, {"delay": 5}, "is a reply channel"),
            (jobs, {"delay": -1}, "delay must be a timedelta or a number of seconds"),
            (jobs, {"delay": float("nan")}, "delay must be"),
            (jobs, {"delay": 1e14}, "and at most timedelta.max, not 100000000000000.0"),
            (jobs, {"delay": 10**400}, "and at most timedelta.max, not 1000"),
            (jobs, {"delay": 1, "at": 2}, "Give delay or at, not both."),
            (jobs, {"at": 5}, "at must be a datetime, not 5."),
        ):
            with self.subTest(options=options):
                with self.assertRaisesMessage(InvalidDelivery, msg):
                    channel.options(**options).send(n=1)
        with self.assertRaisesMessage(TypeError, "options() takes at, delay, key,"):
            jobs.options(prio=1)

    def test_at(self):
        past = datetime.now(timezone.utc) - timedelta(1)
        self.assertEqual(seconds(at=past), 0)
        with override_settings(USE_TZ=False):
            naive = datetime.now() + timedelta(seconds=100)
            self.assertAlmostEqual(seconds(at=naive), 100, delta=30)
        with override_settings(USE_TZ=True):
            with self.assertRaisesMessage(InvalidDelivery, "must be an aware"):
                seconds(at=naive)

    @override_settings(USE_TZ=False)
    def test_first_and_last_datetime(self):
        """They mean at once and never, with no time zone as well."""
        for tzinfo in (None, timezone.utc):
            with self.subTest(tzinfo=tzinfo):
                self.assertEqual(seconds(at=datetime.min.replace(tzinfo=tzinfo)), 0)
                never = seconds(at=datetime.max.replace(tzinfo=tzinfo))
                self.assertGreater(never, timedelta(365 * 1000).total_seconds())

    @override_settings(
        CHANNEL_BACKENDS={
            "default": {
                "BACKEND": "django.channels.backends.memory.MemoryChannelBackend",
                "CAPACITY": 1,
            }
        }
    )
    def test_full(self):
        self.consume()
        Channel("jobs").send(n=1)
        with self.assertRaises(ChannelFull):
            Channel("jobs").send(n=2)


class LaterDatetime(datetime):
    """Nine minutes have passed."""

    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + timedelta(minutes=9)


class CommitTests(TestCase):
    def test_commit(self):
        with self.captureOnCommitCallbacks(execute=True):
            with transaction.atomic():
                content = [1]
                Channel("a").send_on_commit(content=content)
                Channel("b", durable=True).options(priority=2).send_on_commit(n=1)
                content.append(2)
                self.assertNothingSent()
        self.assertMessageSent("a", content=[1])
        self.assertEqual(self.assertMessageSent("b").delivery.priority, 2)

    def test_at_is_the_same_time_after_the_commit(self):
        """A long transaction doesn't put it off."""
        at = LaterDatetime.now(timezone.utc) + timedelta(minutes=1)
        with self.captureOnCommitCallbacks() as callbacks:
            Channel("a").options(at=at).send_on_commit()
        with mock.patch("django.channels.delivery.datetime", LaterDatetime):
            for callback in callbacks:
                callback()
        delay = self.assertMessageSent("a").delivery.delay
        self.assertAlmostEqual(delay, 60, delta=30)

    def test_rollback(self):
        with self.captureOnCommitCallbacks(execute=True):
            with self.assertRaises(ZeroDivisionError), transaction.atomic():
                Channel("a").send_on_commit()
                1 / 0
        self.assertNothingSent()

    def test_errors_come_at_once(self):
        with self.assertRaises(InvalidMessage):
            Channel("a").send_on_commit(x=object())

    def test_failure_at_the_commit(self):
        """It isn't swallowed."""
        backend = type(channel_backends["default"])
        with mock.patch.object(backend, "send", side_effect=ChannelFull):
            with self.assertRaises(ChannelFull):
                with self.captureOnCommitCallbacks(execute=True):
                    Channel("a").send_on_commit()

    def test_without_a_database(self):
        """There is no transaction."""
        with mock.patch("django.channels.channel.connections", ConnectionHandler({})):
            Channel("a").send_on_commit(n=1)
        self.assertMessageSent("a", n=1)

    def test_only_another_database(self):
        """It's for the caller to say that its transaction is the one."""
        other = connections.settings["default"]
        handler = ConnectionHandler({"default": {}, "other": other})
        with (
            mock.patch("django.channels.channel.connections", handler),
            mock.patch("django.db.transaction.on_commit") as on_commit,
        ):
            Channel("a").send_on_commit(n=1)
        on_commit.assert_called_once()
        self.assertNothingSent("a")

    def test_async(self):
        """It's for the thread that has the transaction, and waits as well."""
        with self.captureOnCommitCallbacks(execute=True):
            async_to_sync(Channel("a").asend_on_commit)(n=1)
            self.assertNothingSent("a")
        self.assertMessageSent("a", n=1)

    async def test_async_with_any_key(self):
        """Also with those that are arguments of what calls send_on_commit()."""
        with mock.patch("django.channels.channel.connections", ConnectionHandler({})):
            await Channel("a").asend_on_commit(self=1, func=2)
        self.assertMessageSent("a", self=1, func=2)


class PolicyTests(SimpleTestCase):
    def test_invalid(self):
        for options, msg in (
            ({"retries": -1}, "retries must be an int of at least 0, not -1."),
            ({"backoff": "1"}, "backoff must be a number of seconds or a callable"),
            ({"backoff": 1e14}, "backoff must be a number of seconds or a callable"),
            ({"timeout": 0}, "timeout must be a positive number of seconds or None"),
        ):
            with self.subTest(options=options):
                with self.assertRaisesMessage(ImproperlyConfigured, msg):
                    Policy(**options)

    def test_backoff(self):
        self.assertEqual(Policy(backoff=7).delay(5, None), 7)
        self.assertIsNone(Policy(retries=2).delay(3, None))
        policy = Policy(backoff=lambda attempt, error: attempt * error)
        self.assertEqual(policy.delay(2, 30), 60)

    def test_exponential(self):
        for attempt, longest in ((1, 5), (2, 15), (3, 45), (20, 3600), (10**9, 3600)):
            delay = exponential(attempt)
            self.assertLessEqual(delay, longest)
            self.assertGreaterEqual(delay, longest / 2)


class RetryTests(SimpleTestCase):
    def test_retries(self):
        """In a test, its time is moved to the next attempt."""
        attempts = []

        @Channel.consumer("jobs", durable=True, retries=1, backoff=10)
        def consumer(attempt, **content):
            attempts.append((attempt, content))
            raise ValueError("x" * 30_000 + "secret")

        Channel("jobs").send(n=1)
        with self.assertLogs("django.channels.worker", "INFO"):
            with self.assertRaises(ValueError):
                self.run_messages()
            self.assertEqual(self.run_messages(), 0)
            self.advance_time(10)
            with self.assertRaises(ValueError):
                self.run_messages()
        content = {"n": 1, "channel": "jobs"}
        self.assertEqual(attempts, [(1, content), (2, content)])
        (dead,) = channel_backends["default"].dead()
        self.assertEqual((dead.channel, dead.content), ("jobs", {"n": 1}))
        self.assertEqual(dead.attempts, 2)
        self.assertEqual(len(dead.error), 20_000)
        self.assertIn("secret", dead.error)

    def test_exception_that_is_false(self):
        class NoItems(Exception):
            def __len__(self):
                return 0

        def plain():
            raise NoItems

        async def on_loop():
            raise NoItems

        backend = channel_backends["default"]
        for function in (plain, on_loop):
            backend.flush()
            with self.subTest(function=function), consumers.isolate():
                Channel.consumer("jobs", durable=True, retries=0)(function)
                Channel("jobs").send()
                worker = Worker(backend)
                with self.assertLogs("django.channels.worker", "ERROR") as logs:
                    worker.start()
                    try:
                        wait_for(backend.dead, "the dead message")
                    finally:
                        worker.stop(timeout=10)
                self.assertIn("raised NoItems", logs.output[0])

    def test_backoff_gives_up(self):
        """As does one that fails, or whose answer is no number of seconds."""
        for backoff in (
            lambda attempt, error: None,
            lambda attempt: 1,
            lambda attempt, error: sys.exit(),
            lambda attempt, error: timedelta(seconds=1),
            lambda attempt, error: "1",
            lambda attempt, error: float("nan"),
            lambda attempt, error: float("inf"),
        ):
            channel_backends["default"].flush()
            with self.subTest(backoff=backoff), consumers.isolate():

                @Channel.consumer("jobs", durable=True, backoff=backoff)
                def consumer():
                    raise ValueError

                Channel("jobs").send()
                with self.assertLogs("django.channels.worker", "ERROR"):
                    with self.assertRaises(ValueError):
                        self.run_messages()
            self.assertEqual(len(channel_backends["default"].dead()), 1)

    def test_content_with_the_key_attempt(self):
        got = []
        Channel.consumer("jobs", durable=True)(lambda attempt: got.append(attempt))
        Channel("jobs").send(attempt="mine")
        self.run_messages()
        self.assertEqual(got, ["mine"])

    def test_worker_was_killed_each_time(self):
        """No message can kill workers for ever."""
        Channel.consumer("jobs", durable=True, retries=1)(lambda: None)
        backend = channel_backends["default"]
        Channel("jobs").send()
        for _ in range(2):
            self.assertIsNotNone(backend.receiver(["jobs"]).receive(0))
            self.advance_time(11)
        with self.assertLogs("django.channels.worker", "ERROR"):
            self.run_messages()
        self.assertConsumed("jobs", times=0)
        (dead,) = backend.dead()
        self.assertIn("its worker was killed", dead.error)


class WorkerTests(SimpleTestCase):
    """With a real worker, on the memory backend."""

    def setUp(self):
        self.backend = channel_backends["default"]
        self.backend.message_lease = 2

    def start(self):
        worker = Worker(self.backend, channels=["jobs"])
        worker.start()
        self.addCleanup(worker.stop, 5)
        return worker

    def waiting(self):
        return self.backend.receiver(["jobs"]).receive(0)

    def consume(self):
        """Return the events that a consumer has begun, and that it may end."""
        begun, go = threading.Event(), threading.Event()
        self.addCleanup(go.set)

        @Channel.consumer("jobs", durable=True)
        def consumer():
            begun.set()
            go.wait(10)

        return begun, go

    def wait_for_renewal(self):
        (job,) = self.backend._state.jobs.leased.values()
        first = job.due
        wait_for(lambda: job.due > first, "the renewal")

    def test_acknowledged_after_the_consumer(self):
        begun, go = self.consume()
        worker = self.start()
        Channel("jobs").send()
        self.assertTrue(begun.wait(10))
        self.wait_for_renewal()
        go.set()
        wait_for(lambda: not self.backend._state.jobs, "the acknowledgement")
        worker.stop()

    def test_worker_that_is_started_again(self):
        """It renews its leases as it did the first time."""
        begun, go = self.consume()
        worker = self.start()
        worker.stop()
        worker.start()
        Channel("jobs").send()
        self.assertTrue(begun.wait(10))
        self.wait_for_renewal()
        go.set()
        worker.stop()

    def test_loop_that_can_not_run_it(self):
        """There is another attempt, and not only when the worker stops."""
        done = threading.Event()

        @Channel.consumer("jobs", durable=True, backoff=0)
        async def job(attempt):
            if attempt == 2:
                done.set()

        worker = Worker(self.backend, channels=["jobs"])
        run, failures = worker.loop.run, [RuntimeError("can't start new thread")]

        def run_or_fail(*args):
            if failures:
                raise failures.pop()
            run(*args)

        worker.loop.run = run_or_fail
        Channel("jobs").send()
        with self.assertLogs("django.channels.worker", "ERROR"):
            worker.start()
            self.addCleanup(worker.stop, 5)
            self.assertTrue(done.wait(10))

    def test_lease_without_a_worker(self):
        """Whoever does a worker's work meanwhile renews it, too."""

        Channel.consumer("jobs", durable=True)(self.wait_for_renewal)
        Channel("jobs").send()
        self.assertEqual(self.run_messages(), 1)
        self.assertFalse(self.backend._state.jobs)

    def test_stopped_worker_gives_back(self):
        begun, go = self.consume()
        worker = self.start()
        Channel("jobs").send()
        self.assertTrue(begun.wait(10))
        with self.assertLogs("django.channels.worker", "WARNING") as logs:
            self.assertIs(worker.stop(timeout=0.01), False)
            # What it says later counts no more, but is no error.
            message = self.waiting()
            self.assertEqual(message.attempt, 1)
            go.set()
            wait_for(lambda: len(logs.output) == 3, "the end of the consumer")
        abandoned, back, twice = logs.output
        self.assertIn("was abandoned before it ended", abandoned)
        self.assertIn("goes back to its queue: the worker stops", back)
        self.assertIn("may be handled twice", twice)

    def test_stopped_worker_gives_back_async(self):
        begun = threading.Event()

        @Channel.consumer("jobs", durable=True)
        async def consumer():
            begun.set()
            await asyncio.sleep(60)

        worker = self.start()
        Channel("jobs").send()
        self.assertTrue(begun.wait(10))
        with self.assertLogs("django.channels.worker", "WARNING"):
            worker.stop(timeout=0.01)
        self.assertEqual(self.waiting().attempt, 1)

    def test_stopped_by_its_consumer(self):
        """The consumer's own message is done, and stops no other worker."""

        @Channel.consumer("jobs", durable=True)
        def consumer():
            ended.append(worker.stop(timeout=10))

        ended = []
        worker = self.start()
        with self.assertNoLogs("django.channels.worker", "WARNING"):
            Channel("jobs").send()
            wait_for(lambda: not self.backend._state.jobs, "the acknowledgement")
        self.assertEqual(ended, [True])

    def test_timeout_of_async(self):
        """It's cancelled, and tried again."""
        # No lease ends meanwhile, however busy the machine is.
        self.backend.message_lease = 60
        cancelled = threading.Event()

        @Channel.consumer("jobs", durable=True, timeout=0.05, retries=0)
        async def consumer():
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                cancelled.set()
                raise

        with self.assertLogs("django.channels.worker", "ERROR"):
            self.start()
            Channel("jobs").send()
            self.assertTrue(cancelled.wait(10))
            wait_for(self.backend.dead, "the dead message")
        self.assertIn("TimeoutError", self.backend.dead()[0].error)

    def test_timeout_of_plain(self):
        """It goes on, and another worker has the message."""
        begun, go = threading.Semaphore(0), threading.Event()
        self.addCleanup(go.set)

        @Channel.consumer("jobs", durable=True, timeout=0.05)
        def consumer(attempt):
            begun.release()
            if attempt == 1:
                go.wait(10)

        with self.assertLogs("django.channels.worker", "WARNING") as logs:
            self.start()
            self.start()
            Channel("jobs").send()
            for _ in range(2):
                self.assertTrue(begun.acquire(timeout=10))
            go.set()
            wait_for(lambda: len(logs.output) >= 2, "both ends")
        self.assertIn("is over its timeout and can't be interrupted", logs.output[0])

    def test_backend_is_away_for_the_acknowledgement(self):
        """It's told again."""
        Channel.consumer("jobs", durable=True)(lambda: None)
        calls = []
        acknowledge = self.backend.acknowledge

        def fail_once(message):
            calls.append(message)
            if len(calls) == 1:
                raise BackendUnavailable
            return acknowledge(message)

        self.backend.acknowledge = fail_once
        self.start()
        Channel("jobs").send()
        wait_for(lambda: len(calls) == 2, "the second attempt")

    def test_delayed_while_the_worker_waits(self):
        ran = threading.Event()
        Channel.consumer("jobs", durable=True)(ran.set)
        self.start()
        Channel("jobs").schedule(delay=0.05)
        self.assertTrue(ran.wait(10))


class CheckTests(SimpleTestCase):
    def test_memory(self):
        self.assertEqual(check_durable_channels(), [])
        Channel.consumer("jobs", durable=True)(lambda: None)
        (warning,) = check_durable_channels()
        self.assertEqual(warning.id, "channels.W003")

    def test_sending_to_a_backend_without(self):
        backend = channel_backends["default"]
        with self.assertRaisesMessage(InvalidDelivery, "has no durable channels"):
            DurableDelivery.add(backend, None, Delivery(durable=True))

    def test_backend_without(self):
        Channel.consumer("jobs", durable=True)(lambda: None)
        with mock.patch.object(type(channel_backends["default"]), "durable", False):
            (error,) = check_durable_channels()
        self.assertEqual(error.id, "channels.E005")


DEAD = DeadMessage("1", "a", {}, 6, NO_END, 0)
IN = InvalidDelivery.__module__


class DeadLettersTests(SimpleTestCase):
    def setUp(self):
        self.backend = channel_backends["default"]
        patch = mock.patch.object(type(self.backend), "process_local", False)
        patch.start()
        self.addCleanup(patch.stop)

        @Channel.consumer(["a", "b"], durable=True, retries=0)
        def consumer(n):
            raise ValueError("quoted")

        for name in "ab":
            Channel(name).send(n=f"hush {name}")
            with self.assertLogs("django.channels.worker", "ERROR"):
                with self.assertRaises(ValueError):
                    self.run_messages()
        self.ids = [dead.id for dead in self.backend.dead()]

    def call(self, *args):
        out = StringIO()
        call_command("deadletters", *args, stdout=out)
        return out.getvalue()

    def test_list(self):
        text = self.call("list")
        first, second, summary = text.splitlines()
        self.assertRegex(
            first, rf"^{self.ids[0]}  \d{{4}}-.*Z  a  1 attempt\(s\)  ValueError$"
        )
        self.assertEqual(summary, "2 dead message(s).")
        self.assertNotIn("hush", text)
        self.assertIn("1 dead", self.call("list", "--channel", "b"))

    def test_list_shows_no_text_of_exceptions(self):
        """However many lines it has."""

        def fail(error):
            try:
                raise error
            except ValueError:
                raise

        def fail_together():
            raise ExceptionGroup("hush", [ValueError("hush"), KeyError("hush")])

        for function, reason in (
            (lambda: fail(ValueError("of\nhush\n  hush: hush")), "ValueError"),
            (lambda: fail(ValueError()), "ValueError"),
            (lambda: fail(InvalidDelivery("hush\nhush")), f"{IN}.InvalidDelivery"),
            (lambda: compile("hush hush", "hush", "exec"), "SyntaxError"),
            (lambda: fail(ValueError("\nhush" * 5000)), ""),
            (fail_together, "ExceptionGroup"),
        ):
            if function is fail_together and sys.version_info < (3, 11):
                continue
            self.backend.flush()
            with self.subTest(reason=reason), consumers.isolate():
                Channel.consumer("c", durable=True, retries=0)(function)
                Channel("c").send()
                with self.assertLogs("django.channels.worker", "ERROR"):
                    with self.assertRaises(Exception):
                        self.run_messages()
                line = self.call("list").splitlines()[0]
                self.assertEqual(line.partition("attempt(s)")[2].strip(), reason)

    def test_list_of_what_came_to_no_end(self):
        with mock.patch.object(self.backend, "dead", return_value=[DEAD]):
            line = self.call("list").splitlines()[0]
        self.assertTrue(line.endswith("No attempt came to its end"), line)

    def test_list_of_what_was_not_raised(self):
        """As where a transaction is left open: there is no traceback."""
        for error, reason in (
            (f"{IN}.InvalidDelivery: hush\nhush: hush\n", f"{IN}.InvalidDelivery"),
            ("ValueError\n", "ValueError"),
        ):
            dead = replace(DEAD, error=error)
            with mock.patch.object(self.backend, "dead", return_value=[dead]):
                line = self.call("list").splitlines()[0]
            self.assertEqual(line.partition("attempt(s)")[2].strip(), reason)

    def test_time_that_is_none(self):
        """Who can write to a server can have put any there."""
        for died in (1e30, 1e12, float("nan")):
            dead = replace(DEAD, died=died)
            with mock.patch.object(self.backend, "dead", return_value=[dead]):
                self.assertIn("unknown time", self.call("list"))

    def test_list_by_id(self):
        first, summary = self.call("list", "--id", self.ids[1]).splitlines()
        self.assertIn(self.ids[1], first)
        self.assertEqual(summary, "1 dead message(s).")

    def test_pages(self):
        for args, ids, summary in (
            (["--limit", "1"], self.ids[:1], "1 of 2 dead message(s), 1 more after"),
            (["--offset", "1"], self.ids[1:], "1 of 2 dead message(s)."),
            (["--offset", "2"], [], "0 of 2 dead message(s)."),
            (["--offset", "7"], [], "0 of 2 dead message(s)."),
            (["--offset", "7", "--channel", "c"], [], "0 dead message(s)."),
            (["--limit", "2"], self.ids, "2 dead message(s)."),
        ):
            with self.subTest(args=args):
                *lines, last = self.call("list", *args).splitlines()
                self.assertEqual([line.split()[0] for line in lines], ids)
                self.assertTrue(last.startswith(summary), last)
        with self.assertRaisesMessage(CommandError, "invalid number value: '-1'"):
            self.call("list", "--limit", "-1")

    def test_all_of_several_pages(self):
        """Each of those that are dead now, and no one twice."""
        revive = self.backend.revive

        def die_again(dead):
            number = revive(dead)
            with self.assertLogs("django.channels.worker", "ERROR"):
                with self.assertRaises(ValueError):
                    self.run_messages()
            return number

        with (
            mock.patch("django.core.management.commands.deadletters.DEAD_LIMIT", 1),
            mock.patch.object(self.backend, "revive", die_again),
        ):
            text = self.call("retry", "--all")
            self.assertEqual(text, "2 message(s) will be tried again.\n")
            self.assertEqual(self.call("purge", "--all"), "2 message(s) deleted.\n")

    def test_show(self):
        text = self.call("show", "--id", self.ids[1])
        self.assertIn("n = 'hush b'", text)
        self.assertIn('raise ValueError("quoted")', text)
        self.assertIn("Channel:   b", text)

    def test_terminal(self):
        """What others have written moves no cursor, and can be written out."""
        hostile = "\x1b]0;x\x07\x9b2J\u202e\udcff"
        dead = DeadMessage("1", hostile, {hostile: 1}, 1, f"E: {hostile}\n\nend", 0)
        with mock.patch.object(self.backend, "dead", lambda *a, **k: [dead]):
            for text in (self.call("list"), self.call("show", "--id", "1")):
                with self.subTest(text=text):
                    self.assertTrue(text.replace("\n", "").isprintable())
                    self.assertIn(ascii(hostile)[1:-1], text)
        self.assertTrue(text.endswith("    \n    end\n"))

    def test_retry(self):
        self.assertEqual(
            self.call("retry", "--id", self.ids[0]),
            "1 message(s) will be tried again.\n",
        )
        self.assertEqual(len(self.backend.dead()), 1)
        self.assertEqual(self.backend.waiting("a"), 1)

    def test_purge(self):
        self.call("purge", "--all", "--channel", "a")
        self.assertEqual([dead.channel for dead in self.backend.dead()], ["b"])
        self.assertEqual(self.call("purge", "--all"), "1 message(s) deleted.\n")

    def test_errors(self):
        for args, msg in (
            (["retry"], "retry needs either --id or --all."),
            (["purge", "--all", "--id", "1"], "purge needs either --id or --all."),
            (["show"], "show needs --id."),
            (["show", "--id", "x"], "There is no dead message with the id x."),
            (["show", "--id", "9" * 5000], "There is no dead message with the id 99"),
            (["show", "--id", "\udcff"], "There is no dead message with the id"),
            (["list", "--channel", "a b"], "'a b' is not a valid channel name"),
            (["list", "--offset", "9" * 20], "invalid number value: '999"),
            (["list", "--backend", "x"], "'x' doesn't exist"),
        ):
            with self.subTest(args=args):
                with self.assertRaisesMessage(CommandError, msg):
                    self.call(*args)

    def test_process_local(self):
        with mock.patch.object(type(self.backend), "process_local", True):
            msg = "it keeps no messages that another process could see."
            with self.assertRaisesMessage(CommandError, msg):
                self.call("list")
