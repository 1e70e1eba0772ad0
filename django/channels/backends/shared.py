"""What the backends that processes share have in common."""

import logging
import threading
from contextlib import nullcontext
from time import monotonic

from django.channels import names
from django.channels.exceptions import BackendUnavailable, ChannelError
from django.channels.message import Message

from . import lifetime
from .base import BaseChannelBackend
from .drops import FULL, GONE, Drops
from .durable import DEFAULT_LEASE
from .inbox_items import InboxItems
from .local import LocalChannels
from .recovery import Recovery
from .serializer import LARGEST_MESSAGE, Serializer
from .shared_groups import SharedGroups
from .shared_receiver import Served
from .shared_sends import SharedSends
from .shared_store import PROCESS_MARK, SharedStore

__all__ = ["FULL", "GONE", "PROCESS_MARK", "SharedChannelBackend"]

logger = logging.getLogger("django.channels")

# How often all memberships are renewed, in seconds.
RENEWED_EVERY = 60 * 60

# How many items an inbox holds.
DEFAULT_INBOX_CAPACITY = 10_000


class SharedChannelBackend(SharedSends, SharedStore, BaseChannelBackend):
    """
    A backend whose messages are in a *store* that several processes reach.
    SharedStore says what a subclass implements.

    Each process that listens on reply channels has an *inbox* in the store,
    named by its process id: a queue of items for that process alone, which one
    thread of its reads in order. What is sent to a reply channel is an item in
    its owner's inbox: see InboxItems; SharedGroups says what is sent to groups.

    A process keeps a *lease* on its inbox, of ``self.lease`` seconds, that it
    renews every third of that time. Once the lease is over, the process is
    gone: its inbox takes nothing more and is deleted.

    The options that all these backends have: MAX_MESSAGE_BYTES, the largest
    message, encoded; INBOX_CAPACITY, how many items wait in an inbox; LEASE,
    in seconds; MESSAGE_LEASE, that of durable messages; ENCRYPTION_KEYS, see
    Cipher. A subclass adds its own to ``option_names``.
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

    def __init__(self, alias, params):
        super().__init__(alias, params)
        self.max_message_bytes = self._option("MAX_MESSAGE_BYTES", LARGEST_MESSAGE)
        self.inbox_capacity = self._option("INBOX_CAPACITY", DEFAULT_INBOX_CAPACITY)
        self.lease = self._option("LEASE", 10)
        self.message_lease = self._option("MESSAGE_LEASE", DEFAULT_LEASE)
        keys = self.options.get("ENCRYPTION_KEYS")
        try:
            self.serializer = Serializer(str(self), self.max_message_bytes, keys)
        except ValueError as error:
            raise self._invalid(f"OPTIONS['ENCRYPTION_KEYS']: {error}") from error
        self._encode, self._decode = self.serializer.dumps, self.serializer.loads
        self.drops = Drops()
        self._begin()
        lifetime.look_after(self)

    def _begin(self):
        """Be a new process, which owns nothing yet."""
        self._local = LocalChannels(names.new_process())
        self._groups = SharedGroups(self)
        self._items = InboxItems(self)
        self._opening = threading.Lock()
        self._open = False
        self._rejoin_at = monotonic() + RENEWED_EVERY
        self.served = Served()
        self.recovery = Recovery()
        self._parts = {}
        self._parting = threading.Lock()

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
            with self._parting:
                found = self._parts.get(kind)
                if found is None:
                    found = self._parts[kind] = kind(self)
        return found

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
        self._groups.add(group, channel)

    def group_discard(self, group, channel):
        self._groups.discard(group, channel)

    def group_send(self, group, content):
        self._groups.send(group, content)

    def processes_in(self, group):
        """Return the ids of the processes with a lease that are in the group."""
        return self._groups.processes_in(group)

    # What subclasses call.

    def _take(self, data):
        """Handle one item of the inbox."""
        self._items.take(data)

    def _beat(self, lost):
        """Look after this process's place in the groups."""
        # Twice: a sender that found the process gone may still be about to
        # end a membership of it. And now and then, since a store may let
        # memberships end that nobody renews.
        if lost:
            self._groups.rejoin(2)
        elif monotonic() >= self._rejoin_at:
            self._groups.rejoin()
            self._rejoin_at = monotonic() + RENEWED_EVERY
        self._groups.look_after()

    def _hurrying(self):
        """
        Return a context for a change by the inbox's thread: rather than wait for
        what others are at, such as a transaction, it's to raise Busy.
        """
        return nullcontext()

    def _expired(self, channel, data):
        """Count and log it; tell its sender, if that waits for a consumer."""
        self.drops.add("expired", channel)
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
        content = self._decode(data, channel)
        if lease is not None:
            message = self._durable_message(channel, content, lease)
            if content is None:
                self._bury_unreadable(message)
                return None
        elif content is None:
            self.drops.add("unreadable", channel)
            return None
        else:
            message = Message(channel, content)
        message.backend = self
        return message

    def _bury_unreadable(self, message):
        try:
            self.bury(message, "The message could not be read.")
        except BackendUnavailable as error:
            # Who receives it when its lease is over does it.
            logger.warning("%s", error)

    def _unavailable(self, reason, unsent=False):
        """
        Return the BackendUnavailable to raise from the store's error. The
        reason is for people, with neither credentials nor content in it;
        ``unsent`` says that nothing can have reached the store.
        """
        return BackendUnavailable(
            f"{self}: the {self.store_name} gives no service. Is it running, and are "
            f"LOCATION and OPTIONS right? {reason}",
            unsent,
        )

    # The rest.

    @property
    def dropped(self):
        """How many messages this process dropped or was refused, by reason."""
        return self.drops.as_dict()

    def is_served(self, channel):
        return channel in self.served

    def flush(self):
        self._flush()
        self._local.clear_groups()
        self.drops.clear()

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
