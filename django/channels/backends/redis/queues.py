"""Channels on a Redis server, for messages that are delivered at most once."""

from zlib import crc32

from .receiver import RedisReceiver
from .shards import ShardedReceiver


class RedisQueues:
    """What SharedChannelBackend asks for: a list for each channel."""

    def queue_key(self, channel):
        return f"{{{self.prefix}:{self.shard_of(channel)}}}:queue:{channel}"

    def signals_key(self, channel):
        return f"{{{self.prefix}:{self.shard_of(channel)}}}:signals:{channel}"

    @property
    def kept(self):
        """How long what expires is kept, in ms; it's found expired before."""
        return int(self.expiry * 1000) + 60_000

    def shard_of(self, channel):
        return crc32(channel.encode()) % self.shards

    def receiver(self, channels):
        by_shard = {}
        for channel in channels:
            by_shard.setdefault(self.shard_of(channel), []).append(channel)
        if len(by_shard) > 1:
            return ShardedReceiver(self, channels, by_shard)
        return RedisReceiver(self, channels)

    def _push(self, channel, data, capacity, expiry):
        pushed, *expired = self.call(
            self.connection.push,
            keys=[self.queue_key(channel), self.signals_key(channel)],
            args=[capacity, int(expiry * 1000), *data],
        )
        for old in expired:
            self._expired(channel, old)
        return pushed

    def waiting(self, channel):
        return self.call(self.connection.client.llen, self.queue_key(channel))

    def put_back(self, channel, entry):
        """Let an entry that was taken be the first of its channel again."""
        if isinstance(entry, list):
            self.release(self._durable_message(channel, {}, entry[1:]), counted=False)
        else:
            self.call(self._put_back, channel, entry)

    def _put_back(self, channel, entry):
        pipeline = self.connection.client.pipeline(transaction=False)
        pipeline.lpush(self.queue_key(channel), entry)
        pipeline.rpush(self.signals_key(channel), b"")
        for key in self.queue_key(channel), self.signals_key(channel):
            pipeline.pexpire(key, self.kept)
        put_back, *_ = pipeline.execute(raise_on_error=False)
        if isinstance(put_back, Exception):
            # Where only the signal is missing, the entry is there.
            raise put_back
