from time import monotonic
from unittest import mock

from django.channels.backends.memory import MemoryChannelBackend
from django.channels.testing.backend_suite import ChannelBackendTests
from django.test import SimpleTestCase


class MemoryBackendTests(ChannelBackendTests, SimpleTestCase):
    race_messages = 8000

    def setUp(self):
        self.ahead = 0
        patch = mock.patch("django.channels.backends.memory._states", {})
        patch.start()
        self.addCleanup(patch.stop)
        super().setUp()

    def make_backend(self, **params):
        backend = MemoryChannelBackend("default", params)
        backend.clock = lambda: monotonic() + self.ahead
        return backend

    def let_pass(self, seconds):
        self.ahead += seconds

    def test_unique_and_given_back(self):
        """Two wait when one is given back: either keeps others away."""
        self.add("a", unique="x", content={"n": 1}, priority=-1)
        first = self.take("a")
        self.add("a", unique="x", content={"n": 2})
        self.backend.release(first)
        self.assertEqual(self.take("a").content, {"n": 2})
        self.assertIs(self.add("a", unique="x"), False)
        self.assertEqual(self.take("a").content, {"n": 1})
        self.assertIs(self.add("a", unique="x"), True)

    def test_unique_and_lease(self):
        """One whose lease is over waits, whoever is first to look."""
        brief = self.make_brief()
        self.add("a", unique="x")
        self.take("a", backend=brief)
        self.pass_lease(brief)
        self.assertIs(self.add("a", unique="x"), False)
