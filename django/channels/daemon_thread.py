"""A thread that nobody waits for when its process ends."""

import threading
import weakref
from concurrent.futures import Executor, Future
from functools import partial
from queue import SimpleQueue


class DaemonThread(Executor):
    """
    An executor with one thread, which doesn't keep its process: Python waits for
    those of a ThreadPoolExecutor, also for one that hangs.
    """

    def __init__(self):
        self._calls = SimpleQueue()
        self._thread = threading.Thread(
            target=_work, args=[self._calls], name="channels-async", daemon=True
        )
        self._thread.start()
        # Who forgets it has no more for the thread.
        weakref.finalize(self, self._calls.put, None).atexit = False

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        self._calls.put((future, partial(function, *args, **kwargs)))
        return future

    def shutdown(self, wait=True):
        self._calls.put(None)
        if wait:
            self._thread.join()


def _work(calls):
    while (item := calls.get()) is not None:
        _call(*item)
        # What was called lives no longer than that.
        del item


def _call(future, function):
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(result)
    finally:
        # It would be in the traceback of the error that it has.
        del future
