"""The queues of tasks as channels, and who consumes them."""

from django.channels import names
from django.channels.exceptions import InvalidChannelName
from django.conf import settings
from django.utils.module_loading import import_string

# The channel of all queues of a backend that allows any name: no worker could
# know all of them. And the beginning of the name of one queue's.
CHANNEL = "tasks"

# None of these is on channels: they needn't be imported to find out.
OTHERS = ("django.tasks.", "django_tasks.")

# The channels that register() has found.
_registered = set()


def channel_of(queue_name, queues):
    """
    Return the name of the queue's channel: ``tasks.`` and the queue's name, or
    ``tasks`` where ``queues``, those that the backend allows, is empty. Raise
    InvalidChannelName where that can't be a channel's name.
    """
    if not queues:
        return CHANNEL
    name = f"{CHANNEL}.{queue_name}"
    if names.is_reply(name):
        raise InvalidChannelName(f"{name!r} would be a reply channel.")
    return names.validate(name)


def backends():
    """Return the task backends that are on channels."""
    aliases = [*_aliases()]
    if not aliases:
        return []
    from .api import task_backends

    return [task_backends[alias] for alias in aliases]


def register(registry):
    """
    Let the ConsumerRegistry have the consumer of tasks for the queues of every
    alias of TASKS that is on channels, and with which nothing is wrong.
    """
    for backend in backends():
        if backend.problem is not None:
            # A system check says so, and enqueue().
            continue
        # Only now, since this module's import needs the task API.
        from .consumer import tasks

        for name in backend.channels():
            registry.register_default(name, tasks)
            _registered.add(name)


def forget(registry):
    """Undo register(): the setting has changed."""
    while _registered:
        registry.discard_default(_registered.pop())


def _aliases():
    configured = getattr(settings, "TASKS", None)
    if not isinstance(configured, dict):
        return
    for alias, params in configured.items():
        path = params.get("BACKEND", "") if isinstance(params, dict) else ""
        if not isinstance(path, str) or path.startswith(OTHERS):
            continue
        try:
            backend_class = import_string(path)
        except ImportError:
            # The task API says so, where the alias is used.
            continue
        if getattr(backend_class, "is_on_channels", False):
            yield alias
