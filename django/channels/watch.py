"""Watching over the workers that requests of this process wait for."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

from django.db import connections

from . import names
from .exceptions import ChannelError, NoWorker, WorkerLost
from .message import Message
from .remote import WORKERS
from .ticker import INTERVAL, Ticker

logger = logging.getLogger("django.channels")

# How often in a row a request is seen with neither a worker nor a place in the
# queue before it's lost. A worker says that it has one within two looks.
LOOKS = 5


class Watch:
    """
    Whether workers are there on a SharedChannelBackend, and those that have
    requests of this process still live. There is one for each backend:
    ``backend.part(Watch)``.
    """

    def __init__(self, backend):
        self._backend = backend
        self._ticker = Ticker(self._look, "channels-watch")
        self._asking = threading.Lock()
        # When it was last asked whether workers are there, and the answer.
        self._asked = float("-inf")
        self._workers = None
        self._senders = ThreadPoolExecutor(2, "channels-watch-sender")
        # When the latest request was sent that a worker is known to have taken.
        self._taken = float("-inf")

    def require_worker(self):
        """
        Raise NoWorker where no process answers requests. That is asked once a
        second, no matter how many requests there are.
        """
        if monotonic() - self._asked > INTERVAL:
            # Who needn't know uses the old answer meanwhile.
            if self._asking.acquire(blocking=not self._workers):
                try:
                    if monotonic() - self._asked > INTERVAL:
                        self._ask()
                finally:
                    self._asking.release()
        if not self._workers:
            raise no_worker(self._backend)

    def forget(self):
        """Ask again at the next request: the store was out of reach."""
        self._asked = float("-inf")

    def add(self, request):
        """Watch over a PendingRequest."""
        self._ticker.add(request.name, request)

    def remove(self, request):
        self._ticker.remove(request.name)
        if request.heard_of:
            self._taken = max(self._taken, request.sent)

    def say_gone(self, request):
        """Let the worker know that nobody waits; in a thread, at once."""
        try:
            self._senders.submit(self._say_gone, request.name, request.worker)
        except RuntimeError:
            # The interpreter is ending: the worker finds this process gone.
            pass

    def _ask(self):
        self._workers = self._backend.processes_in(WORKERS)
        self._asked = monotonic()

    def _say_gone(self, name, worker):
        content = {"request": name, "gone": True}
        try:
            if worker is None:
                self._backend.group_send(WORKERS, content)
            else:
                self._backend.reach(Message(worker, content))
        except ChannelError as error:
            logger.warning("A worker wasn't told that a client has gone: %s", error)
        finally:
            # The store may be a database.
            connections.close_all()

    def _look(self):
        now = monotonic()
        requests = [r for r in self._ticker.items() if now - r.sent > INTERVAL]
        if not requests:
            return
        try:
            self._look_at([r for r in requests if r.worker is not None])
            self._look_for([r for r in requests if r.worker is None])
        except ChannelError as error:
            logger.warning("Requests could not be watched over: %s", error)
            for request in requests:
                request.looks = 0

    def _look_at(self, requests):
        """Fail those whose worker has died."""
        workers = {names.process_of(request.worker) for request in requests}
        alive = self._backend._alive(workers) if workers else set()
        for request in requests:
            if names.process_of(request.worker) not in alive:
                request.fail(worker_lost())

    def _look_for(self, requests):
        """Fail those that no worker has, nor is going to have."""
        if not requests:
            return
        self._ask()
        waiting = self._backend.waiting(names.HTTP_REQUEST)
        for request in requests:
            if self._workers and waiting and request.sent > self._taken - INTERVAL:
                # It may be among them, unless one that was sent well after it is
                # not: they are taken in order.
                request.looks = 0
                continue
            request.looks += 1
            if request.looks >= LOOKS:
                # Even where some wait and no worker is left: nobody knows which.
                request.fail(worker_lost())


def no_worker(backend):
    return NoWorker(
        f"No worker answers requests on {backend}: start runworker, with the same "
        f"CHANNEL_BACKENDS."
    )


def worker_lost():
    return WorkerLost("The worker that had the request has died.")
