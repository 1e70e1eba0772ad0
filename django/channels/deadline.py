"""
``deadline(seconds)``: asyncio.timeout(), on Python 3.10 too; and whether a task
was cancelled.
"""

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


def is_cancellation(error):
    """
    Tell whether the error is there because the current task is being cancelled.
    A CancelledError isn't where the task awaited another that was cancelled. On
    Python 3.10 there is no telling, and each is taken for one.
    """
    if not isinstance(error, asyncio.CancelledError):
        return False
    try:
        task = asyncio.current_task()
    except RuntimeError:
        # Plain code, which nobody cancels.
        return False
    return not hasattr(task, "cancelling") or task.cancelling() > 0


__all__ = ["deadline", "is_cancellation"]
