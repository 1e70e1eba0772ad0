from io import StringIO
from unittest import mock

from django.channels.exceptions import InvalidChannelBackend
from django.channels.worker import Worker
from django.core.management import CommandError, call_command
from django.core.management.commands.runworker import Command
from django.test import SimpleTestCase, override_settings

# In tests an alias has a backend in memory otherwise.
UNREACHABLE = {
    "default": {
        "BACKEND": "django.channels.backends.redis.RedisChannelBackend",
        "LOCATION": "redis://127.0.0.1:1",
    }
}


class RunWorkerTests(SimpleTestCase):
    configured_channel_backends = "__all__"

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

    @override_settings(CHANNEL_BACKENDS=UNREACHABLE)
    def test_wrong_backend(self):
        """What only shows when a worker starts, such as tables that aren't there."""
        error = InvalidChannelBackend("the tables aren't there")
        with (
            mock.patch.object(Command, "warn_of_migrations"),
            mock.patch.object(Worker, "start", side_effect=error),
            self.assertRaisesMessage(CommandError, "the tables aren't there"),
        ):
            self.call()

    def test_numbers(self):
        for option in ("--processes", "--threads", "--max-messages"):
            msg = f"{option} must be at least 1."
            with self.subTest(option), self.assertRaisesMessage(CommandError, msg):
                self.call(option, "0")
        for value in ("-1", "nan"):
            with self.assertRaisesMessage(CommandError, "--grace must be at least 0."):
                self.call("--grace", value)

    def test_reload_is_one_process(self):
        msg = "--reload runs one process: leave --processes and --max-messages out."
        for option in ("--processes", "--max-messages"):
            with self.subTest(option), self.assertRaisesMessage(CommandError, msg):
                self.call("--reload", option, "2")

    @override_settings(CHANNEL_BACKENDS=UNREACHABLE)
    def test_patterns(self):
        """What can't be right is told before any process is started."""
        for arguments in (["--channels", "nope.*"], ["--exclude", "nope.*"]):
            for more in ([], ["--processes", "2"]):
                msg = "No channel that has a consumer matches 'nope.*'. There are"
                with (
                    self.subTest(arguments + more),
                    self.assertRaisesMessage(CommandError, msg),
                ):
                    self.call(*arguments, *more)
