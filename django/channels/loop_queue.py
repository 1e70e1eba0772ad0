"""A queue from any thread to one event loop."""

import asyncio


class LoopQueue:
    """
    What ``queue.SimpleQueue`` is to a thread, for a coroutine on the running
    event loop: any thread may put, the loop gets.
    """

    def __init__(self):
        self._loop = asyncio.get_running_loop()
        self._queue = asyncio.Queue()

    def put(self, item):
        try:
            self._loop.call_soon_threadsafe(self._queue.put_nowait, item)
        except RuntimeError:
            # The loop was closed; nobody waits any more.
            pass

    async def get(self, timeout=None):
        """Return the oldest item; raise asyncio.TimeoutError."""
        return await asyncio.wait_for(self._queue.get(), timeout)
