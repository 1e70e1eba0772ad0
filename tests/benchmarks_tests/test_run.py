from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from benchmarks import environment, run, sockets
from benchmarks.broadcast import Broadcast
from benchmarks.growth import Growth
from benchmarks.http_more import HttpMore
from benchmarks.idle import Idle
from benchmarks.load import LoadFailed
from benchmarks.servers import SERVERS
from benchmarks.websocket import WebSocket
from django.test import SimpleTestCase
from django.test.utils import captured_stderr, captured_stdout


class ParseTests(SimpleTestCase):
    def test_default_is_everything_on_this_tree(self):
        options = run.parse([])
        self.assertEqual(options.only, [*run.BENCHMARKS])
        self.assertEqual(options.servers, [server.name for server in SERVERS])
        self.assertEqual((options.tree, options.is_own_tree), (run.ROOT, True))
        self.assertEqual(options.path, "/")

    def test_a_named_tree_is_taken_as_it_is(self):
        options = run.parse(["--tree", str(run.ROOT), "--view", "orm"])
        self.assertFalse(options.is_own_tree)
        self.assertEqual(options.path, "/orm/")

    def test_unknown_server(self):
        with captured_stderr() as stderr, self.assertRaises(SystemExit):
            run.parse(["--servers", "unheard-of"])
        self.assertIn("'unheard-of'", stderr.getvalue())


class ServerTests(SimpleTestCase):
    def test_commands_are_filled_in(self):
        """Every server listens on the loopback interface, at the port given."""
        others = [*HttpMore.async_servers, *HttpMore.stock_servers, *Broadcast.alone]
        others += [server for server, _ in (*WebSocket.rows, *Idle.rows)]
        others.append(HttpMore.bare_server)
        for server in SERVERS + others:
            with self.subTest(server.name):
                command = " ".join(server.command(port=8123, threads=3))
                self.assertIn("127.0.0.1", command)
                self.assertIn("8123", command)
                self.assertNotIn("{", command)

    def test_only_ours_runs_on_the_patched_tree(self):
        names = [server.name for server in SERVERS if server.channels]
        self.assertEqual(names, ["runwsserver"])


class OpenFilesTests(SimpleTestCase):
    def test_too_few(self):
        """It's said before anything is measured, which takes hours."""
        limits = {"return_value": (1024, 4096)}
        refused = {"side_effect": ValueError}
        for benchmark in Idle, Growth:
            with (
                self.subTest(benchmark.name),
                mock.patch.object(sockets.resource, "getrlimit", **limits),
                mock.patch.object(sockets.resource, "setrlimit", **refused),
                self.assertRaisesMessage(LoadFailed, "20,000 are needed"),
            ):
                benchmark(run.parse([]), run.FULL, cores=None)


class EnvironmentTests(SimpleTestCase):
    def setUp(self):
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.environment = environment.Environment("5.2")
        self.environment.stamp = Path(folder.name) / "installed.txt"

    def test_nothing_is_done_twice(self):
        """What is installed as required is left alone."""
        self.environment.stamp.write_text(self.environment.requirements)
        with mock.patch.object(environment.subprocess, "run") as command:
            self.environment.prepare(with_wrk=False)
        command.assert_not_called()

    def test_missing_wrk(self):
        """Where wrk can't be installed, the message says what to do."""
        with mock.patch.object(environment.shutil, "which", return_value=None):
            with self.assertRaisesMessage(
                environment.EnvironmentFailed, "sudo apt-get install wrk"
            ):
                environment.install_wrk()

    def test_missing_redis(self):
        with mock.patch.object(environment.shutil, "which", return_value=None):
            with self.assertRaisesMessage(
                environment.EnvironmentFailed, "sudo apt-get install redis-server"
            ):
                environment.install_redis()

    def test_pip_fails(self):
        failed = mock.Mock(returncode=1)
        self.environment.folder = self.environment.stamp.parent
        with mock.patch.object(environment.subprocess, "run", return_value=failed):
            with (
                captured_stdout(),
                self.assertRaisesMessage(
                    environment.EnvironmentFailed, "connect to the network"
                ),
            ):
                self.environment.install()
        self.assertFalse(self.environment.stamp.exists())
