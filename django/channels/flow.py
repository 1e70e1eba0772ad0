"""How far a streamed response may run ahead of the client that reads it."""

import asyncio
import threading


class Flow:
    """
    A window of bytes between who makes a response and who writes it: another
    thread, or another process.

    The maker takes before it hands over a piece and waits where the window is
    used up; the writer gives back what was written. A piece larger
    than what is left is let through whole, so that no size of piece can get
    stuck. Once closed, for the client is gone, nothing can be taken.
    """

    def __init__(self, window):
        self._left = window
        self._lock = threading.Lock()
        self._closed = False
        self._wake = None

    @property
    def closed(self):
        return self._closed

    def take(self, size, timeout=None):
        """
        Take ``size`` bytes, waiting as long as none are left. Return False
        if the flow is closed, which it is too once none were given back for
        ``timeout`` seconds.
        """
        while True:
            event = threading.Event()
            if self._took(size, event.set):
                return not self._closed
            if not event.wait(timeout):
                self.close()

    async def atake(self, size, timeout=None):
        """Take as take() does, waiting on the running event loop."""
        loop = asyncio.get_running_loop()
        while True:
            event = asyncio.Event()

            def wake():
                try:
                    loop.call_soon_threadsafe(event.set)
                except RuntimeError:
                    # The loop was closed; nobody waits any more.
                    pass

            if self._took(size, wake):
                return not self._closed
            try:
                await asyncio.wait_for(event.wait(), timeout)
            except asyncio.TimeoutError:
                self.close()

    def give(self, size):
        """Give back ``size`` bytes and let the maker go on."""
        with self._lock:
            self._left += size
            wake, self._wake = self._wake, None
        if wake is not None:
            wake()

    def close(self):
        """Let the maker go on, to find that there is nobody to make it for."""
        self._closed = True
        self.give(0)

    def _took(self, size, wake):
        with self._lock:
            if self._closed:
                return True
            if self._left > 0:
                self._left -= size
                return True
            self._wake = wake
            return False
