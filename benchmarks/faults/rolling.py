"""Workers are restarted while sockets chat, which notice nothing."""

import asyncio
import random

from .findings import Findings
from .sockets import clients

# How many frames a socket sends at a time, and how often one speaks to all, in
# seconds.
BURST = 3
BROADCAST_PAUSE = 0.5


class Rolling:
    """
    An interface server without workers, and two workers, which are restarted
    one after the other, again and again. Each socket sends numbered frames,
    which come back, and the first one frames for all.
    """

    name = "rolling"
    title = "Workers are restarted while sockets chat"
    backends = ["redis"]
    options = {}
    workers = 2
    threads = 4

    def __init__(self, quick=False):
        self.rounds, self.sockets = (2, 30) if quick else (20, 500)
        # Between the bursts of a socket, at most, in seconds.
        self.pause = 1 if quick else 10

    def run(self, site):
        return asyncio.run(self.run_with_sockets(site))

    async def run_with_sockets(self, site):
        (server,) = site.start_servers(1)
        workers = site.start_workers(self.workers, "--threads", self.threads)
        async with clients(self.sockets, server.url) as crowd:
            chat = Chat(crowd, self.pause)
            talking = asyncio.create_task(chat.run())
            statuses = await asyncio.to_thread(self.restart, site, workers)
            chat.ended.set()
            await talking
        findings = Findings("", "number")
        judge(findings, crowd, chat.broadcasts)
        restarts = self.rounds * self.workers
        findings.check("restarts that ended well", statuses.count(0), restarts)
        findings.check("the server lives", server.is_alive, True)
        return findings

    def restart(self, site, workers):
        """Restart all of the workers in turn; return their exit statuses."""
        statuses = []
        for _ in range(self.rounds):
            for i, worker in enumerate(workers):
                statuses.append(worker.stop())
                (workers[i],) = site.start_workers(1, "--threads", self.threads)
        return statuses


class Chat:
    """What sockets do until ``ended`` is set."""

    def __init__(self, crowd, pause):
        self.crowd, self.pause = crowd, pause
        self.ended = asyncio.Event()
        self.broadcasts = 0

    async def run(self):
        """Return when all was heard, or won't be any more."""
        await asyncio.gather(self.speak_to_all(), *map(self.speak, self.crowd))
        await asyncio.gather(
            *(
                client.wait_until(lambda c=client: len(c.broadcasts) == self.broadcasts)
                for client in self.crowd
            )
        )

    async def speak(self, client):
        await self.rest(random.uniform(0, self.pause))
        while not self.ended.is_set() and client.lost is None:
            for _ in range(BURST):
                await client.say(client.said)
            if not await client.wait_until(lambda: len(client.echoes) == client.said):
                return
            await self.rest(random.uniform(0, self.pause))

    async def speak_to_all(self):
        client = self.crowd[0]
        while not self.ended.is_set() and client.lost is None:
            await client.broadcast(self.broadcasts)
            self.broadcasts += 1
            if not await client.wait_until(
                lambda: len(client.broadcasts) == self.broadcasts
            ):
                return
            await self.rest(BROADCAST_PAUSE)

    async def rest(self, seconds):
        try:
            await asyncio.wait_for(self.ended.wait(), seconds)
        except asyncio.TimeoutError:
            pass


def judge(findings, crowd, broadcasts):
    """Check that each socket heard everything, once and in order."""
    said = sum(client.said for client in crowd)
    heard = sum(len(client.echoes) for client in crowd)
    findings.note("frames that come back", said)
    findings.note("frames to all", broadcasts)
    findings.check("sockets dropped", sum(c.lost is not None for c in crowd), 0)
    findings.check("frames that came back", heard, said)
    expected = len(crowd) * broadcasts
    heard = sum(len(client.broadcasts) for client in crowd)
    findings.check("frames to all, heard by each", heard, expected)
    disordered = sum(
        not is_ordered(client.echoes) or not is_ordered(client.broadcasts)
        for client in crowd
    )
    findings.check("sockets that heard something twice or late", disordered, 0)


def is_ordered(numbers):
    """Tell whether each number is higher than the one before it."""
    return all(first < second for first, second in zip(numbers, numbers[1:]))
