"""Clients of interface servers: WebSockets, all of them on one event loop."""

import asyncio
from contextlib import asynccontextmanager

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

# How long a client waits for what it has to receive, in seconds.
PATIENCE = 60

# How many handshakes there are at a time.
AT_ONCE = 50


class Client:
    """
    One socket. ``said`` is how many frames it sent that come back, ``echoes``
    and ``broadcasts`` are the numbers in what it has received, in order, and
    ``lost`` says how it ended, if it wasn't closed here.
    """

    def __init__(self, socket):
        self.socket = socket
        self.said = 0
        self.echoes, self.broadcasts = [], []
        self.lost = None
        self._changed = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def say(self, number):
        """Send a frame that comes back."""
        self.said += 1
        await self._send(f"echo {number}")

    async def broadcast(self, number):
        """Send a frame that goes to every socket."""
        await self._send(f"all {number}")

    async def _send(self, text):
        try:
            await self.socket.send(text)
        except ConnectionClosed:
            # The reader notes it.
            pass

    async def wait_until(self, condition, patience=PATIENCE):
        """Return whether ``condition()`` gets true before the socket ends."""
        try:
            await asyncio.wait_for(self._wait(condition), patience)
        except asyncio.TimeoutError:
            pass
        return bool(condition())

    async def _wait(self, condition):
        while not condition() and self.lost is None:
            self._changed.clear()
            await self._changed.wait()

    async def close(self):
        self._reader.cancel()
        await asyncio.wait([self._reader])
        await self.socket.close()

    async def _read(self):
        kinds = {"echo": self.echoes, "all": self.broadcasts}
        try:
            async for text in self.socket:
                kind, number = text.split()
                kinds[kind].append(int(number))
                self._changed.set()
        except ConnectionClosed:
            pass
        self.lost = f"closed with {self.socket.close_code}"
        self._changed.set()


@asynccontextmanager
async def clients(number, *urls):
    """Yield so many clients, of the URLs in turns; close them at the end."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def open_one(i):
        async with slots:
            url = urls[i % len(urls)]
            # Whether a socket is alive is for the scripts to say.
            options = {"ping_interval": None, "open_timeout": PATIENCE}
            return Client(await connect(url, **options))

    opened = await asyncio.gather(*map(open_one, range(number)))
    try:
        yield opened
    finally:
        await asyncio.gather(*(client.close() for client in opened))
