"""Tasks that are run by ``runworker``, and those in a database."""

import json
import threading
from unittest import mock

from django.channels import channel_backends
from django.channels.inline import run_here, take
from django.channels.tasks import api
from django.db import transaction
from django.test import SimpleTestCase, override_settings

from . import tasks
from .backends.database_suite import rolled_back
from .backends.databases import ALIAS, DatabaseTestCase
from .backends.redis_servers import Node, redis_executable
from .running import ROOT, enter_for_class, wait_for
from .worker_runs import WorkerRun

TASKS = {"default": {"BACKEND": "django.channels.tasks.ChannelsBackend"}}


def state_of(result):
    result.refresh()
    return result.status


@override_settings(TASKS=TASKS)
class WorkerTests(SimpleTestCase):
    configured_channel_backends = "__all__"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = enter_for_class(cls, Node(redis_executable()))

    def setUp(self):
        backend = {
            "BACKEND": "django.channels.backends.redis.RedisChannelBackend",
            "LOCATION": self.server.url,
        }
        settings = self.settings(CHANNEL_BACKENDS={"default": backend})
        settings.enable()
        self.addCleanup(settings.disable)

    def start(self, *arguments, lease=60):
        """Return a worker of a project that has nothing but the setting."""
        run = WorkerRun(
            self.server.url,
            *arguments,
            JOBS_TASKS=json.dumps(TASKS),
            JOBS_LEASE=str(lease),
            folders=[ROOT / "tests"],
        )
        self.addCleanup(run.__exit__)
        run.__enter__().wait_for("Worker ready: ")
        return run

    def test_worker(self):
        run = self.start()
        results = [task.enqueue(1, b=2) for task in (tasks.add, tasks.aadd)]
        for result in results:
            wait_for(lambda: state_of(result) == "SUCCESSFUL", "the task")
            self.assertEqual(result.return_value, {"sum": 3})
            (worker_id,) = result.worker_ids
            self.assertTrue(worker_id.endswith(f".{run.process.pid}"), worker_id)
        result = tasks.fail.enqueue("alas")
        wait_for(lambda: state_of(result) == "FAILED", "the task")
        self.assertIs(result.errors[0].exception_class, LookupError)
        self.assertIn("LookupError: alas", result.errors[0].traceback)
        self.assertEqual(run.stop(), 0, run.printed())

    def test_killed_worker(self):
        """Another one runs the task again."""
        result = tasks.hang_at_first.enqueue()
        run = self.start("--channels", "tasks.*", lease=1)
        wait_for(lambda: state_of(result) == "RUNNING", "the first attempt")
        run.process.kill()
        other = self.start(lease=1)
        wait_for(lambda: state_of(result) == "SUCCESSFUL", "the second attempt")
        self.assertEqual((result.return_value, result.attempts), (2, 2))
        self.assertTrue(result.worker_ids[1].endswith(f".{other.process.pid}"))


@override_settings(
    TASKS=TASKS,
    CHANNEL_BACKENDS={
        "default": {
            "BACKEND": "django.channels.backends.database.DatabaseChannelBackend",
            "LOCATION": ALIAS,
        }
    },
)
class DatabaseTests(DatabaseTestCase):
    configured_channel_backends = "__all__"

    def run_waiting(self):
        backend = channel_backends["default"]
        while (message := take(backend, ["tasks.default"])) is not None:
            self.assertIsNone(run_here(backend, message))

    def test_run(self):
        results = [task.enqueue(1, b=2) for task in (tasks.add, tasks.aadd)]
        self.run_waiting()
        for result in results:
            self.assertEqual(state_of(result), "SUCCESSFUL")
            self.assertEqual(result.return_value, {"sum": 3})
            # Times and all.
            self.assertEqual(result.task.get_result(result.id), result)

    def test_connection(self):
        """What became of an async task is noted where its own queries are made."""
        backend, threads = channel_backends["default"], []

        def acknowledge(message):
            threads.append(threading.current_thread())
            return True

        tasks.aadd.enqueue(1)
        with mock.patch.object(backend, "acknowledge", acknowledge):
            self.run_waiting()
        self.assertEqual(threads, [threading.current_thread()])

    def test_committed(self):
        """A task is enqueued when the transaction that it belongs to commits."""
        with transaction.atomic(ALIAS):
            result = tasks.add.enqueue(1)
            self.assertEqual(result.status, "READY")
        self.run_waiting()
        self.assertEqual(state_of(result), "SUCCESSFUL")

    def test_rolled_back(self):
        with rolled_back():
            result = tasks.add.enqueue(1)
            self.assertEqual(state_of(result), "READY")
        with self.assertRaises(api.TaskResultDoesNotExist):
            result.refresh()
        self.assertIsNone(take(channel_backends["default"], ["tasks.default"]))
