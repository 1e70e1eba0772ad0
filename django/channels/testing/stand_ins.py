"""
What takes the place of the configured backends while a test runs: backends in
memory that write down what is sent, on the test's own clock.
"""

import functools
from time import monotonic

from django.channels import names
from django.channels.backends.memory import MemoryChannelBackend
from django.channels.exceptions import ChannelFull
from django.channels.request import ResponseMessage

from . import isolation, running
from .sent_message import SentMessage


def stand_in(alias, backend_class):
    """Return the class that takes the place of an alias's configured one."""
    configured = isolation.current.configured
    if configured == "__all__" or alias in configured:
        return backend_class
    return _stand_in_for(backend_class)


@functools.lru_cache(maxsize=None)
def _stand_in_for(backend_class):
    memory_class = MemoryChannelBackend
    if issubclass(backend_class, MemoryChannelBackend):
        # With whatever it adds to its messages' way.
        memory_class = backend_class
    return type(
        memory_class.__name__,
        (TestBackend, memory_class),
        {"stands_in_for": backend_class},
    )


class TestBackend:
    """
    Writes down what is sent through a memory backend, on the test's clock. See
    MemoryChannelBackend.
    """

    def clock(self):
        return monotonic() + getattr(isolation.current, "ahead", 0)

    def _find_state(self):
        key = (self.stands_in_for, repr(self.location))
        return isolation.state(key)

    def channels_waiting(self):
        """Return the names of the channels on which messages wait."""
        with self._state.lock:
            return list({*self._state.queues, *self._state.jobs.channels(self.clock())})

    def send(self, message):
        self._send_recorded(message)
        running.run_at_once()

    async def asend(self, message):
        self._send_recorded(message)
        await running.arun_at_once()

    def add(self, message, delivery):
        added = self._add_recorded(message, delivery)
        running.run_at_once()
        return added

    async def aadd(self, message, delivery):
        added = self._add_recorded(message, delivery)
        await running.arun_at_once()
        return added

    def store_result(self, id, content, expiry):
        _use()
        super().store_result(id, content, expiry)

    def group_send(self, group, content):
        _use()
        _record(SentMessage(self.alias, group=group, content=content))
        super().group_send(group, content)

    async def agroup_send(self, group, content):
        await super().agroup_send(group, content)
        await running.arun_at_once()

    def group_add(self, group, channel):
        _use()
        super().group_add(group, channel)

    def listen(self, name, sink):
        _use()
        super().listen(name, sink)

    def receiver(self, channels):
        _use()
        return super().receiver(channels)

    def hand_over(self, message):
        try:
            super().hand_over(message)
        except ChannelFull:
            _use()
            raise

    def _add_recorded(self, message, delivery):
        _use()
        added = super().add(message, delivery)
        if added:
            _record(SentMessage(self.alias, message, delivery=delivery))
        return added

    def _send_recorded(self, message):
        _use()
        super().send(message)
        if not _is_protocol(message):
            _record(SentMessage(self.alias, message))


# A thread may outlive its test.


def _use():
    test = isolation.current
    if test is not None:
        test.used = True


def _record(sent):
    test = isolation.current
    if test is not None:
        test.record(sent)


def _is_protocol(message):
    """Tell whether Django made the message, rather than code under test."""
    name = message.channel
    if names.is_reply(name):
        return isinstance(message, ResponseMessage) or "done" in message.content
    return name in names.PROTOCOL_CHANNELS
