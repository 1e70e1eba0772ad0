"""
Whether a thread has connections to databases and caches. Mostly it has none, and
to look for each takes more of a small message's time than to handle it: an alias
without one is an exception or two.

What there is, is looked for where asgiref keeps it. It may be elsewhere some day,
and then each is looked for.
"""

import threading
from contextvars import ContextVar

from django.core.cache import caches
from django.db import connections


def has_connections():
    """
    Tell whether this thread may have connections to databases. If not, there
    is none to close, and no log of queries to empty.
    """
    storage = getattr(connections._connections, "_storage", None)
    # What code on an event loop has is in here, too.
    return type(storage) is not threading.local or bool(storage.__dict__)


def has_caches():
    """Tell whether there may be caches in this context, which are to be closed."""
    storage = getattr(caches._connections, "_storage", None)
    data = getattr(storage, "_data", None)
    return type(data) is not ContextVar or data.get(None) is not None
