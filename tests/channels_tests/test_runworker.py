from io import StringIO

from django.core.management import CommandError, call_command
from django.test import SimpleTestCase


class RunWorkerTests(SimpleTestCase):
    def call(self, *args):
        return call_command("runworker", *args, stdout=StringIO())

    def test_process_local_backend(self):
        """The error says which setting to change, and what else to run."""
        msg = (
            "CHANNEL_BACKENDS['default'] is MemoryChannelBackend, which holds messages "
            "in the memory of one process: a worker in another would never see any. "
            "Set its BACKEND to one that processes share, or use runserver or "
            "runwsserver, which have workers inside."
        )
        with self.assertRaisesMessage(CommandError, msg):
            self.call()

    def test_unknown_backend(self):
        with self.assertRaisesMessage(CommandError, "'other' doesn't exist"):
            self.call("--backend", "other")

    def test_threads(self):
        with self.assertRaisesMessage(CommandError, "--threads must be at least 1."):
            self.call("--threads", "0")
