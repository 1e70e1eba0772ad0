from contextlib import nullcontext
from unittest import mock

from django.channels.backends.local import LocalChannels
from django.channels.backends.shared_groups import SharedGroups
from django.channels.backends.shared_store import Busy
from django.test import SimpleTestCase


class GroupTests(SimpleTestCase):
    def test_message_to_a_group_that_was_left(self):
        """It was on its way: the process doesn't join the group again for it."""
        local = LocalChannels("here")
        local.joined("g")
        self.assertEqual(local.idle(), [])
        self.assertEqual(local.idle(), ["g"])
        self.assertIs(local.forget("g"), True)
        self.assertEqual(local.members("g"), {})
        self.assertEqual(local.unjoined(), [])
        # It may have come since the store has the process in it yet.
        self.assertEqual(local.idle(), [])
        self.assertEqual(local.idle(), ["g"])
        self.assertIs(local.forget("g"), True)
        self.assertEqual(local.idle(), [])

    def test_member_that_comes_as_it_is_left(self):
        local = LocalChannels("here")
        local.joined("g")
        local.idle()
        self.assertEqual(local.idle(), ["g"])
        local.listen("http.reply.here!a", mock.Mock())
        self.assertIs(local.add("g", "http.reply.here!a"), True)
        self.assertIs(local.forget("g"), False)


class Store:
    """Where a process has its groups, for SharedGroups."""

    process, lease = "here", 0

    def __init__(self):
        self._local = LocalChannels(self.process)
        self.calls = []
        self.busy = set()

    def _hurrying(self):
        return nullcontext()

    def _join(self, group, member, token):
        if group in self.busy:
            raise Busy("Somebody is at it.")
        self.calls.append(("join", group))

    def _leave(self, group, member):
        self.calls.append(("leave", group))


class LookTests(SimpleTestCase):
    def joined(self, names):
        """Return a store and the groups of a process that is to join them again."""
        store = Store()
        groups = SharedGroups(store)
        for name in names:
            store._local.joined(name)
        groups.rejoin()
        return store, groups

    def test_many_groups(self):
        """One look takes no more than its time, and the next goes on."""
        store, groups = self.joined("abc")
        for done in range(1, 4):
            groups.look_after()
            self.assertEqual(len(store.calls), done)
        self.assertEqual(store.calls, [("join", name) for name in "abc"])
        store.calls.clear()
        # Nobody is in them.
        for _ in range(5):
            groups.look_after()
        self.assertEqual(store.calls, [("leave", name) for name in "abc"])

    def test_left_before_it_is_joined_again(self):
        store, groups = self.joined("ab")
        groups.look_after()
        store._local.forget("b")
        groups.look_after()
        self.assertEqual(store.calls, [("join", "a")])

    def test_busy(self):
        """What others are changing is tried again, after all that they aren't."""
        store, groups = self.joined("ab")
        store.busy.add("a")
        for _ in range(4):
            groups.look_after()
        self.assertEqual(store.calls, [("join", "b")])
        store.busy.clear()
        groups.look_after()
        self.assertEqual(store.calls, [("join", "b"), ("join", "a")])
