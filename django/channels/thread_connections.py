"""
Whether a thread has connections to databases. Mostly it has none, and to look
for each takes more of a small message's time than to handle it.
"""

import threading

from django.db import connections


def has_connections():
    """
    Tell whether this thread may have connections to databases. If not, there
    is none to close, and no log of queries to empty.
    """
    # Asked of connections.all(initialized_only=True), an alias without one is an
    # exception or two. What a thread has is in here, but for code on an event
    # loop; asgiref may keep it elsewhere some day, and then it's looked for.
    storage = getattr(connections._connections, "_storage", None)
    return type(storage) is not threading.local or bool(storage.__dict__)
