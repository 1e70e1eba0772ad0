"""What the backends that processes share have in common."""

import atexit
import logging
import os
import secrets
import threading
import weakref
from collections import Counter

from django.channels import codec, names
from django.channels.exceptions import (
    BackendUnavailable,
    ChannelError,
    InvalidMessage,
    MessageTooLarge,
)
from django.channels.message import Message

from .base import BaseChannelBackend, log_dropped
from .durable import DEFAULT_LEASE
from .encryption import Cipher
from .local import LocalChannels

logger = logging.getLogger("django.channels")

# Opens the entry of a process among a group's members. No channel has it.
PROCESS_MARK = names.REPLY_MARK

# How many renewals of the lease there are to one of all memberships: with a
# lease of 10 seconds, it's an hour.
RENEWED_EVERY = 1080

GONE = "gone"
FULL = "full"


class SharedChannelBackend(BaseChannelBackend):
    """
    A backend whose messages are in a *store* that several processes reach.

    A subclass stores bytes, and knows nothing of what they mean. Each process
    that listens on reply channels has an *inbox* in the store, named by its
    process id: a queue of items for that process alone, which one thread of
    its reads in order. What is sent to a reply channel is an item in its
    owner's inbox. A group's members, as the store has them, are ordinary
    channels, by name, and processes: which of a process's reply channels are
    in the group only that process knows. So a send to a group costs an item
    per process, and a process that dies takes its members with it.

    A process keeps a *lease* on its inbox, of ``self.lease`` seconds, that it
    renews every third of that time. Once the lease is over, the process is
    gone: its inbox takes nothing more and is deleted.

    What a subclass implements, besides receiver(), which returns a
    SharedReceiver. All of it may be called from any thread, and raises
    BackendUnavailable (see ``_unavailable()``) when the store can't be
    reached; nothing is tried twice that may have been done already.

    ``_push(channel, data, capacity, expiry) -> bool``
        Add a message to the end of a channel's queue, to be kept for
        ``expiry`` seconds of the store's clock. Return False, having done
        nothing, when ``capacity`` messages wait that haven't expired.

        Expired messages are never received. Whoever comes upon one, here or
        while receiving, removes it and calls ``self._expired(channel, data)``,
        in no lock or transaction of its own.

    ``_open_inbox(process)``
        Create the inbox with its lease, and start a daemon thread that calls
        ``self._take(data)`` for each item, in order, and ``self._beat(lost)``
        each time that it has renewed the lease, with ``lost`` true if the
        store no longer had it. A store that can't be reached doesn't end the
        thread. Both calls never raise. Return when the inbox exists.

    ``_close_inbox(process)``
        Stop that thread, unless it is the caller, and delete the inbox.

    ``_post(processes, data, capacity) -> {process: reason}``
        Append the item to the inbox of each of these processes, in the order
        of the calls. Return those that didn't get it, with the reason: GONE,
        or FULL where ``capacity`` items are waiting.

    ``_join(group, member, token)``
        Make ``member`` (an ordinary channel's name, or PROCESS_MARK and a
        process id) a member of the group, and store the token with it. An
        empty token replaces no token that is there.

    ``_leave(group, member)``
        End the membership; none is no error.

    ``_members(group) -> {member: token}``
        Return the members; in any order.

    ``_alive(processes) -> {process, ...}``
        Return those of the processes, a set, that have a lease.

    ``waiting(channel) -> int``
        Return how many messages wait on the channel; those that have expired
        and weren't removed yet may be among them.

    ``_flush()``
        Delete every channel and every group, but no inbox.

    ``_close()``
        Let go of connections; the next call opens new ones. The inbox has
        been closed.

    ``_forked()``
        Do what a child process needs that was just forked: forget the parent's
        connections without closing them. Optional.

    The options that all these backends have: MAX_MESSAGE_BYTES, the largest
    message, encoded; INBOX_CAPACITY, how many items wait in an inbox; LEASE,
    in seconds; MESSAGE_LEASE, that of durable messages; ENCRYPTION_KEYS, see
    Cipher. A subclass adds its own to ``option_names``. One with durable
    channels has DurableDelivery's methods, and ``_durable_message(channel,
    content, lease)``, which returns a DurableMessage for what ``_receive()``
    returned.
    """

    option_names = frozenset(
        {
            "ENCRYPTION_KEYS",
            "INBOX_CAPACITY",
            "LEASE",
            "MAX_MESSAGE_BYTES",
            "MESSAGE_LEASE",
        }
    )

    # What a text about the store calls it.
    store_name = "store"

    def __init__(self, alias, params):
        super().__init__(alias, params)
        if not isinstance(self.options, dict):
            raise self._invalid("OPTIONS must be a dict.")
        self.max_message_bytes = self._option("MAX_MESSAGE_BYTES", 1024 * 1024)
        self.inbox_capacity = self._option("INBOX_CAPACITY", 10_000)
        self.lease = self._option("LEASE", 10)
        self.message_lease = self._option("MESSAGE_LEASE", DEFAULT_LEASE)
        try:
            self._cipher = Cipher(self.options.get("ENCRYPTION_KEYS"))
        except ValueError as error:
            raise self._invalid(f"OPTIONS['ENCRYPTION_KEYS']: {error}") from error
        self._counts = Counter()
        self._begin()
        _backends.add(self)

    def _begin(self):
        """Be a new process, which owns nothing yet."""
        self._local = LocalChannels(names.new_process())
        # Whoever changes what the store knows of this process holds it.
        self._joining = threading.Lock()
        self._opening = threading.Lock()
        self._open = False
        self._rejoins = 0
        self._beats = 0
        self._served = Counter()
        self._served_lock = threading.Lock()
        self._parts = {}

    @property
    def process(self):
        """The id of this process, which its reply channels' names contain."""
        return self._local.process

    def part(self, kind):
        """
        Return the one ``kind(backend)`` that goes with this backend. A process
        that was forked, and a backend that was closed, gets a new one.
        """
        found = self._parts.get(kind)
        if found is None:
            with self._served_lock:
                found = self._parts.get(kind)
                if found is None:
                    found = self._parts[kind] = kind(self)
        return found

    # Messages.

    def send(self, message):
        name = message.channel
        if names.is_reply(name):
            if not self.reach(message):
                self._drop(GONE, name)
        elif not self._push_content(name, message.content):
            self._counts[FULL] += 1
            raise self._full(name)

    async def asend(self, message):
        if self._local.sink(message.channel) is not None:
            # It's a call in this process.
            self.send(message)
        else:
            await super().asend(message)

    def _push_content(self, channel, content):
        data = self._encode(content)
        return self._push(channel, data, self.capacity_of(channel), self.expiry)

    def reach(self, message):
        """
        Send a message to a reply channel, as send() does, but return False
        where its process is gone, or is this one and nobody listens.
        """
        name = message.channel
        sink = self._local.sink(name)
        if sink is not None:
            # Always: sends by one thread stay in order.
            if sink.deliver([name], message):
                self._counts[FULL] += 1
                raise self._too_slow(name)
            return True
        reason = self._post_one(name, {"name": name, "content": message.content})
        if reason == FULL:
            self._counts[FULL] += 1
            raise self._too_slow(name)
        return reason is None

    # Reply channels.

    def reply_name(self, kind):
        return names.reply_name(kind, self.process)

    def listen(self, name, sink):
        with self._opening:
            if not self._open:
                self._open_inbox(self.process)
                self._open = True
        self._local.listen(name, sink)

    def unlisten(self, name):
        self._local.unlisten(name)

    def leave_groups(self, name):
        self._local.leave_groups(name)

    # Groups.

    def group_add(self, group, channel):
        if not names.is_reply(channel):
            self._join(group, channel, "")
            return
        owner = names.process_of(channel)
        if owner == self.process:
            while not self._local.add(group, channel):
                self._join_here(group)
            return
        # In this order: who finds the process in the group from now on sends
        # what its inbox gets after the new member.
        token = secrets.token_hex(8)
        self._join(group, PROCESS_MARK + owner, token)
        reason = self._post_one(
            channel, {"add": group, "name": channel, "token": token}
        )
        if reason == GONE:
            self._leave(group, PROCESS_MARK + owner)
        elif reason == FULL:
            raise self._too_slow(channel)

    def group_discard(self, group, channel):
        if not names.is_reply(channel):
            self._leave(group, channel)
        elif names.process_of(channel) == self.process:
            self._local.discard(group, channel)
        else:
            reason = self._post_one(channel, {"discard": group, "name": channel})
            if reason == FULL:
                raise self._too_slow(channel)

    def group_send(self, group, content):
        data = self._encode({"group": group, "content": content})
        members = self._members(group)
        here = members.pop(PROCESS_MARK + self.process, None)
        if here is not None:
            if here:
                self._local.wait_for(group, here)
            self._deliver_group(Message(group, content))
        processes = [m[1:] for m in members if m.startswith(PROCESS_MARK)]
        if processes:
            refused = self._post(processes, data, self.inbox_capacity)
            for process, reason in refused.items():
                if reason == GONE:
                    self._leave(group, PROCESS_MARK + process)
                self._drop(reason, group)
        for channel in members:
            if not channel.startswith(PROCESS_MARK):
                if not self._push_content(channel, content):
                    self._drop(FULL, channel)

    def processes_in(self, group):
        """Return the ids of the processes with a lease that are in the group."""
        members = {m[1:] for m in self._members(group) if m.startswith(PROCESS_MARK)}
        alive = self._alive(members) if members else set()
        for process in members - alive:
            self._leave(group, PROCESS_MARK + process)
        return alive

    def _deliver_group(self, message):
        for sink, reply_names in self._local.members(message.channel).items():
            for name in sink.deliver(reply_names, message):
                self._drop(FULL, name)

    def _join_here(self, group):
        with self._joining:
            self._join(group, PROCESS_MARK + self.process, "")
            self._local.joined(group)

    # What the thread of the inbox calls.

    def _take(self, data):
        """Handle one item of the inbox."""
        try:
            item = self._decode(data)
            if item is None:
                self._drop("unreadable", "(inbox)")
            elif "add" in item:
                group, name = item["add"], item["name"]
                if not self._local.added_elsewhere(group, name, item["token"]):
                    # Who added it has joined the group for this process, but
                    # it may have left for the last time after that.
                    self._join_here(group)
            elif "discard" in item:
                self._local.discard(item["discard"], item["name"])
            elif "group" in item:
                self._deliver_group(Message(item["group"], item["content"]))
            else:
                self._deliver_reply(Message(item["name"], item["content"]))
        except BackendUnavailable:
            # _beat() joins the group.
            logger.warning("A group could not be joined yet on %s.", self)
        except Exception:
            logger.exception("An item in the inbox of %s failed.", self)

    def _deliver_reply(self, message):
        name = message.channel
        sink = self._local.sink(name)
        if sink is None:
            self._drop(GONE, name)
        elif sink.deliver([name], message):
            self._drop(FULL, name)

    def _beat(self, lost):
        """Look after this process's place in the groups."""
        # Twice: a sender that found the process gone may still be about to
        # end a membership of it. And now and then, since a store may let
        # memberships end that nobody renews.
        self._beats += 1
        if lost:
            self._rejoins = 2
        elif self._beats % RENEWED_EVERY == 0:
            self._rejoins = 1
        try:
            with self._joining:
                member = PROCESS_MARK + self.process
                for group in self._local.take_idle():
                    self._leave(group, member)
                for group in self._local.unjoined(every=self._rejoins > 0):
                    self._join(group, member, "")
                    self._local.joined(group)
            self._rejoins = max(0, self._rejoins - 1)
        except BackendUnavailable as error:
            self._rejoins = 2
            logger.warning("%s", error)
        except Exception:
            self._rejoins = 2
            logger.exception("The groups of %s could not be looked after.", self)

    def _close(self):
        pass

    def _forked(self):
        pass

    # What subclasses call.

    def _expired(self, channel, data):
        """Count and log it; tell its sender, if that waits for a consumer."""
        self._drop("expired", channel)
        message = self._message(channel, data)
        receipt = message and message.receipt(error=True)
        if receipt is not None:
            try:
                self.send(receipt)
            except ChannelError:
                # The edge has its own way to end.
                pass

    def _message(self, channel, data, lease=None):
        """
        Return the Message that was stored, or None for what is none. For a
        DurableMessage there is its lease, which the subclass knows to read.
        """
        content = self._decode(data)
        if lease is not None:
            message = self._durable_message(channel, content, lease)
            if content is None:
                self.bury(message, "The message could not be read.")
                return None
        elif content is None:
            self._drop("unreadable", channel)
            return None
        else:
            message = Message(channel, content)
        message.backend = self
        return message

    def _unavailable(self, reason, unsent=False):
        """
        Return the BackendUnavailable to raise from the store's error. The
        reason is for people, with neither credentials nor content in it;
        ``unsent`` says that nothing can have reached the store.
        """
        return BackendUnavailable(
            f"CHANNEL_BACKENDS[{self.alias!r}]: the {self.store_name} gives no "
            f"service. Is it running, and are LOCATION and OPTIONS right? {reason}",
            unsent,
        )

    def _option(self, key, default):
        options = {f"OPTIONS[{key!r}]": self.options.get(key, default)}
        return self._positive(options, f"OPTIONS[{key!r}]", default)

    # The rest.

    @property
    def dropped(self):
        """How many messages this process dropped or was refused, by reason."""
        return dict(self._counts)

    def is_served(self, channel):
        return self._served[channel] > 0

    def flush(self):
        self._flush()
        self._local.clear_groups()
        self._counts.clear()

    def close(self):
        with self._opening:
            was_open, self._open = self._open, False
            process = self.process
            self._local = LocalChannels(names.new_process())
            self._parts = {}
            try:
                if was_open:
                    self._close_inbox(process)
            except BackendUnavailable:
                # The lease ends by itself.
                pass
            finally:
                self._close()

    def __str__(self):
        return f"CHANNEL_BACKENDS[{self.alias!r}]"

    def _drop(self, reason, channel):
        self._counts[reason] += 1
        log_dropped(reason, channel)

    def _post_one(self, name, item):
        """Post to the reply channel's owner. Return why not, or None."""
        owner = names.process_of(name)
        data = self._encode(item)
        if not owner or owner == self.process:
            return GONE
        return self._post([owner], data, self.inbox_capacity).get(owner)

    def _encode(self, content):
        try:
            data = codec.encode(content)
        except RecursionError as error:
            raise InvalidMessage("The message is nested too deeply.") from error
        except (AttributeError, TypeError, ValueError) as error:
            # Which key it is, plain() finds out.
            codec.plain(content)
            raise InvalidMessage(f"The message can't be sent: {error}") from error
        if len(data) > self.max_message_bytes:
            raise MessageTooLarge(
                f"The message has {len(data)} bytes; at most {self.max_message_bytes} "
                f"are sent. Send a reference to what is large, such as a key or a "
                f"path, or raise OPTIONS['MAX_MESSAGE_BYTES'] in "
                f"CHANNEL_BACKENDS[{self.alias!r}]."
            )
        return self._cipher.encrypt(data)

    def _decode(self, data):
        try:
            return codec.decode(self._cipher.decrypt(data))
        except (ValueError, RecursionError):
            logger.error(
                "%s: data could not be read. Do all processes have the same version "
                "and the same ENCRYPTION_KEYS?",
                self,
            )
            return None


_backends = weakref.WeakSet()


def _after_fork():
    for backend in list(_backends):
        # The parent's sockets and threads aren't this process's.
        backend._begin()
        backend._forked()


@atexit.register
def _close_inboxes():
    """Say goodbye, so that nobody waits for the lease to end."""
    for backend in list(_backends):
        if backend._open:
            try:
                backend.close()
            except Exception:
                logger.debug("%s could not be closed.", backend, exc_info=True)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
