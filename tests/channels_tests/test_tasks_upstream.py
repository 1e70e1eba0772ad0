"""
Django's own tests of tasks, on this backend; Django 5.2 has none.

What doesn't apply: the tests of other backends' own doings. These are that
results can't be had, nor ``run_after`` be given, of the immediate backend;
changing the results in the memory of the dummy backend, where ours are
changed by running the task; and those tests that name another backend within
themselves, for which there are tests of ours in ``test_tasks``.
"""

from unittest import mock

import django
from django.channels import channel_backends
from django.channels.tasks import ChannelsBackend
from django.channels.testing import isolation
from django.channels.testing.running import run_messages
from django.test import SimpleTestCase, override_settings

PATH = f"{__name__}."


class DummyLike(ChannelsBackend):
    """Enqueues only, and can be asked for what it has enqueued."""

    @property
    def results(self):
        sent = isolation.current.sent
        return [self.get_result(message.content["id"]) for message in sent]

    def clear(self):
        channel_backends["default"].flush()
        isolation.current.sent.clear()


class ImmediateLike(ChannelsBackend):
    """Enqueues, does what a worker does, and returns the result of that."""

    def enqueue(self, task, args, kwargs):
        result = super().enqueue(task, args, kwargs)
        run_messages()
        result.refresh()
        return result


def skipped(case, *names):
    """Have none of these tests, whose class has the reasons."""
    for name in names:
        if not hasattr(case, name):
            raise AttributeError(f"{case.__name__} has no {name} any more.")
    return dict.fromkeys(names)


if django.VERSION >= (6, 0):
    from tasks import (
        test_custom_backend,
        test_dummy_backend,
        test_immediate_backend,
        test_tasks,
    )

    # Their modules know our backends by the names of Django's.

    @mock.patch.object(test_tasks, "DummyBackend", DummyLike)
    @mock.patch.object(test_tasks, "ImmediateBackend", ImmediateLike)
    @override_settings(
        TASKS={
            "default": {
                "BACKEND": f"{PATH}DummyLike",
                "QUEUES": ["default", "queue_1"],
            },
            "immediate": {"BACKEND": f"{PATH}ImmediateLike", "QUEUES": []},
            "missing": {"BACKEND": "does.not.exist"},
        },
    )
    class TaskTests(test_tasks.TaskTestCase):
        pass

    @mock.patch.object(test_dummy_backend, "DummyBackend", DummyLike)
    @override_settings(TASKS={"default": {"BACKEND": f"{PATH}DummyLike", "QUEUES": []}})
    class EnqueueTests(test_dummy_backend.DummyBackendTestCase):
        vars().update(
            skipped(
                test_dummy_backend.DummyBackendTestCase,
                # They change a result in the memory of the dummy backend.
                "test_refresh_result",
                "test_refresh_result_async",
                # They name the dummy backend.
                "test_validate_on_enqueue",
                "test_validate_on_aenqueue",
            )
        )

        def test_check(self):
            """A backend in memory is worth a warning; it's the only one."""
            backend = test_dummy_backend.default_task_backend
            self.assertEqual([*backend.check()], [])
            self.assertEqual(
                [e.id for e in backend.check_channels()], ["channels.W006"]
            )

    @mock.patch.object(test_immediate_backend, "ImmediateBackend", ImmediateLike)
    @override_settings(
        TASKS={"default": {"BACKEND": f"{PATH}ImmediateLike", "QUEUES": []}}
    )
    class RunTests(test_immediate_backend.ImmediateBackendTestCase):
        vars().update(
            skipped(
                test_immediate_backend.ImmediateBackendTestCase,
                # This backend can.
                "test_cannot_get_result",
                "test_cannot_refresh_result",
                "test_cannot_pass_run_after",
                # They name the immediate backend.
                "test_validate_on_enqueue",
                "test_validate_on_aenqueue",
            )
        )

    class CustomTaskBackend(ChannelsBackend):
        task_class = test_custom_backend.CustomTask

    @override_settings(
        TASKS={
            "default": {
                "BACKEND": f"{PATH}CustomTaskBackend",
                "QUEUES": ["default", "high"],
            },
        },
    )
    class CustomTaskTests(test_custom_backend.CustomTaskTestCase):
        pass


class UpstreamTests(SimpleTestCase):
    def test_there(self):
        """With a Django that has tasks, its tests run here."""
        self.assertEqual("TaskTests" in globals(), django.VERSION >= (6, 0))
