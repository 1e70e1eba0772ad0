from unittest import mock

from django.channels.backends.memory import MemoryChannelBackend
from django.channels.testing.backend_suite import BackendTestCase
from django.test import SimpleTestCase

from .machine import ModelTests


class MemoryModelTests(ModelTests, BackendTestCase, SimpleTestCase):
    def setUp(self):
        self.now = 0
        patch = mock.patch("django.channels.backends.memory._states", {})
        patch.start()
        self.addCleanup(patch.stop)
        super().setUp()

    def make_backend(self, **params):
        backend = MemoryChannelBackend("default", params)
        backend.clock = lambda: self.now
        return backend

    def let_pass(self, seconds):
        self.now += seconds
