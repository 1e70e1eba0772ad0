"""
Channels in the memory of one process: the default, for one process that both
makes and handles its messages (runserver, runwsserver, a test).

As with the local-memory cache, the state is the process's, by LOCATION:
backends of the same LOCATION share one.
"""

import logging
import os
import threading
from collections import Counter, deque
from itertools import islice
from time import monotonic

from django.channels import codec, names
from django.channels.exceptions import ChannelFull
from django.channels.message import Message

from .base import BaseChannelBackend
from .drops import log_dropped
from .memory_durable import MemoryDurable
from .memory_jobs import MemoryJobs
from .memory_receiver import MemoryReceiver
from .memory_results import MemoryResults
from .serializer import LARGEST_MESSAGE, too_large

logger = logging.getLogger("django.channels")


class MemoryState:
    """
    What the backends of one LOCATION share. ``lock`` guards all of it.

    ``queues`` holds a deque per channel that has waiting messages, and no
    other. ``receivers`` holds the open receivers per channel, ``sinks`` the
    listener of each reply channel, ``groups`` the members of each group (a
    dict, for its order) and ``memberships`` the groups of each member, ``jobs``
    the durable and the delayed messages, and ``results`` what is kept of them.
    ``counts`` counts what was dropped, by reason.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.receivers = {}
        self.sinks = {}
        self.counts = Counter()
        self.jobs = MemoryJobs()
        self.results = MemoryResults()
        self.clear()

    def clear(self):
        self.queues = {}
        self.groups = {}
        self.memberships = {}
        self.sent = 0
        self.jobs.clear()
        self.results.clear()

    def drop(self, reason, channel, number=1):
        """Count and log a dropped message. The lock need not be held."""
        self.counts[reason] += number
        log_dropped(reason, channel, number)


_states = {}
_states_lock = threading.Lock()


def _after_fork():
    for state in _states.values():
        # A thread may have held it that isn't in this process, as those aren't
        # that receive.
        state.lock = threading.Lock()
        state.receivers = {}


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class MemoryChannelBackend(MemoryDurable, BaseChannelBackend):
    """
    Channels in this process's memory, shared by the backends of one LOCATION,
    and lost with it.
    """

    process_local = True
    by_reference = True
    option_names = frozenset({"MAX_MESSAGE_BYTES"})

    # In seconds; tests put their own in its place.
    clock = staticmethod(monotonic)

    def __init__(self, alias, params):
        super().__init__(alias, params)
        self.max_message_bytes = self._option("MAX_MESSAGE_BYTES", LARGEST_MESSAGE)
        self._state = self._find_state()

    def _find_state(self):
        """Return the MemoryState that this backend shares."""
        try:
            with _states_lock:
                return _states.setdefault(self.location, MemoryState())
        except TypeError as error:
            # Such as a list of another backend's URLs.
            text = f"LOCATION must be a str, not {self.location!r}."
            raise self._invalid(text) from error

    def check_size(self, content):
        largest = self.max_message_bytes
        if codec.is_larger(content, largest):
            raise too_large(len(codec.encode(content)), largest, self)

    def send(self, message):
        # Every request comes by here: without calls that it doesn't need.
        name = message.channel
        if names.REPLY_MARK in name:
            return self._send_reply(message)
        state = self._state
        message.backend = self
        message.expires = self.clock() + self.expiry
        expired = ()
        with state.lock:
            for receiver in state.receivers.get(name, ()):
                if receiver.idle:
                    return receiver.hand(message)
            queue = state.queues.get(name)
            capacity = self.capacity_of(name)
            if queue and len(queue) < capacity:
                state.sent += 1
                return queue.append((state.sent, message))
            if queue is None:
                queue = deque()
                expired = self._take_forgotten()
            elif len(queue) >= capacity:
                expired = self._make_room(queue, capacity)
            full = len(queue) >= capacity
            if full:
                state.counts["full"] += 1
                if not queue:
                    # Without capacity, and what was there had expired.
                    state.queues.pop(name, None)
            else:
                state.sent += 1
                queue.append((state.sent, message))
                state.queues[name] = queue
        for old in expired:
            self._drop_expired(old)
        if full:
            raise self._full(name)

    def hand_over(self, message):
        """
        Send the message and receive it at once: for a caller that would only
        wait for its reply, and handles it instead. Raise ChannelFull as send()
        does.
        """
        state = self._state
        queue = state.queues.get(message.channel)
        if queue is not None and len(queue) >= self.capacity_of(message.channel):
            state.counts["full"] += 1
            raise self._full(message.channel)
        message.backend = self
        state.sent += 1

    # Nothing here waits, so the async twins need no thread.

    async def asend(self, message):
        self.send(message)

    async def agroup_add(self, group, channel):
        self.group_add(group, channel)

    async def agroup_discard(self, group, channel):
        self.group_discard(group, channel)

    async def agroup_send(self, group, content):
        self.group_send(group, content)

    def receiver(self, channels):
        return MemoryReceiver(self, channels)

    def _drop_expired(self, message):
        """Count and log it; tell its sender, if that waits for a consumer."""
        self._state.drop("expired", message.channel)
        receipt = message.receipt(error=True)
        if receipt is not None:
            try:
                self.send(receipt)
            except ChannelFull:
                # The edge of a reader so slow has its own way to end.
                pass

    def is_served(self, channel):
        return channel in self._state.receivers

    def waiting(self, channel):
        """Return how many messages wait on the channel; not the delayed."""
        state = self._state
        return len(state.queues.get(channel, ())) + state.jobs.waiting(channel)

    @property
    def dropped(self):
        """How many messages were dropped or refused so far, by reason."""
        return dict(self._state.counts)

    def listen(self, name, sink):
        with self._state.lock:
            self._state.sinks[name] = sink

    def unlisten(self, name):
        state = self._state
        with state.lock:
            state.sinks.pop(name, None)
            self._leave_groups(name)

    def leave_groups(self, name):
        with self._state.lock:
            self._leave_groups(name)

    def group_add(self, group, channel):
        state = self._state
        with state.lock:
            if names.is_reply(channel) and channel not in state.sinks:
                # The socket was gone first: nobody would end the membership.
                return
            state.groups.setdefault(group, {})[channel] = None
            state.memberships.setdefault(channel, set()).add(group)

    def group_discard(self, group, channel):
        state = self._state
        with state.lock:
            self._leave(group, channel)
            groups = state.memberships.get(channel)
            if groups is not None:
                groups.discard(group)
                if not groups:
                    del state.memberships[channel]

    def group_send(self, group, content):
        state = self._state
        by_sink = {}
        queued = []
        with state.lock:
            for name in state.groups.get(group, ()):
                sink = state.sinks.get(name)
                if sink is not None:
                    by_sink.setdefault(sink, []).append(name)
                elif not names.is_reply(name):
                    queued.append(name)
        message = Message(group, content)
        for sink, members in by_sink.items():
            for name in sink.deliver(members, message):
                state.drop("full", name)
        for name in queued:
            try:
                self.send(Message(name, codec.plain(content)))
            except ChannelFull:
                logger.warning("Group %s: channel %s is full.", group, name)

    def members(self, group):
        """Return the names of the group's members, in the order they came."""
        with self._state.lock:
            return list(self._state.groups.get(group, ()))

    def flush(self):
        with self._state.lock:
            self._state.clear()
            self._state.counts.clear()

    def _take_forgotten(self):
        """
        Take what has expired on two of the channels where messages wait: for each
        that begins to have some, so that those which nobody receives from don't
        become ever more. The lock is held.
        """
        queues, now, expired = self._state.queues, self.clock(), []
        for name in list(islice(queues, 2)):
            queue = queues.pop(name)
            while queue and queue[0][1].expires <= now:
                expired.append(queue.popleft()[1])
            if queue:
                # The last in turn from now on.
                queues[name] = queue
        return expired

    def _make_room(self, queue, capacity):
        """
        Take from a full queue what has expired, until there is room: where
        nobody receives, nobody else does. The lock is held.
        """
        expired = []
        while queue and len(queue) >= capacity:
            if queue[0][1].expires > self.clock():
                break
            expired.append(queue.popleft()[1])
        return expired

    def _send_reply(self, message):
        name = message.channel
        sink = self._state.sinks.get(name)
        if sink is None:
            self._state.drop("gone", name)
        elif sink.deliver([name], message):
            self._state.counts["full"] += 1
            raise self._too_slow(name)

    def _leave_groups(self, name):
        for group in self._state.memberships.pop(name, ()):
            self._leave(group, name)

    def _leave(self, group, channel):
        members = self._state.groups.get(group)
        if members is not None:
            members.pop(channel, None)
            if not members:
                del self._state.groups[group]
