"""
WebSocket clients, all of them on one event loop: python crowd.py URL…

A line in is a JSON list, the name of a method of Crowd's and its arguments; a
line out is what it returns, with the seconds that it took and the processor
time. The URLs take turns. picows on uvloop costs less than any server here.
"""

import asyncio
import json
import sys
import time
from statistics import median, quantiles

import uvloop
from picows import WSListener, WSMsgType, ws_connect

CONTENT = b"Thirty-two bytes that come back."
# How many handshakes there are at a time.
AT_ONCE = 64
# How long something may take after its time is over, in seconds.
PATIENCE = 60


class Client(WSListener):
    """One socket. ``heard`` is called with it for each message."""

    def __init__(self, crowd):
        self.crowd = crowd
        self.said_at = 0

    def on_ws_connected(self, transport):
        self.transport = transport

    def on_ws_frame(self, transport, frame):
        if frame.msg_type is WSMsgType.TEXT:
            self.crowd.heard(self)
        elif frame.msg_type is WSMsgType.CLOSE:
            self.crowd.fail(f"The server closed with {frame.get_close_code()}.")
            transport.disconnect()

    def on_ws_disconnected(self, transport):
        self.crowd.fail("The server ended a connection.")

    def say(self, content=CONTENT):
        self.said_at = time.perf_counter()
        self.transport.send(WSMsgType.TEXT, content)


class Crowd:
    def __init__(self, urls):
        self.urls = urls
        self.clients = []
        self.done = None
        self.heard = self.hear_nothing

    async def open(self, number):
        """Open so many more sockets."""
        slots = asyncio.Semaphore(AT_ONCE)
        first = len(self.clients)
        self.clients += await asyncio.gather(
            *(self.open_one(i, slots) for i in range(first, first + number))
        )
        return {"opened": number}

    async def open_one(self, i, slots):
        async with slots:
            url = self.urls[i % len(self.urls)]
            _, client = await ws_connect(
                lambda: Client(self), url, websocket_handshake_timeout=PATIENCE
            )
            return client

    async def echo(self, seconds):
        """Have each socket say the next thing when it has heard the last one."""
        took, busy = [], len(self.clients)
        begun = time.perf_counter()
        deadline = begun + seconds

        def heard(client):
            nonlocal busy
            now = time.perf_counter()
            took.append(now - client.said_at)
            if now < deadline:
                client.say()
                return
            busy -= 1
            if not busy:
                self.end()

        async with self.listening(heard, seconds):
            for client in self.clients:
                client.say()
        lasted = time.perf_counter() - begun
        return {"messages": len(took), "seconds": lasted, **latencies(took)}

    async def broadcast(self, seconds, window):
        """
        Have one socket say what all hear, ``window`` times without waiting and
        then each time that all have heard something.
        """
        took, said_at = [], []
        speaker, members = self.clients[0], len(self.clients)
        begun = time.perf_counter()
        heard_in_all, next_at = 0, members

        def say():
            said_at.append(time.perf_counter())
            speaker.say()

        def heard(client):
            nonlocal heard_in_all, next_at
            heard_in_all += 1
            if heard_in_all < next_at:
                return
            now = time.perf_counter()
            took.append(now - said_at[len(took)])
            next_at += members
            if now < begun + seconds:
                say()
            elif len(took) == len(said_at):
                self.end()

        async with self.listening(heard, seconds):
            for _ in range(window):
                say()
        lasted = time.perf_counter() - begun
        return {"messages": heard_in_all, "seconds": lasted, **latencies(took)}

    async def ask(self, times, *contents):
        """Have the first socket say each content, and hear what it brings."""
        took, client = [], self.clients[0]
        for i in range(times):
            content = contents[i % len(contents)].encode()
            async with self.listening(lambda client: self.end(), 0):
                client.say(content)
            took.append(time.perf_counter() - client.said_at)
        return latencies(took)

    async def each(self, *contents):
        """Have each socket say its content, and hear an answer."""
        waiting = len(self.clients)

        def heard(client):
            nonlocal waiting
            waiting -= 1
            if not waiting:
                self.end()

        async with self.listening(heard, 0):
            for client, content in zip(self.clients, contents, strict=True):
                client.say(content.encode())
        return {}

    def listening(self, heard, seconds):
        return Listening(self, heard, seconds + PATIENCE)

    def hear_nothing(self, client):
        """Pass over what is heard out of turn."""

    def end(self):
        if not self.done.done():
            self.done.set_result(None)

    def fail(self, reason):
        if self.done and not self.done.done():
            self.done.set_exception(ConnectionError(reason))


class Listening:
    """Pass messages to ``heard`` until it says that it's the end."""

    def __init__(self, crowd, heard, patience):
        self.crowd, self.patience = crowd, patience
        crowd.heard = heard
        crowd.done = asyncio.get_running_loop().create_future()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc_info):
        try:
            await asyncio.wait_for(self.crowd.done, self.patience)
        finally:
            self.crowd.heard, self.crowd.done = self.crowd.hear_nothing, None


def latencies(seconds):
    if len(seconds) < 2:
        return {"p50_ms": 0, "p99_ms": 0}
    p99 = quantiles(seconds, n=100)[98]
    return {"p50_ms": median(seconds) * 1e3, "p99_ms": p99 * 1e3}


async def main(urls):
    crowd = Crowd(urls)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        name, *arguments = json.loads(line)
        clock, processor = time.perf_counter(), time.process_time()
        try:
            result = await getattr(crowd, name)(*arguments)
        except Exception as error:
            print(json.dumps({"error": f"{name}: {error!r}"}), flush=True)
            continue
        lasted = time.perf_counter() - clock
        used = time.process_time() - processor
        result = {"seconds": lasted, **result, "load": 100 * used / lasted}
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1:]))
