"""
Whether a thread has connections to databases. Mostly it has none, and to look
for them each time takes more of a small message's time than to handle it.
"""

import threading

from django.db import connections
from django.db.backends.signals import connection_created
from django.dispatch import receiver


class _Thread(threading.local):
    # Whether it may have connections, once that was asked for.
    has_connections = None


_thread = _Thread()


def has_connections():
    """
    Tell whether this thread may have connections to databases. If not, there
    is none to close, and no log of queries to empty.
    """
    if _thread.has_connections is None:
        _thread.has_connections = bool(connections.all(initialized_only=True))
    return _thread.has_connections


@receiver(connection_created)
def note_connection(**kwargs):
    """Have has_connections() be true in this thread from now on."""
    _thread.has_connections = True
