"""runwsserver in several processes, over Redis."""

import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from channels_tests.backends.redis_servers import Node, redis_executable
from channels_tests.running import PATIENCE, enter_for_class, wait_for
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from django.test import SimpleTestCase

from .processes import Command
from .test_endpoints import UnixConnection, write_certificate


def asked(client):
    """Return the id of the process that answers this client."""
    client.timeout = PATIENCE
    try:
        client.request("GET", "/", headers={"Host": "127.0.0.1"})
        return int(client.getresponse().read().split()[-1])
    finally:
        client.close()


@contextmanager
def halted(pid):
    """Keep a process from doing anything, so that another one does it."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class ServerProcessesTestCase(SimpleTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.redis = enter_for_class(cls, Node(redis_executable()))

    def setUp(self):
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def serve(self, *arguments, **environment):
        """Return the command as it runs, with two processes, on any port."""
        return self.command(
            "runwsserver", "127.0.0.1:0", "--processes=2", *arguments, **environment
        )

    def command(self, *arguments, **environment):
        stack = ExitStack()
        self.addCleanup(stack.close)
        return stack.enter_context(
            Command(*arguments, redis=self.redis.url, environment=environment)
        )

    def ask(self, server):
        return asked(http.client.HTTPConnection("127.0.0.1", server.port))

    def both(self, ask):
        """Return the ids of both processes that ``ask()`` leads to."""
        first = ask()
        with halted(first):
            second = ask()
        self.assertNotEqual(first, second)
        return first, second


class ServingTests(ServerProcessesTestCase):
    def test_serve_and_stop(self):
        """
        All serve on one port, a group has the sockets of all, and all are
        told to stop. The service manager is told once.
        """
        notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(notices.close)
        notices.bind(f"{self.folder}/notices")
        notices.settimeout(PATIENCE)
        self.command("runworker")
        server = self.serve("--no-worker", NOTIFY_SOCKET=f"{self.folder}/notices")
        self.assertRegex(
            server.printed,
            r"Serving HTTP and WebSocket on http://127\.0\.0\.1:[1-9]\d*/ with 2 "
            r"processes of \d+ worker threads\.",
        )
        self.assertEqual(server.printed.count("Serving"), 1)
        self.assertEqual(notices.recv(100), b"READY=1")
        first, second = self.both(lambda: self.ask(server))
        url = f"ws://127.0.0.1:{server.port}/"
        with halted(first):
            there = connect(url, open_timeout=PATIENCE, ping_interval=None)
        with halted(second):
            here = connect(url, open_timeout=PATIENCE, ping_interval=None)
        with here, there:
            here.send("all of them")
            for ws in (here, there):
                self.assertEqual(ws.recv(PATIENCE), "all of them")
            server.process.send_signal(signal.SIGTERM)
            for ws in (here, there):
                with self.assertRaises(ConnectionClosed) as caught:
                    ws.recv(PATIENCE)
                self.assertEqual(caught.exception.rcvd.code, 1001)
        self.assertEqual(server.process.wait(PATIENCE), 0)
        self.assertEqual(notices.recv(100), b"STOPPING=1")
        with self.assertRaises(ConnectionRefusedError):
            self.ask(server)
        for number in (0, 1):
            self.assertIn(f"server-{number}: The server on http", server.printed)

    def test_without_standard_input(self):
        """The socket isn't where the processes have theirs."""
        server = self.serve(SERVED_CLOSED="1")
        self.both(lambda: self.ask(server))
        self.assertEqual(server.stop(), 0)

    def test_endpoints(self):
        """Both processes have the sockets of TLS, Unix and systemd."""
        write_certificate(self.folder)
        place = f"{self.folder}/socket"
        with socket.create_server(("127.0.0.1", 0)) as listener:
            os.set_inheritable(listener.fileno(), True)
            stack = ExitStack()
            self.addCleanup(stack.close)
            server = stack.enter_context(
                Command(
                    "runwsserver",
                    "--processes=2",
                    "--endpoint=ssl:0:interface=127.0.0.1"
                    f":privateKey={self.folder}/key.pem"
                    f":certKey={self.folder}/cert.pem",
                    f"--endpoint=unix:{place}:mode=660",
                    f"--endpoint=fd:fileno={listener.fileno()}",
                    redis=self.redis.url,
                    pass_fds=[listener.fileno()],
                )
            )
            port = listener.getsockname()[1]
        tls = int(re.search(r"https://127\.0\.0\.1:(\d+)/", server.printed)[1])
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        found = {
            frozenset(self.both(lambda: asked(client)))
            for client in (
                http.client.HTTPSConnection("127.0.0.1", tls, context=context),
                UnixConnection(place),
                http.client.HTTPConnection("127.0.0.1", port),
            )
        }
        self.assertEqual(len(found), 1)
        self.assertEqual(os.stat(place).st_mode & 0o777, 0o660)
        # One that ends in good order leaves the others what they listen on.
        (pids,) = found
        leaving, staying = pids
        os.kill(leaving, signal.SIGTERM)
        wait_for(lambda: "has ended and is replaced." in server.printed, "its end")
        with halted(staying):
            for client in (
                UnixConnection(place),
                http.client.HTTPConnection("127.0.0.1", port),
            ):
                self.assertNotIn(asked(client), pids)
        self.assertEqual(server.stop(), 0)
        self.assertIs(Path(place).exists(), False)


