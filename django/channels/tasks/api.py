"""
The task API, by the names of Django's own: ``django.tasks`` or, where Django
has none, the package django-tasks. Raise ImproperlyConfigured without either.
"""

from importlib import import_module
from importlib.util import find_spec

from django.core.exceptions import ImproperlyConfigured


def find_package():
    for name in ("django.tasks", "django_tasks"):
        if find_spec(name) is not None:
            return name
    raise ImproperlyConfigured(
        "TASKS: this version of Django has no tasks of its own. Install the package "
        "that brings them, pip install django-tasks, and add 'django_tasks' to "
        "INSTALLED_APPS."
    )


PACKAGE = find_package()

task_backends = import_module(PACKAGE).task_backends

_backends = import_module(f"{PACKAGE}.backends.base")
BaseTaskBackend = _backends.BaseTaskBackend

_base = import_module(f"{PACKAGE}.base")
Task = _base.Task
TaskContext = _base.TaskContext
TaskError = _base.TaskError
TaskResult = _base.TaskResult
TaskResultStatus = _base.TaskResultStatus
normalize_json = _base.normalize_json
task = _base.task

_exceptions = import_module(f"{PACKAGE}.exceptions")
# The package has these two by other names.
InvalidTask = getattr(_exceptions, "InvalidTask", None) or (
    _exceptions.InvalidTaskError
)
InvalidTaskBackend = getattr(_exceptions, "InvalidTaskBackend", None) or (
    _exceptions.InvalidTaskBackendError
)
TaskResultDoesNotExist = _exceptions.TaskResultDoesNotExist

_signals = import_module(f"{PACKAGE}.signals")
task_enqueued = _signals.task_enqueued
task_finished = _signals.task_finished
task_started = _signals.task_started
