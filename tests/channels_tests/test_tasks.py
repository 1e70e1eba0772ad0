"""The backend of the task API, on either package that has the API."""

import sys
from asyncio import CancelledError
from datetime import datetime, timedelta, timezone
from unittest import mock, skipIf

from django.channels import Channel, channel_backends, consumers
from django.channels.backends.durable import DurableDelivery
from django.channels.backends.memory import MemoryChannelBackend
from django.channels.backends.serializer import Serializer
from django.channels.checks import check_durable_channels, check_tasks
from django.channels.exceptions import (
    BackendUnavailable,
    ChannelFull,
    InvalidDelivery,
    MessageTooLarge,
    WorkerLost,
)
from django.channels.tasks import ChannelsBackend, api
from django.channels.tasks import backend as backend_module
from django.channels.tasks import queues
from django.channels.tasks.backend import channel_priority
from django.channels.tasks.consumer import ATTEMPTS, start
from django.channels.worker import Worker
from django.core.exceptions import ImproperlyConfigured
from django.dispatch import Signal
from django.test import SimpleTestCase, TestCase, override_settings

from . import tasks
from .running import printed_by, wait_for

PATH = "django.channels.tasks.ChannelsBackend"
ADD = tasks.add
LOGGER = api.PACKAGE


def configure(**aliases):
    """Return a decorator: these aliases have this backend, with these keys."""
    return override_settings(
        TASKS={alias: {"BACKEND": PATH, **keys} for alias, keys in aliases.items()}
    )


@configure(default={"QUEUES": ["default", "mail"]})
class TasksTestCase(SimpleTestCase):
    def setUp(self):
        tasks.calls.clear()

    @property
    def backend(self):
        return api.task_backends["default"]

    @property
    def carrier(self):
        return channel_backends["default"]

    def kill_worker(self, channel="tasks.default"):
        """Let a worker receive a message, and end with no word."""
        self.assertIsNotNone(self.carrier.receiver([channel]).receive(0))
        self.advance_time(self.carrier.message_lease + 1)