class EndTests(ServerProcessesTestCase):
    """What ends without being asked to, and what is told twice."""

    def test_one_is_killed(self):
        """
        The other one takes every connection until there are two again. Without
        their supervisor, both end.
        """
        server = self.serve()
        first, second = self.both(lambda: self.ask(server))
        os.kill(first, signal.SIGKILL)
        wait_for(
            lambda: self.assertEqual(self.ask(server), second)
            or "the next one starts in" in server.printed,
            "the supervisor to notice",
        )
        self.assertRegex(
            server.printed,
            rf"MainProcess: Server process \d \(pid {first}\) ended with signal 9",
        )
        with halted(second):
            # It waits for the next one to start.
            third = self.ask(server)
        self.assertNotIn(third, (first, second))
        self.assertEqual(server.printed.count("Serving"), 1)
        server.kill()
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", server.port))

    def test_worker_is_killed(self):
        """A socket whose message it had is closed soon; others stay open."""
        self.command("runworker", "--processes=2", SERVED_LEASE="3")
        server = self.command(
            "runwsserver", "127.0.0.1:0", "--no-worker", SERVED_LEASE="3"
        )
        url = f"ws://127.0.0.1:{server.port}/"
        with (
            connect(url, open_timeout=PATIENCE, ping_interval=None) as ws,
            connect(url, open_timeout=PATIENCE, ping_interval=None) as other,
        ):
            ws.send("hang")
            os.kill(int(ws.recv(PATIENCE)), signal.SIGKILL)
            with self.assertRaises(ConnectionClosed) as caught:
                ws.recv(PATIENCE)
            self.assertEqual(caught.exception.rcvd.code, 1011)
            # A new worker has taken its place.
            other.send("still here")
            self.assertEqual(other.recv(PATIENCE), "still here")

    def test_second_signal(self):
        """It ends processes that wait for a request."""
        server = self.serve("--grace=600")
        client = http.client.HTTPConnection("127.0.0.1", server.port)
        self.addCleanup(client.close)
        client.request("GET", "/hold")
        wait_for(lambda: "holding" in server.printed, "the view to run")
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: "The server on" in server.printed, "it to stop")
        self.assertIsNone(server.process.poll())
        self.assertEqual(server.stop(signal.SIGINT), 128 + signal.SIGINT)

    def test_broken_project(self):
        """The supervisor gives up on processes that can't start."""
        command = Command(
            "runwsserver",
            "127.0.0.1:0",
            "--processes=2",
            redis=self.redis.url,
            environment={"SERVED_BROKEN": "1"},
        )
        ended = subprocess.run(
            [sys.executable, "-m", "django", *command.arguments],
            env=command.environment,
            capture_output=True,
            text=True,
        )
        self.assertEqual(ended.returncode, 69, ended.stderr)
        self.assertEqual(ended.stdout, "")
        self.assertIn(
            "Server processes end before they are ready, 1 times in a row",
            ended.stderr,
        )
