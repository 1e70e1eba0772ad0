"""An interface server is killed, and a group goes on without it."""

import asyncio
import json
from time import monotonic, sleep

from .findings import Findings
from .rolling import is_ordered
from .sockets import clients


class ServerKilled:
    """
    Two interface servers hold a group's sockets, and a process sends to the
    group. One of the servers is killed with SIGKILL. No send waits for it, and
    after its lease it's no member any more.
    """

    name = "server_killed"
    title = "An interface server is killed that holds members of a group"
    backends = ["redis", "postgresql"]

    def __init__(self, quick=False):
        self.sockets = 20 if quick else 200
        # The default, or a shorter one that a busy machine can yet keep.
        self.lease = 6 if quick else 10
        self.options = {"LEASE": self.lease}

    def run(self, site):
        return asyncio.run(self.run_with_sockets(site))

    async def run_with_sockets(self, site):
        findings = Findings("", "before", "after")
        servers = site.start_servers(2)
        site.start_workers(1)
        urls = [server.url for server in servers]
        async with clients(self.sockets, *urls) as crowd:
            # clients() has the servers take turns.
            of_killed, of_other = crowd[0::2], crowd[1::2]
            killed_at, sends = await asyncio.to_thread(self.kill, site, servers[0])
            for client in of_other:
                await client.wait_until(
                    lambda c=client: len(c.broadcasts) == len(sends)
                )
            judge(findings, sends, killed_at, self.lease)
            judge_clients(findings, of_other, len(sends))
            ended = sum([await c.wait_until(lambda c=c: c.lost) for c in of_killed])
        findings.check("sockets that ended with their server", ended, len(of_killed))
        findings.check("the other server lives", servers[1].is_alive, True)
        return findings

    def kill(self, site, server):
        """Return when it was killed, and the Sends around that."""
        sender = site.start("send_to_group", "sockets")
        sleep(self.lease / 3)
        killed_at = monotonic()
        server.kill()
        sleep(self.lease * 4 / 3)
        return killed_at, [Send(*row) for row in json.loads(sender.ask())]


class Send:
    """
    A send to the group: when it was ``begun``, by the clock that processes
    share; how many ``seconds`` it took; how many processes were ``members`` of
    the group thereafter; and the ``error`` that it raised, or None.
    """

    def __init__(self, begun, seconds, members, error):
        self.begun, self.seconds = begun, seconds
        self.members, self.error = members, error


def judge(findings, sends, killed_at, lease):
    """Check that no send waited, and when the killed server was forgotten."""
    before = [send for send in sends if send.begun < killed_at]
    after = [send for send in sends if send.begun >= killed_at]
    over = [send for send in after if send.begun > killed_at + lease]
    findings.note("sends", len(before), len(after))
    for name, place in ("median", 0.5), ("slowest", 1):
        cells = [milliseconds(group, place) for group in (before, after)]
        findings.note(f"{name} send, ms", *cells)
    findings.check("sends that failed", sum(s.error is not None for s in sends), 0)
    slowest = max((send.seconds for send in after), default=lease)
    findings.check(
        "slowest send after the kill, s",
        f"{slowest:.2f}",
        f"below {lease / 2:g}, half a lease",
        holds=slowest < lease / 2,
    )
    most = max((send.members for send in before), default=0)
    findings.check("processes in the group before", most, 2)
    late = sum(send.members != 1 for send in over)
    findings.check("sends after the lease's end", len(over), "some", holds=bool(over))
    findings.check("that left the killed one in the group", late, 0)
    times = [send.begun - killed_at for send in after if send.members == 1]
    findings.note("forgotten, s", "", f"{times[0]:.1f}" if times else "never")


def milliseconds(sends, place):
    """Return the time of the send at this place, from 0 to 1, of them all."""
    times = sorted(send.seconds for send in sends)
    return f"{1000 * times[round(place * (len(times) - 1))]:.1f}" if times else ""


def judge_clients(findings, crowd, number):
    """Check that those of the other server heard so many sends, in order."""
    heard = sum(len(client.broadcasts) for client in crowd)
    findings.check("frames heard at the other server", heard, len(crowd) * number)
    disordered = sum(not is_ordered(client.broadcasts) for client in crowd)
    findings.check("sockets there that heard one twice or late", disordered, 0)
    findings.check("sockets lost there", sum(c.lost is not None for c in crowd), 0)
