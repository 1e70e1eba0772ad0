"""What a backend that processes share asks of its store."""

from django.channels import names
from django.channels.exceptions import BackendUnavailable

from .drops import GONE

# Opens the entry of a process among a group's members. No channel has it.
PROCESS_MARK = names.REPLY_MARK


class Busy(BackendUnavailable):
    """The store is there, and somebody else is changing the same: nothing is done."""


class SharedStore:
    """
    The part of a SharedChannelBackend that a subclass implements, besides
    receiver(), which returns a SharedReceiver. A store keeps bytes, and knows
    nothing of what they mean.

    All of it may be called from any thread, and raises BackendUnavailable (see
    ``_unavailable()``) when the store can't be reached; nothing is tried twice
    that may have been done already.
    """

    # What a text about the store calls it.
    store_name = "store"

    def _push(self, channel, data, capacity, expiry):
        """
        Add messages, a list, to the end of a channel's queue, to be kept for
        ``expiry`` seconds of the store's clock: the first ones, until
        ``capacity`` messages wait that haven't expired. Return how many.

        Expired messages are never received. Whoever comes upon one, here or
        while receiving, removes it and calls ``self._expired(channel, data)``,
        in no lock or transaction of its own.
        """
        raise self._missing("_push")

    def _add(self, channel, data, delivery):
        """
        Do what DurableDelivery's add_many() does: add the first of the
        messages, a list, that there is room for, and return how many. Where
        the one message is unique, and another one with its name waits, return
        None. Only with durable channels, as the rest of DurableDelivery.
        """
        raise self._missing("_add")

    def _open_inbox(self, process):
        """
        Create the inbox with its lease, and start a daemon thread that calls
        ``self._take(data)`` for each item, in order, and ``self._beat(lost)``
        each time that it has renewed the lease, with ``lost`` true if the
        store no longer had it. A store that can't be reached doesn't end the
        thread. Both calls never raise. Return when the inbox exists.
        """
        raise self._missing("_open_inbox")

    def _close_inbox(self, process):
        """Stop that thread, unless it is the caller, and delete the inbox."""
        raise self._missing("_close_inbox")

    def _post(self, processes, data, capacity):
        """
        Append the item to the inbox of each of these processes, in the order
        of the calls. Return, as a dict, those that didn't get it, with the
        reason: GONE, or FULL where ``capacity`` items are waiting.
        """
        raise self._missing("_post")

    def _post_soon(self, process, data, capacity, then):
        """
        Do it for one process, as send_soon() does: call ``then()`` with the
        reason, an error of the store's, or None.
        """
        try:
            reason = self._post([process], data, capacity).get(process)
        except BackendUnavailable as error:
            reason = error
        then(reason)

    def _join(self, group, member, token):
        """
        Make ``member`` (an ordinary channel's name, or PROCESS_MARK and a
        process id) a member of the group, and store the token with it. An
        empty token replaces no token that is there.
        """
        raise self._missing("_join")

    def _leave(self, group, member):
        """End the membership; none is no error."""
        raise self._missing("_leave")

    def _members(self, group):
        """Return the members, in any order, with their tokens, as a dict."""
        raise self._missing("_members")

    def _spread(self, group, process, data, capacity):
        """
        Do what _post() does for each process in the group but this one, and
        end the membership of those that are gone. Return the token that is
        stored with this process, or None if it's no member; the members that
        are ordinary channels; and those that didn't get it, as _post() does.
        """
        members = self._members(group)
        token = members.pop(PROCESS_MARK + process, None)
        processes = [m[1:] for m in members if m.startswith(PROCESS_MARK)]
        refused = self._post(processes, data, capacity) if processes else {}
        for process, reason in refused.items():
            if reason == GONE:
                self._leave(group, PROCESS_MARK + process)
        channels = [m for m in members if not m.startswith(PROCESS_MARK)]
        return token, channels, refused

    def _alive(self, processes):
        """Return those of the processes, a set, that have a lease."""
        raise self._missing("_alive")

    def waiting(self, channel):
        """
        Return how many messages wait on the channel; those that have expired
        and weren't removed yet may be among them.
        """
        raise self._missing("waiting")

    def _flush(self):
        """Delete every channel and every group, but no inbox."""
        raise self._missing("_flush")

    def _close(self):
        """
        Let go of connections; the next call opens new ones. The inbox has been
        closed.
        """

    def _forked(self):
        """
        Do what a child process needs that was just forked: forget the parent's
        connections without closing them.
        """

    def _durable_message(self, channel, content, lease):
        """
        Return a DurableMessage for what a SharedReceiver's ``_receive()``
        returned. Only with durable channels, as DurableDelivery's methods.
        """
        raise self._missing("_durable_message")

    def _missing(self, method):
        return NotImplementedError(
            f"Subclasses of SharedChannelBackend must have {method}()."
        )
