"""
The channels of one test.

While tests run, each alias has a stand-in: a backend in the memory of the
process that writes down what is sent. begin() and end() surround each test,
and each class of them. They come with every test of a project, most of which
use no channel, so they look at one flag and leave everything else to the first
use: once a channel was used (``Isolation.used``), the backends, their messages
and their groups are left behind and new ones are made.
"""

import functools
import threading
from time import monotonic

from django.channels import channel_backends, codec, consumers, names
from django.channels.backends.memory import MemoryChannelBackend, MemoryState
from django.channels.delivery import Delivery
from django.channels.exceptions import ChannelFull
from django.channels.message import Message
from django.channels.request import ResponseMessage
from django.channels.signals import consumer_finished
from django.core.handlers.channel import reset_route
from django.dispatch import receiver


class Isolation:
    """
    What belongs to one test.

    ``configured`` holds the aliases whose backends are those of the settings,
    or is "__all__". ``at_once`` says whether messages are run when they're
    sent. With ``shared``, messages and groups go at the test's end but the
    backends stay: those of a live server, which outlives a test.
    """

    def __init__(self, configured, at_once, shared):
        self.configured = configured
        self.at_once = at_once
        self.shared = shared
        self.used = False
        self.running = False
        self.sent = []
        self.captures = []
        self.consumed = {}
        # How far the clock is ahead, in seconds.
        self.ahead = 0.0
        # Set by begin(), for end().
        self.outer = None
        self.kept_states = None
        self.kept_consumers = None

    def record(self, sent):
        self.sent.append(sent)
        for messages in self.captures:
            messages.append(sent)


class SentMessage:
    """
    A message that was sent: on ``channel``, or to ``group`` and ``channel`` is
    None; on the backend ``alias``; with a copy of its ``content``;
    ``delivery`` says how. See django.channels.delivery.Delivery.
    """

    def __init__(
        self, alias, message=None, group=None, content=None, delivery=Delivery()
    ):
        self.alias = alias
        self.delivery = delivery
        self.channel = None if message is None else message.channel
        self.group = group
        self._message = None
        if type(message) is Message:
            content = message.content
        elif message is not None:
            # Encoding a request reads its body, which is the view's to read.
            self._message = message
        self._content = None if content is None else codec.plain(content)

    def __repr__(self):
        to = f"group {self.group!r}" if self.group else f"channel {self.channel!r}"
        return f"<SentMessage on {to}: {self.content!r}>"

    @property
    def content(self):
        return self._content if self._message is None else self._message.content


current = None
_states = {}
_lock = threading.Lock()


def begin(configured=(), at_once=False, shared=False):
    """Begin a test, or a class of tests. end() ends the latest begun."""
    global current, _states
    outer = current
    isolation = Isolation(configured, at_once, shared)
    isolation.outer = outer
    isolation.kept_consumers = consumers.begin_isolation()
    current = isolation
    if outer is None:
        channel_backends.stand_in = stand_in
        _forget_backends()
    elif outer.configured != configured or outer.used and not shared:
        isolation.kept_states = _states
        _states = {}
        _forget_backends()


def end():
    """Put everything back as it was before the latest begin()."""
    global current, _states
    isolation = current
    current = outer = isolation.outer
    consumers.end_isolation(isolation.kept_consumers)
    if isolation.shared and outer is not None:
        if isolation.used:
            outer.used = True
            _empty_states()
        return
    if isolation.kept_states is not None:
        _states = isolation.kept_states
        _forget_backends()
    elif isolation.used:
        _states = {}
        _forget_backends()
    if outer is None:
        channel_backends.stand_in = None
        _states = {}
        _forget_backends()


def _empty_states():
    for state in _states.values():
        with state.lock:
            # Whoever sent a socket's message waits for it.
            protocol = {n: state.queues.get(n) for n in names.PROTOCOL_CHANNELS}
            state.clear()
            state.queues.update((n, queue) for n, queue in protocol.items() if queue)
            state.counts.clear()


def _forget_backends():
    channel_backends.forget()
    reset_route(setting="CHANNEL_BACKENDS")


def stand_in(alias, backend_class):
    """Return the class that takes the place of an alias's configured one."""
    if current.configured == "__all__" or alias in current.configured:
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
        return monotonic() + getattr(current, "ahead", 0)

    def _find_state(self):
        key = (self.stands_in_for, repr(self.location))
        with _lock:
            return _states.setdefault(key, MemoryState())

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
    test = current
    if test is not None:
        test.used = True


def _record(sent):
    test = current
    if test is not None:
        test.record(sent)


def _is_protocol(message):
    """Tell whether Django made the message, rather than code under test."""
    name = message.channel
    if names.is_reply(name):
        return isinstance(message, ResponseMessage) or "done" in message.content
    return name in names.PROTOCOL_CHANNELS


@receiver(consumer_finished)
def count_consumed(*, message, **kwargs):
    test = current
    if test is not None:
        test.consumed[message.channel] = test.consumed.get(message.channel, 0) + 1


from . import running  # NOQA: E402
