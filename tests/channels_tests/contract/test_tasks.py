from channels_tests import tasks

from django.channels.tasks import api
from django.test import SimpleTestCase
from django.utils import timezone

from .relying import relied_on

API = "django/channels/tasks/api.py"
RESULTS = "django/channels/tasks/results.py"
CONSUMER = "django/channels/tasks/consumer.py"


def make_result(**values):
    return api.TaskResult(
        **{
            "task": tasks.add,
            "id": "x",
            "status": api.TaskResultStatus.READY,
            "enqueued_at": None,
            "started_at": None,
            "finished_at": None,
            "last_attempted_at": None,
            "args": (),
            "kwargs": {},
            "backend": "default",
            "errors": [],
            "worker_ids": [],
            **values,
        }
    )


class TaskTests(SimpleTestCase):
    @relied_on(API, "the package has all names that are taken from it.")
    def test_package(self):
        self.assertIn(api.PACKAGE, ("django.tasks", "django_tasks"))
        self.assertTrue(issubclass(api.InvalidTask, Exception))

    @relied_on(RESULTS, "a task has a path, and using() makes another of it.")
    def test_task(self):
        self.assertEqual(tasks.add.module_path, "channels_tests.tasks.add")
        self.assertEqual(
            tasks.add.using(
                priority=0, queue_name="default", run_after=None, backend="default"
            ),
            tasks.add,
        )
        self.assertIs(tasks.add.get_backend(), api.task_backends["default"])

    @relied_on(RESULTS, "attributes of a result are set past its being frozen.")
    def test_result(self):
        result = make_result()
        self.assertIsNone(result._return_value)
        object.__setattr__(result, "_return_value", 3)
        object.__setattr__(result, "status", api.TaskResultStatus.SUCCESSFUL)
        self.assertEqual((result.return_value, result.is_finished), (3, True))
        self.assertEqual((result.args, str(result.status)), ([], "SUCCESSFUL"))

    @relied_on(RESULTS, "refresh() takes these from the backend's result.")
    def test_refresh(self):
        class Backend:
            def get_result(self, id):
                return stored

        now = timezone.now()
        stored = make_result(
            status=api.TaskResultStatus.FAILED,
            worker_ids=["a", "b"],
            errors=[api.TaskError(exception_class_path="x", traceback="y")],
            **dict.fromkeys(
                ("enqueued_at", "started_at", "finished_at", "last_attempted_at"), now
            ),
        )
        result = make_result()
        with self.settings(TASKS={}):
            api.task_backends["default"] = Backend()
            result.refresh()
        self.assertEqual(result, stored)
        self.assertEqual(result.attempts, 2)

    @relied_on(CONSUMER, "a task's context has its result and its attempt.")
    def test_context(self):
        context = api.TaskContext(task_result=make_result(worker_ids=["a"]))
        self.assertEqual(context.attempt, 1)

    @relied_on(RESULTS, "normalize_json() refuses what JSON can't carry.")
    def test_normalize_json(self):
        self.assertEqual(api.normalize_json({"a": (1, b"x")}), {"a": [1, "x"]})
        with self.assertRaises(TypeError):
            api.normalize_json(object())
