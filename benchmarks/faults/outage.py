"""Redis, or the way to it, goes away under load, and everything goes on."""

import asyncio
import json
from functools import partial
from time import monotonic

from .findings import Findings
from .relay import Relay
from .sockets import clients

# No send may take longer, in seconds: it may have to connect, on a machine that
# is busy.
LONGEST = 30

# The fault after which Redis has nothing of what it had.
FORGETS = "loss"

# The numbers of a fault's messages begin with a multiple of this.
NUMBERS = 1_000_000


class Outage:
    """
    Two workers with two threads each, an interface server with idle sockets,
    and four threads that send: at most once what has an even number, the rest
    on a durable channel. Meanwhile Redis is killed and started again, is silent
    (with SIGSTOP: it takes connections and what is sent, but doesn't answer),
    and is started again without what it had.

    Then the same with a network between them and Redis: that drops all
    connections, that holds what is sent to Redis, or what Redis answers, and
    that ends connections in the middle of an answer.
    """

    name = "outage"
    title = "Redis goes away under load"
    backends = ["redis"]
    workers = 2
    threads = 2

    def __init__(self, quick=False):
        self.sockets, self.load, self.down = (5, 100, 1) if quick else (50, 2000, 5)
        self.silence = 5 if quick else 10
        self.options = {"TIMEOUT": 2 if quick else 5, "MESSAGE_LEASE": 6}

    def run(self, site):
        return asyncio.run(self.run_with_sockets(site))

    async def run_with_sockets(self, site):
        restart, silence = site.server.restart, site.server.be_silent
        # From now on it keeps what it has.
        await asyncio.to_thread(restart, 0, kept=True)
        faults = {
            "restart": partial(restart, self.down, kept=True),
            "silence": partial(silence, self.silence),
            FORGETS: partial(restart, self.down, kept=False),
        }
        checks = Findings("")
        accounts = await self.endure(site, faults, checks)
        with Relay(site.server.node.port) as relay:
            site.connect_to(f"redis://127.0.0.1:{relay.port}")
            faults = {
                "cut": partial(relay.cut, self.down),
                "requests held": partial(relay.hold_requests, self.silence),
                "answers held": partial(relay.hold_answers, self.silence),
                "torn answers": partial(relay.tear, self.down),
            }
            accounts.update(await self.endure(site, faults, checks, len(accounts)))
        findings = Findings("", *accounts)
        findings.checks = checks.checks
        dropped = sum(sum(numbers) for numbers in site.notes("dropped").values())
        findings.note(
            "dropped, as the workers have counted", *(len(accounts) - 1) * [""], dropped
        )
        show(findings, accounts)
        for name, account in accounts.items():
            judge(findings, name, account)
        judge_sum(findings, accounts, dropped)
        return findings

    async def endure(self, site, faults, findings, before=0):
        """
        Start the processes and bring about the faults, a dict of callables.
        Return their Accounts. So many were there ``before``.
        """
        workers = site.start_workers(self.workers, "--threads", self.threads)
        (server,) = site.start_servers(1)
        accounts = {}
        async with clients(self.sockets, server.url) as crowd:
            await say_and_hear(crowd, 0)
            for number, (name, fault) in enumerate(faults.items(), before + 1):
                load = Load(site, number * NUMBERS, self.load)
                accounts[name] = await asyncio.to_thread(load.run, fault)
                heard = await say_and_hear(crowd, number)
                findings.check(f"{name}: sockets that answer", heard, self.sockets)
        processes = [*workers, server]
        living = sum(process.is_alive for process in processes)
        names = ", ".join(faults)
        findings.check(f"{names}: processes that never ended", living, len(processes))
        statuses = [process.stop() for process in processes]
        findings.check(f"{names}: ended well", statuses.count(0), len(processes))
        site.stop_sender()
        return accounts


async def say_and_hear(crowd, number):
    """
    Have each socket say something, and one of them something to all, again and
    again: its group may be known a little later. Return how many heard both.
    """
    speaking = asyncio.create_task(speak(crowd[0], number))
    await asyncio.gather(*(client.say(number) for client in crowd))
    heard = await asyncio.gather(*(hear(client, number) for client in crowd))
    speaking.cancel()
    return sum(heard)


async def speak(client, number):
    while True:
        await client.broadcast(number)
        await asyncio.sleep(1)


async def hear(client, number):
    """Return whether it hears what it has said, and what was said to all."""
    return await client.wait_until(
        lambda: number in client.echoes and number in client.broadcasts
    )


