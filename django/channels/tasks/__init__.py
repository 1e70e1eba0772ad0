"""
Tasks: a backend for Django's task API whose queues are durable channels.

``api``
    The task API: Django's own, or that of the package django-tasks.
``queues``
    Which channel a queue is, and that workers receive from it.
``results``
    A task's result as plain values, and back.
``backend``, ``consumer``
    What enqueues tasks, and what runs them.

Only ``queues`` is imported without the task API being in use.
"""

__all__ = ["ChannelsBackend"]


def __getattr__(name):
    # The registry of consumers imports this package in every process.
    if name == "ChannelsBackend":
        from .backend import ChannelsBackend

        return ChannelsBackend
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
