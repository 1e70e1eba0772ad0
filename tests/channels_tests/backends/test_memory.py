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
