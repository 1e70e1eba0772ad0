from django.channels.backends.local import LocalChannels
from django.test import SimpleTestCase


class GroupTests(SimpleTestCase):
    def test_message_to_a_group_that_was_left(self):
        """It was on its way: the process doesn't join the group again for it."""
        local = LocalChannels("here")
        local.joined("g")
        self.assertEqual(local.take_idle(), [])
        self.assertEqual(local.take_idle(), ["g"])
        self.assertEqual(local.members("g"), {})
        self.assertEqual(local.unjoined(), [])
        # It may have come since the store has the process in it yet.
        self.assertEqual(local.take_idle(), [])
        self.assertEqual(local.take_idle(), ["g"])
        self.assertEqual(local.take_idle(), [])
