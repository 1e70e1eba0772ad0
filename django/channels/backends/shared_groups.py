"""Groups whose members are in several processes."""

import logging
import secrets
import threading
from contextlib import contextmanager
from time import monotonic

from django.channels import names
from django.channels.exceptions import BackendUnavailable, something_sent
from django.channels.message import Message

from .drops import FULL, GONE
from .serializer import INBOX
from .shared_store import PROCESS_MARK, Busy

logger = logging.getLogger("django.channels")

# How long the inbox's thread waits for others that change groups, in seconds.
MOMENT = 0.2


class SharedGroups:
    """
    The groups of a SharedChannelBackend, and this process's place in them.

    A group's members, as the store has them, are ordinary channels, by name,
    and processes: which of a process's reply channels are in the group only
    that process knows (see LocalChannels). So a send to a group costs an item
    per process, and a process that dies takes its members with it.
    """

    def __init__(self, backend):
        self._backend = backend
        # Whoever changes what the store knows of this process holds it.
        self._joining = threading.Lock()
        self._rejoins = 0
        # The groups that are left of those to join again, as a dict's keys.
        self._lost = {}
        # Those of which others were changing what the store has.
        self._busy = set()

    @property
    def _local(self):
        return self._backend._local

    @property
    def _member(self):
        return PROCESS_MARK + self._backend.process

    def add(self, group, channel):
        backend = self._backend
        if not names.is_reply(channel):
            backend._join(group, channel, "")
            return
        owner = names.process_of(channel)
        if owner == backend.process:
            while not self._local.add(group, channel):
                self._join_here(group)
            return
        # In this order: who finds the process in the group from now on sends
        # what its inbox gets after the new member.
        token = secrets.token_hex(8)
        backend._join(group, PROCESS_MARK + owner, token)
        item = {"add": group, "name": channel, "token": token}
        if self._post(channel, item) == GONE:
            backend._leave(group, PROCESS_MARK + owner)

    def discard(self, group, channel):
        if not names.is_reply(channel):
            self._backend._leave(group, channel)
        elif names.process_of(channel) == self._backend.process:
            self._local.discard(group, channel)
        else:
            self._post(channel, {"discard": group, "name": channel})

    def send(self, group, content):
        backend = self._backend
        data = backend._encode({"group": group, "content": content}, INBOX)
        here, channels, refused = backend._spread(
            group, backend.process, data, backend.inbox_capacity
        )
        if here is not None:
            if here:
                self._local.wait_for(group, here)
            self.deliver(Message(group, content))
        for reason in refused.values():
            backend.drops.add(reason, group)
        with something_sent():
            for channel in channels:
                if not backend._push_content(channel, content):
                    backend.drops.add(FULL, channel)

    def deliver(self, message):
        """Deliver what was sent to a group to its members in this process."""
        for sink, reply_names in self._local.members(message.channel).items():
            for name in sink.deliver(reply_names, message):
                self._backend.drops.add(FULL, name)

    def processes_in(self, group):
        """Return the ids of the processes with a lease that are in the group."""
        members = self._backend._members(group)
        processes = {m[1:] for m in members if m.startswith(PROCESS_MARK)}
        alive = self._backend._alive(processes) if processes else set()
        for process in processes - alive:
            self._backend._leave(group, PROCESS_MARK + process)
        return alive

    def changed_elsewhere(self, item):
        """Do what another process asks for one of this process's channels."""
        if "discard" in item:
            self._local.discard(item["discard"], item["name"])
            return
        group, name = item["add"], item["name"]
        if not self._local.added_elsewhere(group, name, item["token"]):
            # Who added it has joined the group for this process, but it may
            # have left for the last time after that.
            self._join_again(group)

    def rejoin(self, times=1):
        """Join every group again at the next look, or the next ones."""
        self._rejoins = max(self._rejoins, times)

    def look_after(self):
        """
        Join what the store may have lost, and leave what has no members here: as
        much of it as there's time for until the lease is to be renewed. Never
        raise.
        """
        # Half of the time between two beats; the other is for the inbox.
        end = monotonic() + self._backend.lease / 6
        try:
            if self._rejoins and not self._lost:
                self._lost = dict.fromkeys(self._local.unjoined(every=True))
                self._rejoins -= 1
            for group in [*self._local.unjoined(), *self._lost, *self._busy]:
                self._lost.pop(group, None)
                self._busy.discard(group)
                try:
                    self._join_again(group)
                except Busy as error:
                    # At another look, after all others.
                    self._busy.add(group)
                    logger.debug("%s", error)
                if monotonic() >= end:
                    return
            for group in self._local.idle():
                try:
                    self._leave_here(group)
                except Busy as error:
                    logger.debug("%s", error)
                if monotonic() >= end:
                    return
        except BackendUnavailable as error:
            self.rejoin(2)
            logger.warning("%s", error)
        except Exception:
            self.rejoin(2)
            logger.exception(
                "The groups of %s could not be looked after.", self._backend
            )

    def _join_here(self, group):
        with self._joining:
            self._join(group)

    def _join(self, group):
        self._backend._join(group, self._member, "")
        self._local.joined(group)

    # In the inbox's thread, which reads nothing meanwhile.

    @contextmanager
    def _hurrying(self):
        if not self._joining.acquire(timeout=MOMENT):
            raise Busy(f"{self._backend}: a group is being joined, for long.")
        try:
            with self._backend._hurrying():
                yield
        finally:
            self._joining.release()

    def _join_again(self, group):
        with self._hurrying():
            # It may have been left meanwhile.
            if self._local.knows(group):
                self._join(group)

    def _leave_here(self, group):
        with self._hurrying():
            if self._local.forget(group):
                self._backend._leave(group, self._member)

    def _post(self, channel, item):
        reason = self._backend._items.post(channel, item)
        if reason == FULL:
            raise self._backend._too_slow(channel)
        return reason
