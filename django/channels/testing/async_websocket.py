"""The client's end of a WebSocket in an async test; see websocket.py."""

import asyncio
import json
from time import monotonic

from django.channels.inline import arun_here
from django.channels.interfaces.close_codes import NORMAL

from . import running
from .base_websocket import PATIENCE, BaseWebSocket

# Tells unittest to leave the frames of this module out of tracebacks.
__unittest = True


class AsyncWebSocket(BaseWebSocket):
    """
    A WebSocket of AsyncClient; see WebSocket. ``await`` or ``async with``
    opens it.
    """

    def __await__(self):
        return self.connect().__await__()

    async def __aenter__(self):
        return await self.connect()

    async def __aexit__(self, kind, value, traceback):
        if kind is None:
            await self.close()

    async def connect(self):
        if self.status_code is None:
            self._edge.open(self._target, self._headers)
            await self._drive()
        return self

    async def send(self, content):
        self._send(content)
        await self._drive()

    async def send_json(self, value):
        await self.send(json.dumps(value, cls=self._client.json_encoder))

    async def receive(self, timeout=1):
        await self._await_message(timeout)
        return self._take(timeout)

    async def receive_json(self, timeout=1):
        await self._await_message(timeout)
        return self._take_json(timeout)

    async def receive_nothing(self, timeout=0):
        await self._await_message(timeout)
        self._take_nothing()

    async def close(self, code=NORMAL, reason=""):
        await self._drive()
        self._close(code, reason)
        await self._drive()

    async def _drive(self):
        edge = self._edge
        with running.one_by_one():
            while (message := edge.settle()) or edge.is_with_worker:
                if message is not None:
                    self._ran(await arun_here(edge.backend, message))
                elif not await self._wait(PATIENCE):
                    break
        await running.arun_at_once()
        edge.settle()
        self._raise()

    async def _await_message(self, timeout):
        end = monotonic() + timeout
        await self._drive()
        while timeout > 0 and not self._edge.inbox and self._is_open:
            await self._wait(timeout)
            # What another thread did may be something else.
            await self._drive()
            timeout = end - monotonic()

    async def _wait(self, timeout):
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        self._edge.wake = lambda: loop.call_soon_threadsafe(event.set)
        try:
            if not self._edge.is_due:
                await asyncio.wait_for(event.wait(), timeout)
        except asyncio.TimeoutError:
            return False
        finally:
            self._edge.wake = None
        return True
