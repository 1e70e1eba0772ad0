"""Sending to a store's queues and to other processes, also many at once."""

from functools import partial

from asgiref.sync import sync_to_async

from django.channels import names
from django.channels.batches import batches, each, sent_before

from .drops import FULL, GONE


class SharedSends:
    """
    The part of a SharedChannelBackend that sends messages, and adds durable
    ones, with what SharedStore has for it.
    """

    def send(self, message):
        name = message.channel
        if names.is_reply(name):
            if not self.reach(message):
                self.drops.add(GONE, name)
        elif not self._push_content(name, message.content):
            raise self._refused(name)

    def send_soon(self, message, then):
        name = message.channel
        if names.is_reply(name) and self._local.sink(name) is None:
            item = {"name": name, "content": message.content}
            self._items.post_soon(name, item, partial(self._posted, name, then))
        else:
            super().send_soon(message, then)

    def _posted(self, name, then, reason):
        if reason == GONE:
            self.drops.add(GONE, name)
            reason = None
        elif reason == FULL:
            self.drops.refuse()
            reason = self._too_slow(name)
        then(reason)

    async def asend(self, message):
        if self._local.sink(message.channel) is not None:
            # It's a call in this process.
            self.send(message)
        else:
            await super().asend(message)

    def reach(self, message):
        """
        Send a message to a reply channel, as send() does, but return False
        where its process is gone, or is this one and nobody listens.
        """
        name = message.channel
        sink = self._local.sink(name)
        if sink is not None:
            # Always: sends by one thread stay in order.
            reason = FULL if sink.deliver([name], message) else None
        else:
            item = {"name": name, "content": message.content}
            reason = self._items.post(name, item)
        if reason == FULL:
            self.drops.refuse()
            raise self._too_slow(name)
        return reason is None

    def send_many(self, messages):
        if messages and names.is_reply(messages[0].channel):
            super().send_many(messages)
        else:
            self._send_batches(messages, self._push_data)

    async def asend_many(self, messages):
        await self._in_thread(self.send_many, messages)

    def add(self, message, delivery):
        if not self.durable:
            return super().add(message, delivery)
        name = message.channel
        added = self._add(name, [self._encode(message.content, name)], delivery)
        if added == 0:
            raise self._refused(name)
        return added == 1

    def add_many(self, messages, delivery):
        if not self.durable:
            return super().add_many(messages, delivery)
        self._send_batches(messages, partial(self._add, delivery=delivery))

    async def aadd_many(self, messages, delivery):
        await self._in_thread(self.add_many, messages, delivery)

    def _push_content(self, channel, content):
        return self._push_data(channel, [self._encode(content, channel)]) == 1

    def _push_data(self, channel, data):
        return self._push(channel, data, self.capacity_of(channel), self.expiry)

    def _send_batches(self, messages, send):
        if not messages:
            return
        name = messages[0].channel
        sent = 0
        for batch in batches(each(lambda m: self._encode(m.content, name), messages)):
            with sent_before(sent):
                number = send(name, batch)
            sent += number
            if number < len(batch):
                full = self._refused(name)
                full.sent = sent
                raise full

    def _refused(self, channel):
        self.drops.refuse()
        return self._full(channel)

    async def _in_thread(self, function, *args):
        await sync_to_async(function, thread_sensitive=self.thread_sensitive)(*args)