class EnqueueTests(TasksTestCase):
    def test_ready(self):
        result = tasks.add.enqueue(1, b=2)
        self.assertEqual(result.status, "READY")
        self.assertEqual((result.args, result.kwargs), ([1], {"b": 2}))
        self.assertEqual((result.backend, result.attempts), ("default", 0))
        self.assertIsNotNone(result.enqueued_at)
        self.assertIsNone(result.started_at)
        self.assertEqual(tasks.add.get_result(result.id), result)
        sent = self.assertMessageSent("tasks.default")
        self.assertIs(sent.delivery.durable, True)
        self.assertEqual(tasks.calls, [])

    def test_run(self):
        result = tasks.add.enqueue(1, b=2)
        self.assertEqual(self.run_messages(), 1)
        self.assertEqual(tasks.calls, [(1, 2)])
        self.assertEqual(result.status, "READY")
        result.refresh()
        self.assertEqual(result.status, "SUCCESSFUL")
        self.assertEqual(result.return_value, {"sum": 3})
        self.assertEqual((result.attempts, result.errors), (1, []))
        times = [result.enqueued_at, result.started_at, result.finished_at]
        self.assertEqual(times, sorted(times))
        self.assertEqual(result.last_attempted_at, result.started_at)
        self.assertEqual(self.run_messages(), 0)

    async def test_async(self):
        results = [await t.aenqueue(1, b=2) for t in (tasks.add, tasks.aadd)]
        await self.arun_messages()
        for result in results:
            await result.arefresh()
            self.assertEqual(result.return_value, {"sum": 3})
            again = await result.task.aget_result(result.id)
            self.assertEqual(again, result)

    def test_async_task_for_a_plain_caller(self):
        result = tasks.aadd.enqueue(1, b=2)
        self.run_messages()
        result.refresh()
        self.assertEqual(result.return_value, {"sum": 3})

    def test_queues(self):
        result = tasks.add.using(queue_name="mail").enqueue(1)
        self.assertMessageSent("tasks.mail")
        self.assertEqual(self.run_messages("tasks.default"), 0)
        self.assertEqual(self.run_messages("tasks.mail"), 1)
        result.refresh()
        self.assertEqual(result.task.queue_name, "mail")
        with self.assertRaises(api.InvalidTask):
            tasks.add.using(queue_name="letters")

    def test_priority(self):
        for n, priority in enumerate([0, 1, 100, -1, -100, 25]):
            tasks.add.using(priority=priority).enqueue(n)
        self.run_messages()
        self.assertEqual([a for a, _ in tasks.calls], [2, 5, 1, 0, 3, 4])

    def test_channel_priority(self):
        for priority, expected in (
            (0, 0),
            (1, 1),
            (10, 1),
            (11, 2),
            (100, 10),
            (-1, -1),
            (-10, -1),
            (-11, -2),
            (-100, -10),
            (3.0, 1),
        ):
            with self.subTest(priority=priority):
                self.assertEqual(channel_priority(priority), expected)

    def test_run_after(self):
        at = datetime.now(timezone.utc) + timedelta(days=20)
        with override_settings(USE_TZ=True):
            result = tasks.add.using(run_after=at).enqueue(1)
            self.assertEqual(self.run_messages(), 0)
            self.advance_time(20 * 24 * 60 * 60 - 60)
            self.assertEqual(self.run_messages(), 0)
            # It's there longer than one that has finished.
            result.refresh()
            self.assertEqual(result.task.run_after, at)
            self.advance_time(60)
            self.assertEqual(self.run_messages(), 1)
            result.refresh()
            self.assertEqual(result.status, "SUCCESSFUL")

    def test_naive_run_after(self):
        with override_settings(USE_TZ=False):
            at = datetime.now() + timedelta(minutes=20)
            result = tasks.add.using(run_after=at).enqueue(1)
            self.assertEqual(self.run_messages(), 0)
            self.advance_time(20 * 60)
            self.assertEqual(self.run_messages(), 1)
            result.refresh()
            self.assertEqual(result.task.run_after, at)

    def test_arguments_are_those_of_json(self):
        result = tasks.look.enqueue({1: ("x", None)})
        self.assertEqual(result.args, [{"1": ["x", None]}])
        self.run_messages()
        result.refresh()
        self.assertEqual(
            result.return_value, [result.id, 1, "RUNNING", {"1": ["x", None]}]
        )
        with self.assertRaisesMessage(TypeError, "Unsupported type"):
            tasks.add.enqueue(datetime.now())
        self.assertEqual(self.run_messages(), 0)

    def test_full(self):
        """Nothing is enqueued then, and no result is left."""
        with mock.patch.object(MemoryChannelBackend, "capacity_of", return_value=1):
            tasks.add.enqueue(1)
            with self.assertRaises(ChannelFull):
                tasks.add.enqueue(2)
        self.assertEqual(len(self.carrier._state.results), 1)

    def test_unavailable(self):
        """Nobody knows whether it was enqueued: its result stays."""
        failing = mock.patch.object(
            type(self.carrier), "add", side_effect=BackendUnavailable
        )
        with failing, self.assertRaises(BackendUnavailable):
            tasks.add.enqueue(1)
        self.assertEqual(len(self.carrier._state.results), 1)

    def test_signals(self):
        got = []

        def note(signal, sender, task_result, **kwargs):
            got.append((signal, sender, task_result.id, str(task_result.status)))

        for name in ("task_enqueued", "task_started", "task_finished"):
            signal = getattr(api, name)
            self.assertIsInstance(signal, Signal)

            def receiver(name=name, **kwargs):
                note(name, **{k: v for k, v in kwargs.items() if k != "signal"})

            signal.connect(receiver, weak=False)
            self.addCleanup(signal.disconnect, receiver)
        result = tasks.add.enqueue(1)
        self.run_messages()
        with self.assertLogs(LOGGER, "ERROR"):
            other = tasks.afail.enqueue("x")
            self.run_messages()
        expected = []
        for each, end in ((result.id, "SUCCESSFUL"), (other.id, "FAILED")):
            expected += [
                ("task_enqueued", ChannelsBackend, each, "READY"),
                ("task_started", ChannelsBackend, each, "RUNNING"),
                ("task_finished", ChannelsBackend, each, end),
            ]
        self.assertEqual(got, expected)


