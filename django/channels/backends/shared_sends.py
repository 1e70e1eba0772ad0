"""What is sent to the queues of a store, one by one or many at once."""

from functools import partial

from asgiref.sync import sync_to_async

from django.channels import names
from django.channels.batches import batches, each, sent_before


class SharedSends:
    """
    Of a SharedChannelBackend, what puts messages into ``_push()`` and
    ``_add()``: see SharedStore.
    """

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
                with sent_before(sent):
                    raise self._refused(name)

    def _refused(self, channel):
        self.drops.refuse()
        return self._full(channel)

    async def _in_thread(self, function, *args):
        await sync_to_async(function, thread_sensitive=self.thread_sensitive)(*args)
