"""runwsserver and runworker in processes of their own, over Redis."""

import http.client
import signal
from contextlib import ExitStack

from channels_tests.backends.redis_servers import Node, redis_executable
from channels_tests.running import enter_for_class, free_port, open_websocket, wait_for
from websockets.exceptions import ConnectionClosed

from django.channels.interfaces.drain import FEWEST
from django.test import SimpleTestCase

from .processes import Command

PATIENCE = 60


def get(port, path="/", headers={}):
    """Return the status and the text of a response."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        client.request("GET", path, headers=headers)
        response = client.getresponse()
        return response.status, response.read().decode()
    finally:
        client.close()


def socket(port, **options):
    return open_websocket(f"ws://127.0.0.1:{port}/", **options)


class RedisTests(SimpleTestCase):
    """An interface server without a worker, and a worker beside it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.redis = enter_for_class(cls, Node(redis_executable()))
        worker = Command("runworker", "--threads=1", redis=cls.redis.url)
        server = Command(
            "runwsserver", "127.0.0.1:0", "--no-worker", redis=cls.redis.url
        )
        cls.worker = enter_for_class(cls, worker)
        cls.server = enter_for_class(cls, server)
        cls.port = cls.server.port

    def test_echo(self):
        """Sockets are served by the worker, in order; requests by the server."""
        with socket(self.port) as ws:
            for i in range(100):
                ws.send(str(i))
            received = [ws.recv(PATIENCE) for _ in range(100)]
            self.assertEqual(received, [str(i) for i in range(100)])
            ws.send("pid")
            self.assertEqual(ws.recv(PATIENCE), str(self.worker.process.pid))
        status, text = get(self.port)
        self.assertEqual(status, 200)
        self.assertEqual(text.split()[-1], str(self.server.process.pid))

    def test_redis_is_stuck(self):
        """What a socket is sent meanwhile waits; requests are answered."""
        with socket(self.port) as ws:
            ws.send("before")
            self.assertEqual(ws.recv(PATIENCE), "before")
            with self.redis.stuck():
                for i in range(40):
                    ws.send(str(i))
                for _ in range(3):
                    self.assertEqual(get(self.port)[0], 200)
            received = [ws.recv(PATIENCE) for _ in range(40)]
            self.assertEqual(received, [str(i) for i in range(40)])

    def test_redis_is_started_again(self):
        """An open socket survives a Redis server that has forgotten it."""
        with socket(self.port) as ws, socket(self.port) as other:
            for client in (ws, other):
                client.send("before")
                self.assertEqual(client.recv(PATIENCE), "before")
            self.wait_until_idle()
            self.redis.stop()
            known = self.server.printed
            ws.send("after")
            wait_for(
                lambda: "A message for websocket" in self.server.printed[len(known) :],
                "the server to notice",
            )
            self.assertEqual(get(self.port)[0], 200)
            self.redis.serve()
            self.assertEqual(ws.recv(PATIENCE), "after")
            other.send("too")
            self.assertEqual(other.recv(PATIENCE), "too")

    def wait_until_idle(self):
        """Wait until the worker has reported the sockets' messages done."""
        probe = "echo of the last message"
        with socket(self.port) as ws:
            ws.send(probe)
            ws.send(probe)
            for _ in range(2):
                self.assertEqual(ws.recv(PATIENCE), probe)

    def test_one_of_two_is_killed(self):
        """Groups go on with the members that the other one has."""
        options = ["runwsserver", "127.0.0.1:0", "--no-worker"]
        with Command(*options, redis=self.redis.url) as other:
            with socket(self.port) as here, socket(other.port) as there:
                here.send("all 1")
                for ws in (here, there):
                    self.assertEqual(ws.recv(PATIENCE), "all 1")
                other.kill()
                for i in range(2, 12):
                    here.send(f"all {i}")
                received = [here.recv(PATIENCE) for _ in range(10)]
                self.assertEqual(received, [f"all {i}" for i in range(2, 12)])
                with self.assertRaises(ConnectionClosed):
                    there.recv(PATIENCE)

    def test_shared_port(self):
        """Two processes have the port, and a group has the sockets of both."""
        with ExitStack() as stack:
            options = ["--reuse-port", "--no-worker"]
            address = f"127.0.0.1:{free_port()}"
            pids = set()
            for _ in range(2):
                server = stack.enter_context(
                    Command("runwsserver", address, *options, redis=self.redis.url)
                )
                pids.add(str(server.process.pid))
            port, found = server.port, set()
            wait_for(
                lambda: found.add(get(port)[1].split()[-1]) or found == pids,
                "both to be asked",
            )
            sockets = [stack.enter_context(socket(port)) for _ in range(20)]
            sockets[0].send("all")
            self.assertEqual(sockets[0].recv(PATIENCE), "all")
            sockets[0].send("all of them")
            for ws in sockets:
                self.assertEqual(ws.recv(PATIENCE), "all of them")

    def test_requests_on_redis(self):
        """With CHANNEL_HTTP_BACKEND, a server needs no threads at all."""
        with Command(
            "runwsserver",
            "127.0.0.1:0",
            "--threads=0",
            redis=self.redis.url,
            environment={"SERVED_HTTP_BACKEND": "default"},
        ) as server:
            status, text = get(server.port)
            self.assertEqual(status, 200)
            self.assertEqual(text.split()[-1], str(self.worker.process.pid))
            self.assertEqual(get(server.port, "/nowhere")[0], 404)


class DrainTests(SimpleTestCase):
    """The end of a server with clients."""

    def test_drain(self):
        """
        Idle connections are closed and nobody new is let in; sockets are told
        to go a few at a time, and the first ones go while the last still work.
        """
        with Command("runwsserver", "127.0.0.1:0", "--grace=40") as server:
            with ExitStack() as stack:
                sockets = [
                    stack.enter_context(socket(server.port)) for _ in range(FEWEST + 1)
                ]
                idle = http.client.HTTPConnection("127.0.0.1", server.port)
                stack.callback(idle.close)
                idle.request("GET", "/")
                idle.getresponse().read()
                server.process.send_signal(signal.SIGTERM)
                self.assertEqual(idle.sock.recv(1), b"")
                with self.assertRaises(OSError):
                    get(server.port)
                for ws in sockets:
                    with self.assertRaises(ConnectionClosed) as caught:
                        ws.recv(PATIENCE)
                    self.assertEqual(caught.exception.rcvd.code, 1001)
            self.assertEqual(server.process.wait(PATIENCE), 0)

    def test_second_signal(self):
        """It ends a server that waits for a request."""
        with Command("runwsserver", "127.0.0.1:0", "--grace=600") as server:
            client = http.client.HTTPConnection("127.0.0.1", server.port)
            client.request("GET", "/hold")
            wait_for(lambda: "holding" in server.printed, "the view to run")
            server.process.send_signal(signal.SIGTERM)
            wait_for(lambda: "stops." in server.printed, "the server to stop")
            self.assertIsNone(server.process.poll())
            self.assertEqual(server.stop(), 0)
            client.close()

    def test_threads_that_hang(self):
        """Python would wait for those that an async view has begun."""
        for path in ("/hold/own-thread", "/hold/other-thread"):
            with (
                self.subTest(path),
                Command("runwsserver", "127.0.0.1:0", "--grace=0.1") as server,
            ):
                client = http.client.HTTPConnection("127.0.0.1", server.port)
                client.request("GET", path)
                wait_for(lambda: "holding" in server.printed, "the view to run")
                self.assertEqual(server.stop(), 0)
                client.close()