class FailureTests(TasksTestCase):
    def test_exception(self):
        """It's the task's result, and nothing is tried again."""
        for task in (tasks.fail, tasks.afail):
            with self.subTest(task.name):
                result = task.enqueue("alas")
                with self.assertLogs(LOGGER, "ERROR") as logs:
                    self.assertEqual(self.run_messages(), 1)
                self.assertIn("LookupError: alas", logs.output[0])
                result.refresh()
                self.assertEqual(result.status, "FAILED")
                self.assertIsNotNone(result.finished_at)
                (error,) = result.errors
                self.assertIs(error.exception_class, LookupError)
                self.assertTrue(error.traceback.endswith("LookupError: alas\n"))
                with self.assertRaisesMessage(ValueError, "Task failed"):
                    result.return_value
                self.assertEqual(self.carrier.dead(), [])
        self.advance_time(60 * 60)
        self.assertEqual(self.run_messages(), 0)

    def test_system_exit(self):
        result = tasks.leave.enqueue()
        with self.assertLogs(LOGGER, "ERROR"):
            self.run_messages()
        result.refresh()
        self.assertIs(result.errors[0].exception_class, SystemExit)

    @skipIf(sys.version_info < (3, 11), "There is no telling who cancelled.")
    def test_cancellation_of_its_own_making(self):
        """It's a failure like any other."""
        result = tasks.await_cancelled.enqueue()
        with self.assertLogs(LOGGER, "ERROR"):
            self.run_messages()
        result.refresh()
        self.assertEqual(result.status, "FAILED")
        self.assertIs(result.errors[0].exception_class, CancelledError)
        self.advance_time(60 * 60)
        self.assertEqual(self.run_messages(), 0)

    def test_cancelled_by_its_worker(self):
        """It isn't, and the next worker runs it."""
        result = tasks.await_long.enqueue()
        worker = Worker(self.carrier)
        worker.start()
        wait_for(lambda: tasks.calls, "the task's begin")
        with self.assertLogs("django.channels.worker", "WARNING"):
            worker.stop(timeout=0.01)
        result.refresh()
        self.assertEqual((result.status, result.errors), ("RUNNING", []))
        message = self.carrier.receiver(["tasks.default"]).receive(0)
        self.assertEqual(message.attempt, 1)

    def test_long_traceback(self):
        """The end of it is kept."""
        result = tasks.fail.enqueue("x" * 30_000)
        with self.assertLogs(LOGGER, "ERROR"):
            self.run_messages()
        result.refresh()
        self.assertEqual(len(result.errors[0].traceback), 20_000)

    def test_return_value_that_can_not_be_carried(self):
        result = tasks.answer_with.enqueue("object")
        with self.assertLogs(LOGGER, "ERROR"):
            self.run_messages()
        result.refresh()
        self.assertIs(result.errors[0].exception_class, TypeError)
        self.assertIsNone(result._return_value)

    def test_return_value_that_is_too_large(self):
        result = tasks.answer_with.enqueue("large")
        store = self.carrier.store_result

        def refuse(id, content, expiry):
            if content["return_value"]:
                raise MessageTooLarge("Too large.")
            store(id, content, expiry)

        with mock.patch.object(self.carrier, "store_result", refuse):
            with self.assertLogs(LOGGER, "ERROR"):
                self.run_messages()
        result.refresh()
        self.assertEqual(result.status, "FAILED")
        self.assertIs(result.errors[0].exception_class, MessageTooLarge)

    def limit(self, size):
        """Let results come to so many bytes at most, as shared backends do."""
        store = self.carrier.store_result
        serializer = Serializer("CHANNEL_BACKENDS['default']", size, None)

        def store_small(id, content, expiry):
            serializer.dumps(content, id)
            store(id, content, expiry)

        patch = mock.patch.object(self.carrier, "store_result", store_small)
        patch.start()
        self.addCleanup(patch.stop)

    def largest(self, task, *args):
        """Enqueue it with the longest text that its result has room for."""
        self.limit(4000)
        size = 4000
        while True:
            try:
                return task.enqueue("x" * size, *args)
            except MessageTooLarge:
                size -= 1

    def assertTooLarge(self, result, error, *words):
        with self.assertLogs(LOGGER, "ERROR"):
            self.assertEqual(self.run_messages(), 1)
        # refresh() keeps the arguments of old.
        result = result.task.get_result(result.id)
        self.assertEqual(result.status, "FAILED")
        self.assertIsNotNone(result.finished_at)
        self.assertIs(result.errors[0].exception_class, error)
        text = result.errors[0].traceback
        for part in ("its arguments", *words):
            self.assertIn(part, text)
        self.assertEqual((result.args, result.kwargs), ([], {}))
        # And that is the end of it.
        self.assertEqual(self.run_messages(), 0)
        self.assertEqual(self.carrier.count_dead(), 0)

    def test_arguments_that_leave_no_room(self):
        """It fails before it's begun."""
        result = self.largest(tasks.add)
        self.assertTooLarge(result, MessageTooLarge, "raise OPTIONS['MAX_MESSAGE_BY")
        self.assertEqual(tasks.calls, [])

    def test_arguments_that_leave_no_room_for_a_traceback(self):
        for task in (tasks.fail, tasks.afail):
            with self.subTest(task=task):
                self.limit(4000)
                result = task.enqueue("x" * 3000)
                self.assertTooLarge(result, LookupError, "xxx")

    def test_arguments_that_leave_no_room_for_the_return_value(self):
        self.limit(5000)
        for size in (2600, 3700):
            with self.subTest(size=size):
                result = tasks.repeat.enqueue("x" * size)
                with self.assertLogs(LOGGER, "ERROR"):
                    self.run_messages()
                result = result.task.get_result(result.id)
                self.assertIs(result.errors[0].exception_class, MessageTooLarge)
                self.assertIn("Send a reference", result.errors[0].traceback)
                # They're left as far as there's room.
                self.assertEqual(result.args, ["x" * size] if size == 2600 else [])

    def test_killed_worker(self):
        """The task runs again, and that counts."""
        result = tasks.alook.enqueue()
        # As far as a worker gets that is killed while the task runs.
        message = self.carrier.receiver(["tasks.default"]).receive(0)
        with self.assertLogs(LOGGER, "INFO"):
            start(message)
        result.refresh()
        self.assertEqual((result.status, result.attempts), ("RUNNING", 1))
        self.advance_time(self.carrier.message_lease + 1)
        self.run_messages()
        first = result.started_at
        result.refresh()
        self.assertEqual((result.status, result.attempts), ("SUCCESSFUL", 2))
        self.assertEqual(result.return_value, 2)
        self.assertEqual(result.started_at, first)
        self.assertGreaterEqual(result.last_attempted_at, first)

    def test_stopped_worker_after_a_killed_one(self):
        """Being given back is no attempt."""
        result = tasks.alook.enqueue()
        with self.assertLogs(LOGGER, "INFO"):
            for _ in range(2):
                message = self.carrier.receiver(["tasks.default"]).receive(0)
                start(message)
                self.advance_time(self.carrier.message_lease + 1)
            message = self.carrier.receiver(["tasks.default"]).receive(0)
            start(message)
        result.refresh()
        self.assertEqual(result.attempts, 3)
        self.carrier.release(message, counted=False)
        self.run_messages()
        result.refresh()
        self.assertEqual((result.return_value, result.attempts), (3, 3))

    def test_killed_each_time(self):
        """No task can kill workers for ever: it has failed then."""
        result = tasks.add.enqueue(1)
        for _ in range(ATTEMPTS):
            self.kill_worker()
        with self.assertLogs(LOGGER, "ERROR") as logs:
            self.assertEqual(self.run_messages(), 1)
        self.assertIn("WorkerLost", logs.output[0])
        result.refresh()
        self.assertEqual(result.status, "FAILED")
        self.assertIs(result.errors[0].exception_class, WorkerLost)
        self.assertEqual(tasks.calls, [])
        self.assertEqual(self.carrier.dead(), [])

    def test_killed_before_the_acknowledgement(self):
        """What has finished isn't run again."""
        result = tasks.add.enqueue(1)
        with mock.patch.object(self.carrier, "acknowledge", return_value=True):
            self.run_messages()
        self.assertEqual(len(tasks.calls), 1)
        self.advance_time(self.carrier.message_lease + 1)
        self.assertEqual(self.run_messages(), 1)
        self.assertEqual(len(tasks.calls), 1)
        self.assertEqual(self.backend.get_result(result.id).attempts, 1)

    def test_result_is_stored_after_an_outage(self):
        result = tasks.add.enqueue(1)
        store, failures = self.carrier.store_result, [2]

        def fail_twice(id, content, expiry):
            if content["status"] == "SUCCESSFUL" and failures[0]:
                failures[0] -= 1
                raise BackendUnavailable
            store(id, content, expiry)

        with mock.patch.object(self.carrier, "store_result", fail_twice):
            with mock.patch("django.channels.tasks.consumer.DELAYS", (0, 0, 0)):
                self.run_messages()
        result.refresh()
        self.assertEqual(result.return_value, {"sum": 1})
        self.assertEqual(len(tasks.calls), 1)

    def test_task_that_is_not_there(self):
        """A worker with older code may have it: it's tried again."""
        with mock.patch.object(tasks, "add"):
            del tasks.add
            self.assertNotRun("There is no task 'channels_tests.tasks.add' here: ")
        with mock.patch.object(tasks, "add", tasks.add.func):
            self.assertNotRun("'channels_tests.tasks.add' is no task: decorate")

    def test_message_that_is_no_task(self):
        Channel("tasks.default").send(n=1)
        with self.assertLogs("django.channels.worker", "ERROR"):
            with self.assertRaises(KeyError):
                self.run_messages()

    def assertNotRun(self, msg):
        ADD.enqueue(1)
        for _ in range(ATTEMPTS + 1):
            with self.assertLogs("django.channels.worker", "ERROR"):
                with self.assertRaisesMessage(api.InvalidTask, msg):
                    self.run_messages()
            self.advance_time(60 * 60)
        (dead,) = self.carrier.dead()
        self.assertIn(msg, dead.error)
        self.carrier.purge([dead])

    def test_interrupt(self):
        """It's no failure of the task."""
        tasks.interrupt.enqueue()
        with self.assertLogs("django.channels.worker", "ERROR"):
            with self.assertNoLogs(LOGGER, "ERROR"):
                with self.assertRaises(KeyboardInterrupt):
                    self.run_messages()


