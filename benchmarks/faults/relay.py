"""A network between processes and a server, with faults of its own."""

import asyncio
import threading
import time
from contextlib import suppress
from itertools import count

# Of so many replies one is torn.
TORN_EACH = 20


class Relay:
    """
    A TCP relay, on ``port`` of 127.0.0.1, to the server on another port. While
    it's entered, a thread passes on what comes. Each fault takes as many
    seconds as it's called for.
    """

    def __init__(self, server_port):
        self.server_port = server_port
        self._ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name="relay"
        )
        self._writers = set()
        self._refuses = self._tears = False
        self._replies = count(1)

    def __enter__(self):
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *exc_info):
        self._call(self._end.set)
        self._thread.join()

    def cut(self, seconds):
        """Drop all connections, and new ones at once."""
        self._refuses = True
        self._call(self._drop_all)
        time.sleep(seconds)
        self._refuses = False

    def hold_requests(self, seconds):
        """Pass on nothing to the server; what came arrives late."""
        self._hold(self._requests, seconds)

    def hold_answers(self, seconds):
        """Pass on nothing from the server; what came arrives late."""
        self._hold(self._answers, seconds)

    def tear(self, seconds):
        """End connections in the middle of an answer, again and again."""
        self._tears = True
        time.sleep(seconds)
        self._tears = False

    def _hold(self, gate, seconds):
        self._call(gate.clear)
        time.sleep(seconds)
        self._call(gate.set)

    def _call(self, function):
        self._loop.call_soon_threadsafe(function)

    # In the thread.

    async def _serve(self):
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        # They're open while all is well.
        self._requests, self._answers = asyncio.Event(), asyncio.Event()
        self._requests.set()
        self._answers.set()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        self._requests.set()
        self._answers.set()
        while self._writers:
            self._drop_all()
            await asyncio.sleep(0.01)

    def _drop_all(self):
        for writer in self._writers:
            writer.transport.abort()

    async def _connected(self, reader, writer):
        mine = {writer}
        self._writers.add(writer)
        try:
            if self._refuses:
                return
            with suppress(OSError):
                answers, server = await asyncio.open_connection(
                    "127.0.0.1", self.server_port
                )
                mine.add(server)
                self._writers.add(server)
                await asyncio.gather(
                    self._pass_on(reader, server, self._requests),
                    self._pass_on(answers, writer, self._answers, tears=True),
                )
        finally:
            for each in mine:
                each.close()
            self._writers -= mine

    async def _pass_on(self, reader, writer, gate, tears=False):
        while data := await reader.read(65536):
            await gate.wait()
            torn = tears and self._tears and next(self._replies) % TORN_EACH == 0
            writer.write(data[: len(data) // 2] if torn else data)
            await writer.drain()
            if torn:
                break
        # The other direction ends with this one.
        raise ConnectionError
