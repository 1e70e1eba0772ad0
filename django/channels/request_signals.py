"""
The signals around a request, as Django's handlers send them, without the
receivers of Django's own that would find nothing to do.

They close what databases and caches have open, and most of their time is to
look for it: that, and to call them, took a sixth of a small request's time.
"""

from types import MethodType

from django.core import signals
from django.core.cache import close_caches
from django.core.handlers.base import reset_urlconf
from django.db import close_old_connections, reset_queries
from django.dispatch import Signal
from django.http.response import HttpResponseBase

from .originals import original
from .thread_connections import has_caches, has_connections

# As Django has them: a tool may replace them, and then they are called. It may
# have done so before the first request, which imports this.
_send = original(Signal, Signal.send)
_close = original(HttpResponseBase, HttpResponseBase.close)


class Receivers:
    """Those of Django's own for a signal."""

    def __init__(self, *functions):
        # What a Signal knows its receivers by.
        self._ids = {id(function) for function in functions}
        # Its entries when they were looked at, if there were no others.
        self._entries = None

    def are_all(self, signal):
        """Tell whether send() would call these and do nothing else."""
        send = signal.send
        # By its very type: a tool's proxy looks like what it has replaced.
        if type(send) is not MethodType or send.__func__ is not _send:
            return False
        entries = signal.receivers
        if entries == self._entries:
            return True
        if {entry[0][0] for entry in entries} != self._ids:
            return False
        self._entries = entries.copy()
        return True


_AT_START = Receivers(reset_queries, close_old_connections)
_AT_END = Receivers(close_old_connections, close_caches, reset_urlconf)


def send_started(sender, **came):
    """Send request_started; ``came`` is the request's ``environ`` or ``scope``."""
    if has_connections() or not _AT_START.are_all(signals.request_started):
        signals.request_started.send(sender=sender, **came)


def send_finished(sender):
    """Send request_finished."""
    if has_connections() or not _AT_END.are_all(signals.request_finished):
        signals.request_finished.send(sender=sender)
        return
    if has_caches():
        close_caches()
    reset_urlconf(sender)


def close(response):
    """Close the response, which sends request_finished."""
    # Its class may have another, and wrappers put one into the response itself.
    method = response.close
    if type(method) is not MethodType or method.__func__ is not _close:
        method()
        return
    closers = response._resource_closers
    for closer in closers:
        try:
            closer()
        except Exception:
            # As there: what can't be closed keeps nothing else open.
            continue
    closers.clear()
    response.closed = True
    send_finished(response._handler_class)
