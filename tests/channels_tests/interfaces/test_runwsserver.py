import io
import os
import signal
import socket
import subprocess
import sys
import unittest
import urllib.request
from math import inf, nan
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from channels_tests.interpreters import Interpreter
from channels_tests.running import environment

from django.channels.exceptions import InvalidChannelBackend
from django.channels.interfaces.options import check_sharing, check_workers
from django.core.management import CommandError, call_command
from django.core.management.commands.runwsserver import Command
from django.test import SimpleTestCase, override_settings

SHARED = {
    "default": {"BACKEND": "django.channels.backends.redis.RedisChannelBackend"},
}


class AddressTests(SimpleTestCase):
    def test_addresses(self):
        for given, ipv6, expected in (
            (None, False, ("127.0.0.1", 9000, False)),
            (None, True, ("::1", 9000, True)),
            ("8000", False, ("127.0.0.1", 8000, False)),
            ("0.0.0.0:80", False, ("0.0.0.0", 80, False)),
            ("[::]:80", False, ("::", 80, True)),
            ("localhost:80", True, ("localhost", 80, True)),
        ):
            with self.subTest(given=given):
                self.assertEqual(Command().parse_address(given, ipv6), expected)

    def test_invalid(self):
        for given, ipv6 in (
            ("port", False),
            ("1:2:3", False),
            ("65536", False),
            ("127.0.0.1:80", True),
        ):
            with self.subTest(given=given):
                with self.assertRaisesMessage(CommandError, "is not a valid"):
                    Command().parse_address(given, ipv6)


