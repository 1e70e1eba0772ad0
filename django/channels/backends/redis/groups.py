"""Groups on a Redis server, and the inboxes that their messages go to."""

from contextlib import nullcontext

from django.channels.exceptions import something_sent

from ..shared import PROCESS_MARK
from .inbox import Inbox
from .script import unpack

# How long a group of sockets is kept that no process renews, in seconds. Each
# process does it about every hour, or, with a longer lease, with that.
GROUP_KEPT = 24 * 60 * 60


class RedisGroups:
    """
    What SharedChannelBackend asks for: who is in a group, and for each process a
    list that keeps what is published for its sockets and requests until it has
    arrived there.
    """

    def inbox_keys(self, process):
        tag = f"{{{self.prefix}:{process}}}"
        return f"{tag}:inbox", f"{tag}:lease"

    def renew_inbox(self):
        inbox = self._inbox
        if inbox is not None:
            inbox.renew()

    def _open_inbox(self, process):
        self._inbox = Inbox(self, process)
        self._inbox.open()

    def _close_inbox(self, process):
        inbox, self._inbox = self._inbox, None
        inbox.close()

    def _post_soon(self, process, data, capacity, then):
        def answered(answer):
            if isinstance(answer, Exception):
                then(self._away(answer))
            else:
                then(None if answer == b"ok" else answer.decode())

        call = self.connection.post, self.inbox_keys(process), (capacity, data)
        self.call(self.connection.wire.begin, call, answered)

    def _post(self, processes, data, capacity):
        post, args = self.connection.post, (capacity, data)
        calls = [(post, self.inbox_keys(process), args) for process in processes]
        # On the servers of a Cluster, some may have it where another has failed.
        with something_sent() if len(calls) > 1 else nullcontext():
            answers = self.call(self.connection.wire.call, *calls)
        return {
            process: answer.decode()
            for process, answer in zip(processes, answers)
            if answer != b"ok"
        }

    def _spread(self, group, process, data, capacity):
        if self.server.cluster:
            # The inboxes are on several servers.
            return super()._spread(group, process, data, capacity)
        token, channels, refused = self.call(
            self.connection.spread,
            keys=[self.group_key(group)],
            args=[PROCESS_MARK + process, f"{{{self.prefix}:", capacity, data],
        )
        texts = [unpack(each) for each in refused]
        return (
            None if token is None else unpack(token),
            [unpack(channel) for channel in channels],
            dict(zip(texts[::2], texts[1::2])),
        )

    def _alive(self, processes):
        processes = list(processes)
        leases = [self.inbox_keys(process)[1] for process in processes]
        if self.server.cluster or len(leases) < 2:
            found = [self.call(self.connection.client.exists, key) for key in leases]
        else:
            found = self.call(self._exist, leases)
        return {process for process, exists in zip(processes, found) if exists}

    def _exist(self, keys):
        pipeline = self.connection.client.pipeline(transaction=False)
        for key in keys:
            pipeline.exists(key)
        return pipeline.execute()

    def group_key(self, group):
        return f"{self.prefix}:group:{group}"

    def _join(self, group, member, token):
        kept = 0
        if member.startswith(PROCESS_MARK):
            kept = int(max(GROUP_KEPT, 3 * self.lease) * 1000)
        self.call(
            self.connection.join,
            keys=[self.group_key(group)],
            args=[member, token, kept],
        )

    def _leave(self, group, member):
        self.call(self.connection.client.hdel, self.group_key(group), member)

    def _members(self, group):
        wire, key = self.connection.wire, self.group_key(group)
        found = self.call(wire.command, "HGETALL", key)
        if isinstance(found, list):
            found = dict(zip(found[::2], found[1::2]))
        return {unpack(member): unpack(token) for member, token in found.items()}