class Load:
    """A process that sends, before, during and after a fault."""

    def __init__(self, site, first, size):
        self.site, self.first, self.size = site, first, size

    def run(self, fault):
        """Return the Account of it."""
        sender = self.site.start("send_load", self.first)
        self.wait_for(self.size)
        fault()
        begun, known = monotonic(), self.site.count("handled")
        before = self.outcomes()["sent"]
        self.site.wait_until(lambda handled: handled > known)
        seconds = monotonic() - begun
        self.wait_for(self.size)
        said = json.loads(sender.ask())
        self.settle()
        handled = self.site.times_handled()
        mine = {n: times for n, times in handled.items() if n in self}
        return Account(self.outcomes(), before, mine, seconds, **said)

    def wait_for(self, number):
        """Wait until so many more are handled, or nothing happens."""
        known = self.site.count("handled")
        self.site.wait_until(lambda handled: handled >= known + number)

    def settle(self):
        """Wait until what is kept is handled, and what isn't had its time."""
        durable = {n for n in self.outcomes()["sent"] if n % 2}
        self.site.wait_until(lambda _: durable <= self.site.times_handled().keys())
        # What is sent last is received last.
        last = range(self.first + NUMBERS - 100, self.first + NUMBERS)
        self.site.send(last[0], len(last), "race")
        self.site.wait_until(lambda _: {*last} <= self.site.times_handled().keys())

    def outcomes(self):
        """Return the numbers of the messages by what became of sending them."""
        return {
            kind: {
                n
                for numbers in self.site.notes(kind).values()
                for n in numbers
                if n in self
            }
            for kind in ("sent", "unsent", "unclear", "failed")
        }

    def __contains__(self, number):
        return self.first <= number < self.first + NUMBERS - 100


class Account:
    """
    What became of the messages of a load: their numbers by ``outcomes`` of
    send(); how many times each was ``handled``; in ``seconds`` how long nothing
    was handled after the fault's end and, ``longest``, how long a send took;
    what ``others`` were raised besides BackendUnavailable. ``before`` has what
    was sent before the fault was over.
    """

    def __init__(self, outcomes, before, handled, seconds, longest, others):
        self.outcomes, self.before, self.handled = outcomes, before, handled
        self.seconds, self.longest, self.others = seconds, longest, others

    def lost(self, remainder, later=False):
        """Return how many were sent, by their word, and not handled."""
        sent = self.outcomes["sent"] - (self.before if later else set())
        return sum(n % 2 == remainder and n not in self.handled for n in sent)

    def repeated(self, remainder):
        return sum(times > 1 for n, times in self.handled.items() if n % 2 == remainder)

    def contradicted(self):
        """Return how many were handled that weren't sent, by send()'s word."""
        return len(self.outcomes["unsent"] & self.handled.keys())


def judge(findings, name, account):
    """Check what one fault has done."""

    def check(what, *args, **kwargs):
        findings.check(f"{name}: {what}", *args, **kwargs)

    errors = len(account.outcomes["unsent"] | account.outcomes["unclear"])
    check("BackendUnavailable raised", errors, "yes", holds=errors > 0)
    check("other errors raised", ", ".join(account.others) or "none", "none")
    check(
        "longest send, s",
        f"{account.longest:.1f}",
        f"below {LONGEST}",
        holds=account.longest < LONGEST,
    )
    check("at most once, handled twice", account.repeated(0), 0)
    # What waited is gone where it wasn't kept.
    forgets = name == FORGETS
    when = "sent afterwards" if forgets else "sent"
    check(f"durable, {when}, lost", account.lost(1, later=forgets), 0)
    check("handled, though raised as unsent", account.contradicted(), 0)


def judge_sum(findings, accounts, dropped):
    """
    Check that what was sent at most once is accounted for: handled, raised to
    the sender, or counted as dropped.
    """
    lost = sum(
        account.lost(0, later=name == FORGETS) for name, account in accounts.items()
    )
    findings.check(
        "at most once, sent: neither handled nor counted", max(0, lost - dropped), 0
    )


def show(findings, accounts):
    """Note what was observed, a column for each fault."""

    def note(what, value):
        findings.note(what, *map(value, accounts.values()))

    for kind, title in {
        "sent": "sent",
        "unsent": "raised, certainly not sent",
        "unclear": "raised, maybe sent",
    }.items():
        note(title, lambda a: len(a.outcomes[kind]))
    note("handled", lambda a: len(a.handled))
    note("of those maybe sent", lambda a: len(a.outcomes["unclear"] & {*a.handled}))
    note("at most once: sent, lost", lambda a: a.lost(0))
    note("durable: sent, lost", lambda a: a.lost(1))
    note("durable: handled twice", lambda a: a.repeated(1))
    note("longest send, s", lambda a: f"{a.longest:.1f}")
    note("nothing handled afterwards, s", lambda a: f"{a.seconds:.1f}")