@override_settings(ALLOWED_HOSTS=["127.0.0.1"])
class RefusalTests(SimpleTestCase):
    def assertRefused(self, text, *args, **options):
        with self.assertRaisesMessage(CommandError, text):
            call_command("runwsserver", *args, stdout=io.StringIO(), **options)

    def test_wrong_backend(self):
        """What only shows when workers start, such as tables that aren't there."""
        from django.channels.interfaces.server import InterfaceServer

        error = InvalidChannelBackend("the tables aren't there")
        with mock.patch.object(InterfaceServer, "serve", side_effect=error):
            self.assertRefused("the tables aren't there", "127.0.0.1:0")

    def test_port_is_taken(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            self.assertRefused(f"Port {port} is already in use.", str(port))

    def test_forbidden_port(self):
        with mock.patch("socket.socket.bind", side_effect=PermissionError(13, "no")):
            self.assertRefused("permission to access port 80", "80")

    def test_foreign_address(self):
        self.assertRefused("192.0.2.1 can't be assigned to", "192.0.2.1:9000")

    def test_threads(self):
        self.assertRefused("--threads must be at least 0", threads=-1)

    def test_grace(self):
        """With what is no time to wait for, the server would never end."""
        for grace in (-1.0, inf, nan):
            with self.subTest(grace=grace):
                text = "--grace must be at least 0, and finite."
                self.assertRefused(text, "no port", grace=grace)

    def test_shared_port(self):
        for option in ("--reuse-port", "--processes=2"):
            with self.subTest(option=option):
                self.assertRefused(
                    f"{option.partition('=')[0]} is for several processes, and the "
                    f"default channel backend holds its messages in the memory of one: "
                    f"a group would reach the sockets of one process alone. Set the "
                    f"BACKEND of CHANNEL_BACKENDS['default'] to one that",
                    option,
                )
        check_sharing(processes=2, reuse_port=True, websocket=False)

    def test_processes(self):
        self.assertRefused("--processes must be at least 1", "--processes=0")
        with (
            mock.patch("os.name", "nt"),
            self.assertRaisesMessage(
                CommandError, "--processes: this system passes no sockets on."
            ),
        ):
            check_sharing(processes=2, reuse_port=False, websocket=False)

    def test_nobody_runs_consumers(self):
        for option in ("--threads=0", "--no-worker"):
            with self.subTest(option=option):
                self.assertRefused(
                    f"{option.replace('=', ' ')} leaves the consumers to other "
                    f"processes, and the default channel backend holds its messages",
                    option,
                )

    def test_one_protocol_at_most(self):
        self.assertRefused("not allowed with", "--http-only", "--websocket-only")

    @override_settings(ALLOWED_HOSTS=[])
    def test_allowed_hosts(self):
        self.assertRefused("You must set settings.ALLOWED_HOSTS")

    @override_settings(CHANNEL_HTTP_BACKEND=None)
    def test_switched_off(self):
        self.assertRefused("CHANNEL_HTTP_BACKEND is None")

    def test_twisted_is_missing(self):
        with mock.patch.dict(sys.modules, {"twisted": None}):
            self.assertRefused("python -m pip install twisted")


@override_settings(ALLOWED_HOSTS=["127.0.0.1"], CHANNEL_BACKENDS=SHARED)
class SharedBackendTests(SimpleTestCase):
    configured_channel_backends = "__all__"

    def test_port_is_taken(self):
        """No process is started for it."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            with mock.patch("subprocess.Popen") as start:
                with self.assertRaisesMessage(CommandError, "is already in use."):
                    call_command("runwsserver", str(port), "--processes=2")
        start.assert_not_called()

    def test_nobody_answers_requests(self):
        with self.assertRaisesMessage(CommandError, "nobody to answer HTTP"):
            call_command("runwsserver", "--threads=0")

    def test_others_answer(self):
        """What other processes do needs no threads in this one."""
        check_workers(threads=0, worker=True, http=False)
        check_workers(threads=4, worker=False, http=True)
        with override_settings(CHANNEL_HTTP_BACKEND="default"):
            check_workers(threads=0, worker=True, http=True)


class ProcessTests(SimpleTestCase):
    """The command in a process of its own."""

    def start(self, *args):
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        settings = Path(folder.name, "ws_settings.py")
        settings.write_text(
            "SECRET_KEY = 'x'\nALLOWED_HOSTS = ['127.0.0.1']\n"
            "ROOT_URLCONF = 'ws_settings'\nDEFAULT_CHARSET = 'utf-8'\n"
            "urlpatterns = []\n"
        )
        address = str(Path(folder.name, "notices"))
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.notices.close)
        self.notices.bind(address)
        self.notices.settimeout(20)
        process = Interpreter(
            ["-m", "django", "runwsserver", "127.0.0.1:0", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(
                folder.name,
                *sys.path,
                DJANGO_SETTINGS_MODULE="ws_settings",
                NOTIFY_SOCKET=address,
            ),
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        ready = process.stdout.readline()
        self.assertRegex(ready, r"on http://127\.0\.0\.1:\d+/ with \d+ worker threads")
        return process, ready.split()[5]

    def test_serve_and_stop(self):
        """
        It says when it's ready, serves, and ends in good order. The service
        manager is told.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=number):
                process, url = self.start("--threads=2")
                self.assertEqual(self.notices.recv(100), b"READY=1")
                with self.assertRaises(urllib.error.HTTPError) as caught:
                    urllib.request.urlopen(url)
                self.assertEqual(caught.exception.code, 404)
                caught.exception.close()
                process.send_signal(number)
                out, err = process.communicate(timeout=20)
                self.assertEqual((process.returncode, out), (0, ""))
                self.assertEqual(self.notices.recv(100), b"STOPPING=1")
                self.assertNotIn("Traceback", err)

    @unittest.skipUnless(Path("/proc/self/task").exists(), "Linux lists threads.")
    def test_signal_to_another_thread(self):
        """It stops an idle server as well, whose reactor nothing wakes."""
        process, _ = self.start()
        self.assertEqual(self.notices.recv(100), b"READY=1")
        threads = {
            int(task.name) for task in Path(f"/proc/{process.pid}/task").iterdir()
        }
        os.kill(max(threads - {process.pid}), signal.SIGTERM)
        self.assertEqual(process.wait(20), 0)
