"""
The channels of one test.

While tests run, each alias has a stand-in: a backend in the memory of the
process that writes down what is sent. begin() and end() surround each test,
and each class of them. They come with every test of a project, most of which
use no channel, so they look at one flag and leave everything else to the first
use: once a channel was used (``Isolation.used``), the backends, their messages
and their groups are left behind and new ones are made.
"""

import threading

from django.channels import channel_backends, consumers, names
from django.channels.backends.memory import MemoryState
from django.channels.route import reset_route
from django.channels.signals import consumer_finished
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
        channel_backends.stand_in = stand_ins.stand_in
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


def state(key):
    """Return the messages and groups, in this test, of the backends ``key``."""
    with _lock:
        return _states.setdefault(key, MemoryState())


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


@receiver(consumer_finished)
def count_consumed(*, message, **kwargs):
    test = current
    if test is not None:
        test.consumed[message.channel] = test.consumed.get(message.channel, 0) + 1


from . import stand_ins  # NOQA: E402
