"""Looking after what is in progress, once a second."""

import logging
import threading
from time import sleep

from django.db import connections

logger = logging.getLogger("django.channels")

INTERVAL = 1.0


class Ticker:
    """
    Holds items by key, and calls ``look()`` every INTERVAL seconds as long as
    there are any. Its daemon thread, called ``name``, ends when there are none.
    """

    def __init__(self, look, name):
        self._look = look
        self._name = name
        self._items = {}
        self._lock = threading.Lock()
        self._running = False

    def add(self, key, item):
        with self._lock:
            self._items[key] = item
            if self._running:
                return
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            try:
                thread.start()
                self._running = True
            except RuntimeError as error:
                # No thread is to be had. What is in progress goes on without, and
                # the next item tries again.
                logger.warning("The thread %s could not begin: %s", self._name, error)

    def remove(self, key):
        with self._lock:
            self._items.pop(key, None)

    def get(self, key):
        """Return the item, or None."""
        return self._items.get(key)

    def items(self):
        with self._lock:
            return list(self._items.values())

    def _run(self):
        while True:
            sleep(INTERVAL)
            with self._lock:
                if not self._items:
                    self._running = False
                    break
            try:
                self._look()
            except Exception:
                logger.exception("The thread %s met an error and goes on.", self._name)
        # What is looked at may be in a database.
        connections.close_all()
