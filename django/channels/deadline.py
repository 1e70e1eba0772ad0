"""``deadline(seconds)``: asyncio.timeout(), on Python 3.10 too."""

import asyncio

try:
    from asyncio import timeout as deadline
except ImportError:

    class deadline:
        """Cancel the block after ``seconds``; it then raises TimeoutError."""

        def __init__(self, seconds):
            self._seconds = seconds
            self._handle = None
            self._expired = False

        def expired(self):
            return self._expired

        async def __aenter__(self):
            if self._seconds is not None:
                self._handle = asyncio.get_running_loop().call_later(
                    self._seconds, self._expire, asyncio.current_task()
                )

        async def __aexit__(self, kind, value, traceback):
            if self._handle is not None:
                self._handle.cancel()
            if self._expired and kind is asyncio.CancelledError:
                raise asyncio.TimeoutError from value

        def _expire(self, task):
            self._expired = True
            task.cancel()


__all__ = ["deadline"]
