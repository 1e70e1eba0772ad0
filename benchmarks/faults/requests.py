"""Clients that ask for pages: at a rate, as fast as they can, or very slowly."""

import asyncio
import socket
from contextlib import asynccontextmanager
from itertools import count, cycle
from time import monotonic

# How long an answer may take, in seconds.
PATIENCE = 60

# The kinds of requests, in turns. Numbers are for the work that is left.
PATHS = ["/sync/", "/async/", "/stream/", "/upload/", "/send/{}/"]

# The bytes of an upload.
BODY = b"x" * 10_000


class Answers:
    """The seconds that answers took, by status; 0 is for no whole answer."""

    def __init__(self):
        self.seconds = {}

    def add(self, status, seconds):
        self.seconds.setdefault(status, []).append(seconds)

    def number(self, *statuses):
        return sum(len(self.seconds.get(status, ())) for status in statuses)

    def median(self, status=200):
        """Return the median of this status, in seconds, or infinity."""
        times = sorted(self.seconds.get(status, ()))
        return times[len(times) // 2] if times else float("inf")

    def others(self):
        """Return the statuses besides 200 and 503."""
        return sorted(self.seconds.keys() - {200, 503})


class Requests:
    """Requests for the server at this port, all kinds of them in turns."""

    def __init__(self, port):
        self.port = port
        self._paths, self._numbers = cycle(PATHS), count()
        # How many were answered well that leave work for later.
        self.sent = 0

    async def at_rate(self, rate, seconds):
        """
        Send so many a second, whatever becomes of them; return the Answers.
        """
        answers, tasks, begun = Answers(), [], monotonic()
        for i in range(round(rate * seconds)):
            await asyncio.sleep(max(0, begun + i / rate - monotonic()))
            tasks.append(asyncio.create_task(self.ask(answers)))
        await asyncio.gather(*tasks)
        return answers

    async def as_fast_as_possible(self, clients, seconds):
        """Return how many good answers a second so many clients get."""
        answers, end = Answers(), monotonic() + seconds

        async def ask():
            while monotonic() < end:
                await self.ask(answers)

        await asyncio.gather(*(ask() for _ in range(clients)))
        return answers.number(200) / seconds

    async def ask(self, answers):
        """Send the next one; note and return its status."""
        path, begun = next(self._paths).format(next(self._numbers)), monotonic()
        body = BODY if path == "/upload/" else b""
        try:
            status = await asyncio.wait_for(self._fetch(path, body), PATIENCE)
        except (OSError, EOFError, asyncio.TimeoutError):
            status = 0
        answers.add(status, monotonic() - begun)
        self.sent += status == 200 and path.startswith("/send/")
        return status

    async def _fetch(self, path, body):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(head(path, len(body)) + body)
            answer = await reader.read()
            status = int(answer.split(None, 2)[1]) if answer else 0
            return 0 if status == 200 and b"do" not in answer else status
        finally:
            writer.close()

    @asynccontextmanager
    async def slow_clients(self, number):
        """
        Meanwhile half of so many clients send an upload byte by byte, and half
        read a large answer bit by bit. Yield a function that returns how many
        the server hasn't cut off.
        """
        slow = []
        for i in range(number):
            slow.append(await self._slow_client(send=i % 2))
        tasks = [asyncio.create_task(client) for client in slow]
        try:
            yield lambda: sum(not task.done() for task in tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _slow_client(self, send):
        """
        Return the coroutine of a client that has begun: it has sent the header of
        its upload, or has the beginning of a good answer.
        """
        loop = asyncio.get_running_loop()
        path = "/upload/" if send else "/large/"
        while True:
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", self.port))
            await loop.sock_sendall(client, head(path, len(BODY) if send else 0))
            if send or b" 200 " in await loop.sock_recv(client, 16):
                break
            # There was no place for it.
            client.close()
            await asyncio.sleep(0.1)

        async def go_on():
            with client:
                while True:
                    await asyncio.sleep(1)
                    if send:
                        await loop.sock_sendall(client, b"x")
                    elif not await loop.sock_recv(client, 100):
                        return

        return go_on()


def head(path, length):
    return (
        f"{'POST' if length else 'GET'} {path} HTTP/1.1\r\n"
        f"Host: 127.0.0.1\r\nContent-Length: {length}\r\n"
        f"Connection: close\r\n\r\n"
    ).encode()