class ResultTests(TasksTestCase):
    def test_unknown(self):
        for id in ("123", 123, "é" * 300, "0" * 32, "a\0b"):
            with self.subTest(id=id), self.assertRaises(api.TaskResultDoesNotExist):
                self.backend.get_result(id)

    async def test_unknown_async(self):
        with self.assertRaises(api.TaskResultDoesNotExist):
            await self.backend.aget_result("0" * 32)

    @configure(default={"OPTIONS": {"RESULT_EXPIRY": 100}}, other={})
    def test_expiry(self):
        """A while from the task's end, and no sooner."""
        result = tasks.add.enqueue(1)
        self.advance_time(6 * 24 * 60 * 60)
        result.refresh()
        self.run_messages()
        self.advance_time(99)
        result.refresh()
        self.advance_time(2)
        with self.assertRaises(api.TaskResultDoesNotExist):
            result.refresh()
        default = tasks.add.using(backend="other").enqueue(1)
        self.run_messages()
        self.advance_time(24 * 60 * 60 - 10)
        default.refresh()
        self.advance_time(11)
        with self.assertRaises(api.TaskResultDoesNotExist):
            default.refresh()

    def test_long_wait(self):
        """The result may be gone before the task runs, and is there again."""
        result = tasks.add.enqueue(1)
        self.advance_time(8 * 24 * 60 * 60)
        with self.assertRaises(api.TaskResultDoesNotExist):
            result.refresh()
        self.run_messages()
        result.refresh()
        self.assertEqual(result.return_value, {"sum": 1})

    @configure(default={}, other={})
    def test_aliases(self):
        """They may have the same channels; each knows its own."""
        results = [
            tasks.add.using(backend=alias).enqueue(1) for alias in ("default", "other")
        ]
        self.assertEqual(self.run_messages("tasks.default"), 2)
        for result in results:
            result.refresh()
            self.assertEqual(result.task.backend, result.backend)
        with self.assertRaises(api.TaskResultDoesNotExist):
            self.backend.get_result(results[1].id)

    def test_backend_without(self):
        """Tasks run, and nobody can ask for their results."""
        with mock.patch.object(type(self.carrier), "keeps_results", False):
            self.assertIs(self.backend.supports_get_result, False)
            result = tasks.add.enqueue(1)
            self.kill_worker()
            self.run_messages()
            with self.assertRaises(NotImplementedError):
                result.refresh()
        self.assertEqual(len(tasks.calls), 1)
        self.assertEqual(len(self.carrier._state.results), 0)


