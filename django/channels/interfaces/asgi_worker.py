"""The worker of a process that runs in an ASGI server."""

import atexit
import logging
import threading

from django.channels.loop import LoopThread
from django.channels.worker import Worker

from .development import default_threads

logger = logging.getLogger("django.channels.server")

# How many seconds consumers have to end when the process does.
GRACE = 10.0

_lock = threading.Lock()
_worker = None


def start_worker(backend, loop):
    """
    Start this process's worker, once, if nobody else could handle what is
    sent here: the backend is in this process's memory.
    """
    global _worker
    if not backend.process_local:
        return
    with _lock:
        if _worker is not None and _worker.backend is backend:
            if _worker.loop.server.is_closed():
                _worker.loop.server = loop
            return
        _worker = Worker(backend, default_threads(), loop=ServerLoop(loop))
        _worker.start()
        atexit.unregister(stop_worker)
        atexit.register(stop_worker)
    logger.warning(
        "The channels of this process are in its memory: its WebSockets and their "
        "groups hear of no other process. Run one server process, or have several "
        "share a backend: see CHANNEL_BACKENDS."
    )


def stop_worker(grace=GRACE):
    """Stop the worker, if there is one, as Worker.stop() does."""
    global _worker
    with _lock:
        worker, _worker = _worker, None
    if worker is not None:
        worker.stop(grace)


class ServerLoop(LoopThread):
    """
    The event loop of the ASGI server, so that consumers share it with async
    views. When it's closed, a loop of its own.
    """

    def __init__(self, loop):
        super().__init__()
        self.server = loop

    def run(self, function, *args):
        try:
            self.server.call_soon_threadsafe(
                self._create_task, self.server, function, args
            )
        except RuntimeError:
            super().run(function, *args)
