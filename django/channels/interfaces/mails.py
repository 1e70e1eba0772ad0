"""
Mails about errors, for which a server's thread doesn't wait.

Django's default LOGGING has errors mailed to ADMINS by the thread that logs
them. One thread serves all clients, and each of them can have it log an error.
"""

import logging
import threading
from functools import partial
from queue import SimpleQueue

from django.utils.log import AdminEmailHandler

logger = logging.getLogger("django.channels.server")

# How many wait. Who has got so many knows.
MOST = 100


class Mails:
    """
    Has what AdminEmailHandlers are given in a server's thread, in which
    ``is_serving()`` is true, handled in another one, until close(). Past a
    number that waits, no more of it is mailed.
    """

    def __init__(self, is_serving):
        self._is_serving = is_serving
        self._waiting = SimpleQueue()
        self._thread = None
        self._full = False
        self._filters = [(each, partial(self._filter, each)) for each in _handlers()]
        for handler, function in self._filters:
            handler.addFilter(function)

    def close(self, timeout=0.0):
        """Go on for up to ``timeout`` seconds with what waits."""
        for handler, function in self._filters:
            handler.removeFilter(function)
        if self._thread is not None:
            self._waiting.put(None)
            self._thread.join(timeout)

    def _filter(self, handler, record):
        """Tell whether the handler is to handle the record now."""
        if not self._is_serving():
            return True
        if self._waiting.qsize() >= MOST:
            if not self._full:
                self._full = True
                logger.warning("%d mails to ADMINS wait: no more are written.", MOST)
            return False
        self._full = False
        self._waiting.put((handler, record))
        if self._thread is None:
            thread = threading.Thread(
                target=self._work, name="channels-mails", daemon=True
            )
            try:
                thread.start()
                self._thread = thread
            except RuntimeError:
                # No thread is to be had: the next record's tries again.
                pass
        return False

    def _work(self):
        while (item := self._waiting.get()) is not None:
            handler, record = item
            try:
                handler.handle(record)
            except Exception:
                handler.handleError(record)


def _handlers():
    found = logging.root.manager.loggerDict.values()
    loggers = [each for each in found if isinstance(each, logging.Logger)]
    return {
        handler
        for each in (logging.root, *loggers)
        for handler in each.handlers
        if isinstance(handler, AdminEmailHandler)
    }
