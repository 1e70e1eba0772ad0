"""What one process holds for itself: its reply channels and their groups."""

import threading
from collections import deque

# How many seconds a sender waits for a member that another process has just
# added here. It takes a millisecond, unless that process died on the way.
ADDED_WITHIN = 1.0

# How many members may be on their way to one group at once. Past it a sender
# may wait for one in vain, once.
TOKENS_KEPT = 32


class LocalGroup:
    """The members of a group that are this process's reply channels."""

    __slots__ = ("members", "joined", "idle", "tokens")

    def __init__(self):
        # A dict, for its order.
        self.members = {}
        # Whether the store has this process as a member.
        self.joined = False
        # Whether it had no members already when that was last looked at.
        self.idle = False
        # Of the latest additions by other processes.
        self.tokens = deque(maxlen=TOKENS_KEPT)


class LocalChannels:
    """
    The reply channels of one process, with the sink of each, and the groups
    that they are in. Every method may be called from any thread.
    """

    def __init__(self, process):
        self.process = process
        self._changed = threading.Condition()
        self._sinks = {}
        self._groups = {}
        self._memberships = {}

    def listen(self, name, sink):
        with self._changed:
            self._sinks[name] = sink

    def unlisten(self, name):
        with self._changed:
            self._sinks.pop(name, None)
            self._leave_groups(name)

    def leave_groups(self, name):
        with self._changed:
            self._leave_groups(name)

    def sink(self, name):
        """Return the sink of the reply channel, or None."""
        return self._sinks.get(name)

    def add(self, group, name):
        """
        Make the reply channel a member, if anybody listens on it. Return False
        when nothing was done because the store must have the process first:
        see joined().
        """
        with self._changed:
            local = self._groups.get(group)
            if name not in self._sinks:
                # The socket was gone first: nobody would end the membership.
                return True
            if local is None or not local.joined:
                return False
            self._add(group, local, name)
            return True

    def joined(self, group):
        """Note that the store has this process as a member of the group."""
        with self._changed:
            self._groups.setdefault(group, LocalGroup()).joined = True

    def added_elsewhere(self, group, name, token):
        """
        Make the reply channel a member on another process's behalf. Return
        whether the store is known to have this process as a member.
        """
        with self._changed:
            local = self._groups.setdefault(group, LocalGroup())
            local.tokens.append(token)
            if name in self._sinks:
                self._add(group, local, name)
            self._changed.notify_all()
            return local.joined

    def wait_for(self, group, token):
        """Wait until what added_elsewhere() is to do for the token is done."""
        with self._changed:
            local = self._groups.get(group)
            if local is None:
                local = self._groups[group] = LocalGroup()
            if token not in local.tokens and not self._changed.wait_for(
                lambda: token in local.tokens, ADDED_WITHIN
            ):
                # It's lost. Nobody waits for it again.
                local.tokens.append(token)

    def discard(self, group, name):
        with self._changed:
            local = self._groups.get(group)
            if local is not None:
                local.members.pop(name, None)
                groups = self._memberships.get(name)
                if groups is not None:
                    groups.discard(group)
                    if not groups:
                        del self._memberships[name]

    def members(self, group):
        """
        Return the members by sink, {sink: [name, ...]}, of a group that something
        was sent to.
        """
        by_sink = {}
        with self._changed:
            # Without one, the store has this process in it for nothing, such as
            # where it couldn't be told: it's idle() soon.
            local = self._groups.setdefault(group, LocalGroup())
            for name in local.members:
                by_sink.setdefault(self._sinks[name], []).append(name)
        return by_sink

    def idle(self):
        """Return the groups that have no member now, nor had at the last call."""
        with self._changed:
            idle = []
            for group, local in self._groups.items():
                if local.idle and not local.members:
                    idle.append(group)
                local.idle = not local.members
            return idle

    def knows(self, group):
        return group in self._groups

    def forget(self, group):
        """Forget the group if it has no members, and return whether it hasn't."""
        with self._changed:
            local = self._groups.get(group)
            if local is None or local.members:
                return False
            del self._groups[group]
            return True

    def unjoined(self, every=False):
        """
        Return the groups that the store may not have this process in, and should.
        One without members that it isn't known to be in is only to be left.
        """
        with self._changed:
            return [
                group
                for group, local in self._groups.items()
                if every or (local.members and not local.joined)
            ]

    def clear_groups(self):
        with self._changed:
            self._groups.clear()
            self._memberships.clear()

    def _leave_groups(self, name):
        for group in self._memberships.pop(name, ()):
            self._groups[group].members.pop(name, None)

    def _add(self, group, local, name):
        local.members[name] = None
        local.idle = False
        self._memberships.setdefault(name, set()).add(group)
