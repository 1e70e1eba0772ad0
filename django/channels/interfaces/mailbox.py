"""The way from any thread to the reactor's."""

import logging
from collections import deque

logger = logging.getLogger("django.channels.server")


class Mailbox:
    """
    Calls for the reactor's thread, many for one hop.

    ``call_from_thread`` is the reactor's callFromThread. Calls are made in the
    order in which they were posted; one that raises is logged and harms none
    of the others.
    """

    def __init__(self, call_from_thread):
        self._call_from_thread = call_from_thread
        self._calls = deque()
        self._summoned = False

    def post(self, function, *args):
        """Have the reactor's thread make a call. Any thread may post."""
        self._calls.append((function, args))
        # Two threads may both find it unset: the second visit is empty.
        if not self._summoned:
            self._summoned = True
            self._call_from_thread(self._empty)

    def _empty(self):
        # Unset first: what is posted from here on summons a visit of its own.
        self._summoned = False
        calls = self._calls
        for _ in range(len(calls)):
            try:
                function, args = calls.popleft()
            except IndexError:
                return
            try:
                function(*args)
            except Exception:
                logger.exception("A call in the reactor's thread failed.")
