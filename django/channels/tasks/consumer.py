"""The consumer of all queues, which runs their tasks."""

import os
import socket
from time import sleep
from traceback import format_exception

from asgiref.sync import iscoroutinefunction, sync_to_async

from django.channels.consumer import Consumer
from django.channels.deadline import is_cancellation
from django.channels.exceptions import (
    BackendUnavailable,
    MessageTooLarge,
    WorkerLost,
)
from django.channels.leases import DELAYS, LONGEST_ERROR
from django.channels.policy import Policy
from django.utils import timezone

from . import api
from .results import carried, change, find_task, load, shorten

# How often a task is begun that doesn't come to an end: its worker was killed
# each time, or the channel backend was out of reach.
ATTEMPTS = 5


class TaskConsumer(Consumer):
    """
    Runs the task of each message, an ``async def`` one on the event loop.

    An exception of the task is its result and the end of it. Any other, such
    as for a task that isn't there in this process, is one of the consumer: the
    message is tried again, and is a dead letter at last.
    """

    def __init__(self):
        # One attempt more is there to say that the others are used up.
        super().__init__(self.run, Policy(retries=ATTEMPTS))

    def wants_loop(self, message):
        try:
            return iscoroutinefunction(find_task(message.content["task"]).func)
        except Exception:
            # run() raises it.
            return False

    def __call__(self, message):
        self.run(message)

    def run(self, message):
        result = start(message)
        if result is None:
            return
        try:
            value = result.task.call(*arguments(result), **result.kwargs)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            fail(result, error)
        else:
            succeed(result, value)

    async def acall(self, message):
        result = await sync_to_async(start)(message)
        if result is None:
            return
        try:
            value = await result.task.acall(*arguments(result), **result.kwargs)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if is_cancellation(error):
                # A worker that stops cancels what runs, and gives its message
                # back.
                raise
            await sync_to_async(fail)(result, error)
        else:
            await sync_to_async(succeed)(result, value)


def start(message):
    """
    Return the TaskResult of the message, RUNNING from now on, or None if there
    is nothing to run.
    """
    content = message.content
    backend = api.task_backends[content["backend"]]
    if message.attempt > 1:
        content = backend.stored(content["id"]) or content
    result = load(content)
    if result.is_finished:
        # The worker was killed between this and its acknowledgement.
        return None
    if message.attempt > ATTEMPTS:
        give_up(result)
        return None
    now = timezone.now()
    change(
        result,
        status=api.TaskResultStatus.RUNNING,
        started_at=result.started_at or now,
        last_attempted_at=now,
    )
    # Those whose worker was stopped were no attempts.
    del result.worker_ids[message.attempt - 1 :]
    result.worker_ids.append(f"{socket.gethostname()[:50]}.{os.getpid()}")
    try:
        backend.store(result)
    except MessageTooLarge as error:
        # Its arguments left no room for what is known by now.
        fail(result, error)
        return None
    api.task_started.send(sender=type(backend), task_result=result)
    return result


def arguments(result):
    """Return the positional arguments of the task's function."""
    if result.task.takes_context:
        return [api.TaskContext(task_result=result), *result.args]
    return result.args


def succeed(result, value):
    try:
        change(result, _return_value=carried(value))
        finish(result, api.TaskResultStatus.SUCCESSFUL)
    except (TypeError, ValueError, RecursionError) as error:
        # It can't be carried, or is too large.
        change(result, _return_value=None)
        fail(result, error)
    else:
        tell(result)


def fail(result, error):
    """Be called while the error is handled: receivers may ask for it."""
    kind = type(error)
    result.errors.append(
        api.TaskError(
            exception_class_path=f"{kind.__module__}.{kind.__qualname__}",
            traceback="".join(format_exception(error))[-LONGEST_ERROR:],
        )
    )
    finish(result, api.TaskResultStatus.FAILED)
    tell(result)


def give_up(result):
    try:
        raise WorkerLost(
            f"The task was begun {ATTEMPTS} times and came to no end: its worker was "
            f"killed, or the channel backend was out of reach."
        )
    except WorkerLost as error:
        fail(result, error)


def finish(result, status):
    change(result, status=status, finished_at=timezone.now())
    try:
        store(result)
    except MessageTooLarge:
        if status == api.TaskResultStatus.SUCCESSFUL:
            raise
        # Who asks for it must learn that it has failed.
        shorten(result)
        store(result)


def store(result):
    backend = result.task.get_backend()
    for delay in DELAYS:
        try:
            return backend.store(result)
        except BackendUnavailable:
            # Else the task would run again.
            sleep(delay)
    backend.store(result)


def tell(result):
    sender = type(result.task.get_backend())
    api.task_finished.send(sender, task_result=result)


tasks = TaskConsumer()
