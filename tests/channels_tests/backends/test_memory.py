import os
import signal
import unittest
import warnings
from collections import Counter
from time import monotonic
from unittest import mock

from django.channels.backends.memory import MemoryChannelBackend
from django.channels.testing.backend_suite import (
    ChannelBackendTests,
    SharedChannelBackendTests,
)
from django.channels.testing.backend_suite.case import PATIENCE
from django.test import SimpleTestCase


class SuiteTests(SimpleTestCase):
    def test_no_test_hides_another(self):
        """Each of the classes that make up the suite has names of its own."""
        bases = SharedChannelBackendTests.__mro__
        names = Counter(name for base in bases for name in vars(base))
        hidden = {name for name, number in names.items() if number > 1}
        self.assertEqual({n for n in hidden if n.startswith("test_")}, set())


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

    @unittest.skipUnless(hasattr(os, "fork"), "Processes can't be forked here.")
    def test_fork(self):
        """A child waits for none of the parent's threads, nor sends to them."""
        receiver = self.open("a")
        call = self.in_thread(receiver.receive)
        self.wait_until(lambda: receiver.idle)
        with self.backend._state.lock, warnings.catch_warnings():
            # Python 3.12 and later: threads may hold locks. So they do.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    signal.alarm(PATIENCE)
                    self.send("a", n=1)
                    served = self.backend.is_served("a")
                    got = self.receive("a")
                    status = 0 if got == {"n": 1} and not served else 2
                finally:
                    os._exit(status)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.send("a", n=2)
        self.assertEqual(call.result().content, {"n": 2})

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