MEMORY = {"BACKEND": "django.channels.backends.memory.MemoryChannelBackend"}
OTHER = {**MEMORY, "LOCATION": "other"}


class ConfigurationTests(SimpleTestCase):
    def found(self, alias="default"):
        return list(api.task_backends[alias].check_channels())

    def channels(self):
        return {n for n in consumers.channels() if n.partition(".")[0] == "tasks"}

    def test_channels(self):
        self.assertEqual(self.channels(), set())
        with configure(default={}, mail={"QUEUES": ["default", "mail.in"]}):
            self.assertEqual(self.channels(), {"tasks.default", "tasks.mail.in"})
            self.assertIsNotNone(consumers.get("tasks.mail.in").policy)
        self.assertEqual(self.channels(), set())
        self.assertIsNone(consumers.get("tasks.default"))

    def test_other_backends(self):
        for path in (f"{api.PACKAGE}.backends.dummy.DummyBackend", "gone.Gone", None):
            with override_settings(TASKS={"default": {"BACKEND": path}}):
                self.assertEqual(self.channels(), set())

    @configure(default={"QUEUES": []})
    def test_any_queue(self):
        """They have one channel: no worker knows all that may be used."""
        self.assertEqual(self.channels(), {"tasks"})
        result = tasks.add.using(queue_name="Où?").enqueue(1)
        self.assertMessageSent("tasks")
        self.run_messages()
        result.refresh()
        self.assertEqual(result.task.queue_name, "Où?")

    def test_invalid(self):
        for keys, msg in (
            ({"QUEUES": ["no channel"]}, "a queue can't be a channel: 'tasks.no chan"),
            ({"QUEUES": ["x" * 95]}, "a queue can't be a channel"),
            ({"QUEUES": ["a!b"]}, "would be a reply channel"),
            ({"OPTIONS": {"RESULT_EXPIRY": 0}}, "must be a positive number of sec"),
            ({"OPTIONS": {"RESULT_EXPIRY": 1e20}}, "at most 4294967296, not 1e+20."),
            ({"OPTIONS": {"RESULT_EXPIRY": True}}, "OPTIONS['RESULT_EXPIRY'] must"),
            ({"OPTIONS": 5}, "OPTIONS must be a dict, not 5."),
            ({"OPTIONS": {"CHANNEL_BACKEND": []}}, "must be an alias of"),
        ):
            with self.subTest(keys=keys), configure(default=keys):
                # In the way of no worker, and of no other check.
                self.assertEqual(self.channels(), set())
                (error,) = self.found()
                self.assertEqual(error.id, "channels.E009")
                self.assertIn(msg, error.msg)
                with self.assertRaisesMessage(api.InvalidTaskBackend, msg):
                    tasks.add.enqueue(1)

    @configure(
        default={"OPTIONS": {"CHANNEL_BACKEND": "durable"}},
        wrong={"OPTIONS": {"CHANNEL_BACKEND": "gone", "RETRIES": 3}},
    )
    @override_settings(CHANNEL_BACKENDS={"default": MEMORY, "durable": OTHER})
    def test_check(self):
        (warning,) = self.found()
        self.assertEqual(warning.id, "channels.W006")
        self.assertIn("CHANNEL_BACKENDS['durable'] keeps tasks", warning.msg)
        unknown, error = self.found("wrong")
        self.assertEqual((unknown.id, error.id), ("channels.W004", "channels.E006"))
        self.assertIn("'RETRIES'", unknown.msg)
        self.assertIn("the connection 'gone' doesn't exist", error.msg.lower())
        carrier = type(channel_backends["durable"])
        with mock.patch.object(carrier, "process_local", False):
            self.assertEqual(self.found(), [])
            with mock.patch.object(carrier, "keeps_results", False):
                self.assertEqual([w.id for w in self.found()], ["channels.W005"])
        # It's told once, and of the right backend.
        self.assertEqual(check_durable_channels(), [])

    def test_check_is_run(self):
        """The system checks have it, whoever imports the task API, and once."""
        apps = [] if api.PACKAGE == "django.tasks" else [api.PACKAGE]
        code = (
            "import django\n"
            "from django.conf import settings\n"
            "from django.core import checks\n"
            f"tasks = {{'default': {{'BACKEND': {PATH!r}}}}}\n"
            f"settings.configure(TASKS=tasks, INSTALLED_APPS={apps})\n"
            "django.setup()\n"
            "for _ in range(2):\n"
            "    print(*[e.id for e in checks.run_checks()])"
        )
        self.assertEqual(printed_by(code), "channels.W006\nchannels.W006\n")

    @configure(default={})
    def test_check_without_channel_backends(self):
        """Another check says that the setting is wrong."""
        with override_settings(CHANNEL_BACKENDS=None):
            self.assertEqual(check_tasks(), [])

    @configure(default={})
    def test_channel_backend_without_durable_channels(self):
        carrier = type(channel_backends["default"])
        without = mock.patch.multiple(
            carrier, durable=False, keeps_results=False, add=DurableDelivery.add
        )
        with without:
            self.assertEqual([e.id for e in self.found()], ["channels.E007"])
            with self.assertRaisesMessage(InvalidDelivery, "has no durable channels"):
                tasks.add.enqueue(1)

    @configure(default={"OPTIONS": {"CHANNEL_BACKEND": "durable"}})
    @override_settings(CHANNEL_BACKENDS={"default": MEMORY, "durable": OTHER})
    def test_channel_backend(self):
        tasks.add.enqueue(1)
        self.assertEqual(channel_backends["default"].waiting("tasks.default"), 0)
        self.assertEqual(channel_backends["durable"].waiting("tasks.default"), 1)
        self.assertEqual(self.run_messages(), 1)

    def test_supports(self):
        with configure(default={}):
            backend = api.task_backends["default"]
        for name in ("defer", "async_task", "get_result", "priority"):
            self.assertIs(getattr(backend, f"supports_{name}"), True)
        self.assertEqual(backend_module.FINISHED_EXPIRY, 24 * 60 * 60)

    def test_without_the_api(self):
        """It says what to install."""
        with mock.patch("importlib.util.find_spec", return_value=None):
            with mock.patch.dict(sys.modules):
                del sys.modules["django.channels.tasks.api"]
                with self.assertRaisesMessage(
                    ImproperlyConfigured, "pip install django-tasks"
                ):
                    import django.channels.tasks.api  # NOQA: F401

    def test_loaded_late(self):
        """The API is imported by who uses it."""
        code = (
            "import sys, django\n"
            "from django.conf import settings\n"
            "settings.configure()\n"
            "django.setup()\n"
            "from django.channels import Channel, consumers\n"
            "consumers.channels()\n"
            "print(*{'django.tasks', 'django_tasks'} & set(sys.modules))"
        )
        self.assertEqual(printed_by(code), "\n")


