"""
Channels in the project's database: what several processes share, with no other
service.

This package is an app, too: its ``models`` are the tables. The backend loads
them when it's made, so that it can be named before Django's apps are ready.

``clock``, ``models``, ``store``, ``marks``, ``jobs``, ``results``
    The rows, and what is done to them through the ORM. ``sqlite`` and
    ``postgresql`` do it with fewer statements. ``jobs`` are durable and delayed
    messages, ``marks`` those of unique ones, ``results`` what was kept of tasks.
``failures``, ``outage``, ``alarm``, ``notifications``, ``watcher``
    Its errors as ours; threads that go on when it's away, and the one that
    wakes others.
``receiver``, ``inbox``, ``durable``, ``backend``
    What SharedChannelBackend and DurableDelivery ask for.
"""

from .backend import DatabaseChannelBackend

__all__ = ["DatabaseChannelBackend"]
