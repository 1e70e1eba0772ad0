"""Durable channels on a Redis server."""

import secrets
from functools import partial
from heapq import merge
from itertools import islice

from django.channels import codec
from django.channels.exceptions import BackendUnavailable
from django.channels.message import DurableMessage

from ..durable import DEAD_LIMIT, DeadMessage
from ..serializer import ERROR, RESULT
from .script import unpack


class RedisDurable:
    """
    What DurableDelivery asks for.

    Each channel has a stream for every priority that is in use, with a consumer
    group. Scripts change them in one step each, on the server's clock. A message
    stays where it was added until it's done with, and so keeps its place: one
    that is leased, delayed, held for its key or given back belongs to another of
    the group's consumers. What a stream doesn't know is in sets beside it: when
    leases and delays end, what is unique, and what has died. See jobs.lua. Most
    of what a message takes the server is Lua: by hashes and sorted sets alone it
    took as long, and four times the memory.

    What receivers block on, together with the queues, is a list of signals
    per channel. All keys of a shard have its tag. They have no end: a server
    that evicts keys, or keeps nothing on its disk, may lose messages.
    """

    durable = True
    keeps_results = True

    def base_key(self, shard):
        return f"{{{self.prefix}:{shard}}}:jobs"

    def result_key(self, id):
        return f"{self.prefix}:result:{id}"

    def _add(self, channel, data, delivery):
        added = self._run(
            self.connection.add,
            self.shard_of(channel),
            channel,
            delivery.priority,
            _ms(delivery.delay),
            delivery.unique or "",
            delivery.key or "",
            "" if delivery.durable else _ms(self.expiry),
            self.capacity_of(channel),
            *[arg for item in data for arg in (secrets.token_hex(8), item)],
        )
        return None if added < 0 else added

    def renew(self, messages):
        by_shard = {shard: [] for shard in range(self.shards)}
        for message in messages:
            by_shard[self.shard_of(message.channel)].append(message)
        lost, failure = [], None
        for shard, held in by_shard.items():
            leases = [message.lease for message in held]
            try:
                renewed = self._run(
                    self.connection.renew, shard, _ms(self.message_lease), *leases
                )
            except BackendUnavailable as error:
                # The other shards may be on servers that are there.
                failure = error
            else:
                lost += [m for m, answer in zip(held, renewed) if not answer]
        if failure is not None:
            raise failure
        return lost

    def acknowledge(self, message):
        return self._settle(message, "acknowledge")

    def acknowledge_soon(self, message, then):
        def answered(answer):
            failed = isinstance(answer, Exception)
            then(self._away(answer) if failed else bool(answer))

        keys = [self.base_key(self.shard_of(message.channel))]
        args = message.lease, "acknowledge"
        connection = self.connection
        connection.wire.later((connection.settle, keys, args), answered)

    def release(self, message, delay=0, counted=True):
        return self._settle(message, "release", _ms(delay), int(not counted))

    def bury(self, message, error, counted=True):
        data = self.serializer.dumps_text(error, ERROR + message.channel)
        return self._settle(message, "bury", data, int(not counted))

    def dead(self, channel=None, id=None, limit=DEAD_LIMIT, offset=0):
        end = None if limit is None else offset + limit
        read = self._read_dead if id is None else partial(self._read_one_dead, id=id)
        rows = [read(shard, channel or "") for shard in self._shards_of(channel)]
        # By the time: it's their last value.
        merged = merge(*rows, key=lambda row: _int(row[-1]))
        dead = [self._dead_message(*row) for row in islice(merged, offset, end)]
        return [each for each in dead if channel in (None, each.channel)]

    def count_dead(self, channel=None):
        number = 0
        for shard in self._shards_of(channel):
            for _, found in self._look_at_dead(shard, "count", channel or ""):
                number += found
        return number

    def revive(self, dead):
        return sum([self._change_dead(each, "revive") for each in dead])

    def purge(self, dead):
        return sum([self._change_dead(each, "purge") for each in dead])

    def store_result(self, id, content, expiry):
        data = self._encode(codec.plain(content), RESULT + id)
        wire, key = self.connection.wire, self.result_key(id)
        self.call(wire.command, "SET", key, data, "PX", _ms(expiry) or 1)

    def result(self, id):
        data = self.call(self.connection.client.get, self.result_key(id))
        return None if data is None else self._decode(data, RESULT + id)

    def discard_result(self, id):
        self.call(self.connection.client.delete, self.result_key(id))

    def _shards_of(self, channel):
        return range(self.shards) if channel is None else [self.shard_of(channel)]

    def _read_dead(self, shard, channel):
        for _, *rows in self._look_at_dead(shard, "list", channel):
            yield from rows

    def _read_one_dead(self, shard, channel, id):
        _, *rows = self._run(self.connection.dead, shard, "get", id)
        return rows

    def _look_at_dead(self, shard, action, channel):
        """Yield what dead.lua answers, some places at a time."""
        first, seen = 0, DEAD_LIMIT
        while seen == DEAD_LIMIT:
            last = first + DEAD_LIMIT - 1
            answer = self._run(
                self.connection.dead, shard, action, first, last, channel
            )
            yield answer
            first, seen = last + 1, answer[0]

    def _settle(self, message, *args):
        shard = self.shard_of(message.channel)
        return bool(self._run(self.connection.settle, shard, message.lease, *args))

    def _change_dead(self, dead, action):
        shard = self.shard_of(dead.channel)
        return self._run(self.connection.dead, shard, action, dead.id)

    def _run(self, script, shard, *args):
        return self.call(script, keys=[self.base_key(shard)], args=args)

    def _durable_message(self, channel, content, lease):
        id, attempts, lease = lease
        return DurableMessage(channel, content, unpack(id), attempts, lease)

    def _dead_message(self, id, channel, data, attempts, error, died):
        channel = unpack(channel)
        try:
            text = self.serializer.loads_text(error or b"", ERROR + channel)
        except ValueError:
            text = "The error could not be read."
        return DeadMessage(
            unpack(id),
            channel,
            self._decode(data or b"", channel),
            _int(attempts),
            text,
            _int(died) / 1000,
        )


def _ms(seconds):
    return round(seconds * 1000)


def _int(data):
    """Return the number, or 0 for what is none."""
    try:
        return int(data)
    except (TypeError, ValueError):
        return 0
