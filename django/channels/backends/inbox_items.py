"""The items of inboxes: what one process has for another."""

import logging

from django.channels import names
from django.channels.exceptions import BackendUnavailable, InvalidMessage
from django.channels.message import Message

from .drops import FULL, GONE
from .serializer import INBOX

logger = logging.getLogger("django.channels")


class InboxItems:
    """
    Posts items to the processes of reply channels, and handles those that come
    to this one. An item is one of these dicts:

    ``{"name", "content"}``
        A message to a reply channel.
    ``{"group", "content"}``
        A message to a group, for its members in the process.
    ``{"add": GROUP, "name", "token"}``, ``{"discard": GROUP, "name"}``
        A change of a group's members. See SharedGroups.
    """

    def __init__(self, backend):
        self._backend = backend

    def post(self, name, item):
        """Post to the reply channel's owner. Return why not, or None."""
        backend = self._backend
        owner = names.process_of(name)
        data = backend._encode(item, INBOX)
        if not owner or owner == backend.process:
            return GONE
        return backend._post([owner], data, backend.inbox_capacity).get(owner)

    def post_soon(self, name, item, then):
        """Do it as send_soon() does: call ``then()`` with why not, or None."""
        backend = self._backend
        owner = names.process_of(name)
        data = backend._encode(item, INBOX)
        if not owner or owner == backend.process:
            then(GONE)
        else:
            backend._post_soon(owner, data, backend.inbox_capacity, then)

    def take(self, data):
        """Handle one item of this process's inbox. Never raise."""
        backend = self._backend
        try:
            item = backend._decode(data, INBOX)
            if item is None:
                backend.drops.add("unreadable", "(inbox)")
            elif "add" in item or "discard" in item:
                backend._groups.changed_elsewhere(item)
            elif "group" in item:
                backend._groups.deliver(Message(item["group"], item["content"]))
            else:
                self._deliver(Message(item["name"], item["content"]))
        except BackendUnavailable:
            # _beat() joins the group.
            logger.warning("A group could not be joined yet on %s.", backend)
        except Exception:
            logger.exception("An item in the inbox of %s failed.", backend)

    def _deliver(self, message):
        name = message.channel
        sink = self._backend._local.sink(name)
        if sink is None:
            self._backend.drops.add(GONE, name)
            return
        try:
            full = sink.deliver([name], message)
        except InvalidMessage as error:
            # Within a process its sender fails, and so the request is answered.
            logger.error("A reply can't be used: %s", error)
            full = sink.deliver([name], Message(name, {"done": None, "error": True}))
        if full:
            self._backend.drops.add(FULL, name)
