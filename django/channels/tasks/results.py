"""
A task's result as plain values: that is how its message and its stored result
hold it.
"""

import json
from datetime import datetime

from django.utils.module_loading import import_string

from . import api

# How many characters are left of a traceback that is too large, and what is said
# then.
SHORT_ERROR = 1000
SHORTENED = (
    "This result was too large to be stored: its arguments and the beginning of the "
    "traceback are left out."
)

TIMES = ("enqueued_at", "started_at", "finished_at", "last_attempted_at")


def carried(value):
    """
    Return ``value`` as it arrives in another process, where all of it is JSON.
    Raise TypeError or ValueError for what can't be carried.
    """
    return json.loads(json.dumps(api.normalize_json(value)))


def dump(result):
    """Return the TaskResult as a dict of plain values."""
    task = result.task
    return {
        "id": result.id,
        "backend": result.backend,
        "task": task.module_path,
        "priority": int(task.priority),
        "queue_name": task.queue_name,
        "run_after": _text(task.run_after),
        "args": result.args,
        "kwargs": result.kwargs,
        "status": str(result.status),
        **{name: _text(getattr(result, name)) for name in TIMES},
        "errors": [[e.exception_class_path, e.traceback] for e in result.errors],
        "worker_ids": result.worker_ids,
        "return_value": result._return_value,
    }


def load(content):
    """
    Return the TaskResult that dump() was given. Raise InvalidTask if its task
    isn't in this process, or isn't valid any more.
    """
    task = find_task(content["task"]).using(
        priority=content["priority"],
        queue_name=content["queue_name"],
        run_after=_time(content["run_after"]),
        backend=content["backend"],
    )
    result = api.TaskResult(
        task=task,
        id=content["id"],
        status=api.TaskResultStatus(content["status"]),
        **{name: _time(content[name]) for name in TIMES},
        args=content["args"],
        kwargs=content["kwargs"],
        backend=content["backend"],
        errors=[
            api.TaskError(exception_class_path=path, traceback=text)
            for path, text in content["errors"]
        ],
        worker_ids=content["worker_ids"],
    )
    change(result, _return_value=content["return_value"])
    return result


def change(result, **values):
    """Set attributes of a TaskResult, which is frozen for all others."""
    for name, value in values.items():
        object.__setattr__(result, name, value)


def shorten(result):
    """
    Leave of a failed TaskResult, which is too large to be stored, what tells
    why: its arguments and most of the traceback go.
    """
    change(result, args=[], kwargs={}, _return_value=None)
    result.errors[:] = [
        api.TaskError(
            exception_class_path=error.exception_class_path,
            traceback=f"{SHORTENED}\n\n{error.traceback[-SHORT_ERROR:]}",
        )
        for error in result.errors
    ]


def find_task(path):
    """Return the Task at the dotted path. Raise InvalidTask for anything else."""
    try:
        task = import_string(path)
    except ImportError as error:
        raise api.InvalidTask(f"There is no task {path!r} here: {error}") from error
    if not isinstance(task, api.Task):
        raise api.InvalidTask(f"{path!r} is no task: decorate it with @task.")
    return task


def _text(time):
    return time and time.isoformat()


def _time(text):
    return text and datetime.fromisoformat(text)
