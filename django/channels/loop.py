"""The event loop that ``async def`` consumers and views of a worker run on."""

import asyncio
import threading
from concurrent.futures import TimeoutError

from asgiref.sync import SyncToAsync, ThreadSensitiveContext

from .signals import logger
from .spare_threads import OwnThread, SpareThreads

# How many seconds a cancelled task has to end.
CANCEL_TIME = 1.0

# How many seconds stopping may take beyond its timeout.
END_TIME = CANCEL_TIME + 1.0


class LoopThread:
    """One event loop in a daemon thread of its own, started at first use."""

    def __init__(self):
        self._lock = threading.Lock()
        self._loop = None
        # The future of the loop that is done when it's to end.
        self._end = None
        # The set keeps a task from being collected while it waits.
        self._tasks = set()
        self._spare = SpareThreads()

    def run(self, function, *args):
        """
        Run ``function(*args)``, a coroutine function, on the loop; return at
        once. Synchronous code that it calls through sync_to_async() has a
        thread of its own, as under ASGIHandler.
        """
        loop = self._loop or self._start()
        loop.call_soon_threadsafe(self._create_task, loop, function, args)

    def stop(self, timeout=None):
        """
        Wait for what runs for ``timeout`` seconds, None for ever; cancel what
        is left; end. Return whether nothing was left.
        """
        try:
            return self._stop(timeout)
        finally:
            self._spare.close()

    def _stop(self, timeout):
        with self._lock:
            loop, self._loop = self._loop, None
            end = self._end
        if loop is None:
            return True
        ending = asyncio.run_coroutine_threadsafe(self._end_all(timeout), loop)
        ending.add_done_callback(
            lambda _: loop.call_soon_threadsafe(end.set_result, None)
        )
        try:
            return ending.result(None if timeout is None else timeout + END_TIME)
        except TimeoutError:
            # A coroutine blocks the loop. Its thread is a daemon.
            return False

    def _start(self):
        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()
                self._end = loop.create_future()
                self._thread = threading.Thread(
                    target=self._main,
                    args=[loop, self._end],
                    name="channels-loop",
                    daemon=True,
                )
                self._thread.start()
                self._loop = loop
            return self._loop

    def _main(self, loop, end):
        asyncio.set_event_loop(loop)
        try:
            run_until_done(loop, end)
            run_until_done(loop, loop.create_task(loop.shutdown_asyncgens()))
        finally:
            loop.close()

    def _create_task(self, loop, function, args):
        task = loop.create_task(in_own_context(self._spare, function, args))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end_all(self, timeout):
        ended = True
        for patience in (timeout, CANCEL_TIME):
            if self._tasks:
                _, left = await asyncio.wait(set(self._tasks), timeout=patience)
                for task in left:
                    task.cancel()
                ended = ended and not left
        return ended


def run_until_done(loop, future):
    """Run the loop until the future is done, whatever is raised on it."""
    future.add_done_callback(lambda _: loop.stop())
    # A stop() is forgotten by a loop that something is raised out of.
    while not future.done():
        try:
            loop.run_forever()
        except (SystemExit, KeyboardInterrupt) as error:
            # asyncio raises these, of a task or a callback, out of the loop.
            logger.exception(
                "A task or callback on the event loop raised %s; the worker goes on.",
                type(error).__name__,
            )


async def in_own_context(spare, function, args):
    """
    Await ``function(*args)``, with a thread of its own, if it needs one, whose
    database connections are left tidy.
    """
    async with ThreadSensitiveContext() as context:
        thread = OwnThread(spare)
        threads = SyncToAsync.context_to_thread_executor
        threads[context] = thread
        try:
            await function(*args)
        finally:
            # Before the context ends its thread. What was begun here and goes
            # on nevertheless has another one.
            threads.pop(context, None)
            thread.release()