class OverriddenTests(TasksTestCase):
    def test_consumer_of_the_project(self):
        """A project may have its own for a queue, if it's durable."""
        got = []
        consumer = Channel.consumer("tasks.default", durable=True)
        consumer(lambda **content: got.append(content["task"]))
        tasks.add.enqueue(1)
        self.run_messages()
        self.assertEqual(got, ["channels_tests.tasks.add"])
        self.assertEqual(queues.channel_of("default", {"default"}), "tasks.default")


class WorkerTests(TasksTestCase):
    """With a real worker, on the memory backend."""

    def start(self):
        worker = Worker(self.carrier, channels=["tasks.default"])
        worker.start()
        self.addCleanup(worker.stop, 5)
        return worker

    def test_worker(self):
        self.start()
        results = [t.enqueue(n) for n in range(3) for t in (tasks.add, tasks.aadd)]

        def all_finished():
            for result in results:
                result.refresh()
            return all(result.is_finished for result in results)

        wait_for(all_finished, "the tasks")
        self.assertEqual([r.return_value["sum"] for r in results], [0, 0, 1, 1, 2, 2])

    def test_stopped_worker(self):
        """What it gives back is no attempt."""
        tasks.go.clear()
        self.addCleanup(tasks.go.set)
        worker = self.start()
        result = tasks.wait.enqueue()
        wait_for(lambda: tasks.calls, "the task")
        with self.assertLogs("django.channels.worker", "WARNING") as logs:
            worker.stop(timeout=0.01)
            tasks.go.set()
            wait_for(lambda: len(logs.output) == 3, "the end of the thread")
        result.refresh()
        # Its first worker was quicker than the next one.
        self.assertEqual((result.status, result.attempts), ("SUCCESSFUL", 1))
        self.assertEqual(self.run_messages(), 1)
        result.refresh()
        self.assertEqual(result.attempts, 1)


@configure(default={})
class AtOnceTests(TestCase):
    """In a project's tests, where messages may run when they're sent."""

    def test_enqueue(self):
        with self.runMessages():
            result = tasks.add.enqueue(1)
        result.refresh()
        self.assertEqual(result.return_value, {"sum": 1})

    async def test_aenqueue(self):
        with self.runMessages():
            result = await tasks.aadd.aenqueue(1)
        await result.arefresh()
        self.assertEqual(result.return_value, {"sum": 1})
