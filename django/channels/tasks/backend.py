"""The task backend that enqueues on durable channels."""

import re
import secrets

from django.channels import (
    DEFAULT_CHANNEL_BACKEND_ALIAS,
    Channel,
    channel_backends,
)
from django.channels.backends.base import LARGEST
from django.channels.delivery import seconds
from django.channels.exceptions import (
    BackendUnavailable,
    ChannelError,
    InvalidChannelBackend,
    InvalidChannelName,
)
from django.core import checks
from django.utils import timezone
from django.utils.functional import cached_property

from . import api, queues
from .results import carried, dump, load

OPTIONS = frozenset({"CHANNEL_BACKEND", "RESULT_EXPIRY"})

# How long results are kept, in seconds: those of tasks that have finished,
# unless RESULT_EXPIRY says it, and at least those of tasks that are to run.
FINISHED_EXPIRY = 24 * 60 * 60
UNFINISHED_EXPIRY = 7 * 24 * 60 * 60

_id_re = re.compile(r"[0-9a-f]{32}")


class ChannelsBackend(api.BaseTaskBackend):
    """
    Each queue is a durable channel, ``tasks.`` and its name, of the channel
    backend OPTIONS["CHANNEL_BACKEND"]; where QUEUES is empty, all of them are
    the channel ``tasks``. Whoever runs that backend's consumers runs the tasks,
    each at least once.

    A result is kept by the channel backend, for OPTIONS["RESULT_EXPIRY"]
    seconds from its task's end.
    """

    # What the queues are registered by.
    is_on_channels = True

    supports_defer = True
    supports_async_task = True
    supports_priority = True

    @cached_property
    def problem(self):
        """
        What is wrong with its settings, or None. No exception of __init__(): the
        system checks make the backend, and have this to say.
        """
        place = f"TASKS[{self.alias!r}]"
        if not isinstance(self.options, dict):
            return f"{place}: OPTIONS must be a dict, not {self.options!r}."
        if not isinstance(self._channel_alias, str):
            return (
                f"{place}: OPTIONS['CHANNEL_BACKEND'] must be an alias of "
                f"CHANNEL_BACKENDS, not {self._channel_alias!r}."
            )
        expiry = self.result_expiry
        number = isinstance(expiry, (int, float)) and not isinstance(expiry, bool)
        if not number or not 0 < expiry <= LARGEST:
            return (
                f"{place}: OPTIONS['RESULT_EXPIRY'] must be a positive number of "
                f"seconds, at most {LARGEST}, not {expiry!r}."
            )
        try:
            self.channels()
        except InvalidChannelName as error:
            return f"{place}: a queue can't be a channel: {error} 'tasks.' counts, too."

    @property
    def channel_backend(self):
        # Not before it's needed: tasks are defined before the apps are ready.
        return channel_backends[self._channel_alias]

    @property
    def supports_get_result(self):
        return self.channel_backend.keeps_results

    @property
    def result_expiry(self):
        return self.options.get("RESULT_EXPIRY", FINISHED_EXPIRY)

    def channels(self):
        """Return the names of the channels that its queues are."""
        names = {queues.channel_of(name, self.queues) for name in self.queues}
        return sorted(names) or [queues.CHANNEL]

    def enqueue(self, task, args, kwargs):
        """
        Enqueue the task and return its result, READY. Raise ChannelFull, having
        enqueued nothing, when the queue's channel is at capacity,
        InvalidTaskBackend, when there is a ``problem``, and BackendUnavailable
        when the task may have been enqueued or not.
        """
        if self.problem is not None:
            raise api.InvalidTaskBackend(self.problem)
        self.validate_task(task)
        result = api.TaskResult(
            task=task,
            id=secrets.token_hex(16),
            status=api.TaskResultStatus.READY,
            enqueued_at=timezone.now(),
            started_at=None,
            finished_at=None,
            last_attempted_at=None,
            args=carried(args),
            kwargs=carried(kwargs),
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )
        self._send(result)
        api.task_enqueued.send(type(self), task_result=result)
        return result

    def _send(self, result):
        task = result.task
        delay = seconds(at=task.run_after)
        channel = Channel(
            queues.channel_of(task.queue_name, self.queues),
            self._channel_alias,
            durable=True,
        )
        channel = channel.options(priority=channel_priority(task.priority), delay=delay)
        # First, since a worker may be quicker than this method.
        self.store(result, delay)
        try:
            channel.send(**dump(result))
        except BackendUnavailable:
            # A worker may have it.
            raise
        except ChannelError:
            if self.supports_get_result:
                self.channel_backend.discard_result(result.id)
            raise

    def store(self, result, delay=0):
        """Keep the TaskResult, of a task that runs after so many seconds."""
        if not self.supports_get_result:
            return
        expiry = self.result_expiry
        if not result.is_finished:
            expiry = max(expiry, UNFINISHED_EXPIRY) + delay
        self.channel_backend.store_result(result.id, dump(result), expiry)

    def stored(self, result_id):
        """Return the result as dump() made it, or None."""
        # An id may come from anywhere.
        if not isinstance(result_id, str) or not _id_re.fullmatch(result_id):
            return None
        if not self.supports_get_result:
            return None
        content = self.channel_backend.result(result_id)
        return content if content and content["backend"] == self.alias else None

    def get_result(self, result_id):
        if not self.supports_get_result:
            return super().get_result(result_id)
        content = self.stored(result_id)
        if content is None:
            raise api.TaskResultDoesNotExist(result_id)
        return load(content)

    def check_channels(self):
        """
        What is wrong with the settings, what the channel backend lacks, and what
        OPTIONS has too much. No part of check(), which is called only if the task
        API was imported before.
        """
        place = f"TASKS[{self.alias!r}]"
        if self.problem is not None:
            yield checks.Error(self.problem, id="channels.E009")
            return
        unknown = sorted(self.options.keys() - OPTIONS, key=str)
        if unknown:
            yield checks.Warning(
                f"{place}: OPTIONS has keys that mean nothing: "
                f"{', '.join(map(repr, unknown))}.",
                hint=f"The keys are {', '.join(sorted(OPTIONS))}.",
                id="channels.W004",
            )
        carrier = f"CHANNEL_BACKENDS[{self._channel_alias!r}]"
        try:
            backend = self.channel_backend
        except InvalidChannelBackend as error:
            yield checks.Error(
                f"{place}: {carrier} can't be used: {error}", id="channels.E006"
            )
            return
        if not backend.durable:
            yield checks.Error(
                f"{place}: {carrier} has no durable channels, so that nothing can be "
                f"enqueued.",
                hint="Name a backend that has in OPTIONS['CHANNEL_BACKEND'].",
                id="channels.E007",
            )
            return
        if not backend.keeps_results:
            yield checks.Warning(
                f"{place}: {carrier} keeps no results, so that get_result() and "
                f"refresh() can't be used.",
                id="channels.W005",
            )
        if backend.process_local:
            yield checks.Warning(
                f"{place}: {carrier} keeps tasks and results only as long as this "
                f"process lives.",
                hint="In production use a backend that processes share. For "
                "development, you can silence this check.",
                id="channels.W006",
            )

    @property
    def _channel_alias(self):
        return self.options.get("CHANNEL_BACKEND", DEFAULT_CHANNEL_BACKEND_ALIAS)


def channel_priority(priority):
    """
    Return the channel's priority, -10 to 10, for a task's, -100 to 100: one for
    ten. What differs from 0 does so still.
    """
    priority = int(priority)
    return priority // 10 if priority < 0 else -(-priority // 10)
