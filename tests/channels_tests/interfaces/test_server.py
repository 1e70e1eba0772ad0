"""End to end: real sockets, real threads, a real reactor."""

import asyncio
import errno
import http.client
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from unittest import mock

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from django.channels import Channel, Group, consumers
from django.channels.backends.memory import MemoryChannelBackend
from django.channels.interfaces.limits import Limits
from django.channels.interfaces.server import InterfaceServer
from django.channels.interfaces.wakeups import Wakeups
from django.channels.interfaces.workers import Workers
from django.channels.route import http_backend
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse, StreamingHttpResponse
from django.test import SimpleTestCase, override_settings
from django.urls import path
from django.utils.log import AdminEmailHandler

from ..running import printed_by

PATIENCE = 60

FORKED = """
import os
from django.channels.interfaces import reactor

children = []
for _ in range(2):
    children.append(os.fork())
    if not children[-1]:
        reactor.ensure_running()
        for _ in range(1000):
            reactor.call(int)
        os._exit(0)
print([os.waitpid(child, 0)[1] for child in children])
"""


class SharedBackend(MemoryChannelBackend):
    process_local = False


SHARED = {"default": {"BACKEND": f"{__name__}.SharedBackend", "LOCATION": "shared"}}

held = threading.Event()
holding = threading.Event()
left = threading.Event()


def hello(request):
    return HttpResponse("hello")


def echo(request):
    return HttpResponse(request.body, content_type="application/octet-stream")


def meta(request):
    keys = ("REMOTE_ADDR", "SERVER_PORT", "QUERY_STRING", "HTTP_X_ONE", "PATH_INFO")
    return HttpResponse("|".join(request.META.get(key, "") for key in keys))


def hold(request):
    holding.set()
    held.wait(PATIENCE)
    return HttpResponse("held")


def fail(request):
    raise ValueError("secret")


def stream(request):
    return StreamingHttpResponse(b"%06d" % i * 1000 for i in range(1000))


async def gather(request):
    """Return when as many requests as ``number`` says are here at once."""
    here, everybody = gathered.setdefault(request.GET["place"], ([], asyncio.Event()))
    here.append(request)
    if len(here) == int(request.GET["number"]):
        everybody.set()
    await everybody.wait()
    return HttpResponse("gathered")


gathered = {}


async def events(request):
    async def pieces():
        try:
            while True:
                yield "event\n"
                await asyncio.sleep(0.01)
        finally:
            left.set()

    return StreamingHttpResponse(pieces())


def wsgi(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("201 Fine", [("X-Wsgi", "1"), ("X-Wsgi", "2")])
    return [b"wsgi ", body]


urlpatterns = [
    path("", hello),
    path("echo", echo),
    path("meta/é", meta),
    path("hold", hold),
    path("fail", fail),
    path("stream", stream),
    path("gather", gather),
    path("events", events),
]


@contextmanager
def serving(application=None, threads=4, limits=Limits(), **options):
    server = InterfaceServer(
        application or WSGIHandler(), threads=threads, limits=limits, **options
    )
    server.bind("127.0.0.1", 0)
    server.start()
    try:
        yield server
    finally:
        server.stop(grace=5)


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("Waited in vain.")
        time.sleep(0.01)


@override_settings(
    ROOT_URLCONF="channels_tests.interfaces.test_server",
    ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=[],
    CHANNEL_BACKENDS={
        "default": {
            "BACKEND": "django.channels.backends.memory.MemoryChannelBackend",
            "LOCATION": "test_server",
        }
    },
)
class ServerTestCase(SimpleTestCase):
    def setUp(self):
        held.clear()
        holding.clear()
        left.clear()

    def serve(self, *args, **kwargs):
        context = serving(*args, **kwargs)
        self.server = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return self.server

    def peer(self):
        client = http.client.HTTPConnection(
            "127.0.0.1", self.server.port, timeout=PATIENCE
        )
        self.addCleanup(client.close)
        return client

    def get(self, path, client=None, method="GET", body=None, headers={}):
        client = client or self.peer()
        client.request(method, path, body=body, headers=headers)
        response = client.getresponse()
        return response.status, response.read()

    def raw(self, data):
        with socket.create_connection(("127.0.0.1", self.server.port)) as sock:
            sock.settimeout(PATIENCE)
            sock.sendall(data)
            received = b""
            while piece := sock.recv(65536):
                received += piece
            return received


class HTTPTests(ServerTestCase):
    def setUp(self):
        super().setUp()
        self.serve()

    def test_requests(self):
        client = self.peer()
        self.assertEqual(self.get("/", client), (200, b"hello"))
        self.assertEqual(
            self.get("/echo", client, "POST", b"abc" * 1000), (200, b"abc" * 1000)
        )
        status, body = self.get("/meta/%C3%A9?a=b", client, headers={"X-One": "1"})
        self.assertEqual(body.decode(), f"127.0.0.1|{self.server.port}|a=b|1|/meta/é")
        self.assertEqual(self.get("/nowhere", client)[0], 404)
        self.assertEqual(self.get("/", client, "HEAD"), (200, b""))

    def test_failing_view(self):
        with self.assertLogs("django.request", "ERROR"):
            self.assertEqual(self.get("/fail")[0], 500)
        self.assertEqual(self.get("/")[0], 200)

    def test_large_upload(self):
        """A body too large for memory reaches the view whole."""
        body = b"0123456789" * 500_000
        with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=None):
            self.assertEqual(self.get("/echo", None, "POST", body), (200, body))
            chunks = (body[i : i + 70_000] for i in range(0, len(body), 70_000))
            self.assertEqual(self.get("/echo", None, "POST", chunks), (200, body))

    def test_stream(self):
        expected = b"".join(b"%06d" % i * 1000 for i in range(1000))
        self.assertEqual(self.get("/stream"), (200, expected))

    def test_slow_reader_of_a_stream(self):
        """A client that stops reading for a while loses nothing."""
        with socket.create_connection(("127.0.0.1", self.server.port)) as sock:
            sock.settimeout(PATIENCE)
            sock.sendall(b"GET /stream HTTP/1.0\r\n\r\n")
            # Others are served in the meantime.
            for _ in range(5):
                self.assertEqual(self.get("/")[0], 200)
            received = b""
            while piece := sock.recv(65536):
                received += piece
        self.assertTrue(received.endswith(b"000999" * 1000))
        self.assertGreater(len(received), 6_000_000)

    def test_async_views(self):
        """A thousand of them wait at once, with no thread for each."""
        clients = [self.peer() for _ in range(1000)]
        for client in clients:
            client.request("GET", "/gather?place=server&number=1000")
        for client in clients:
            self.assertEqual(client.getresponse().read(), b"gathered")

    def test_slow_jobs(self):
        """However many there are, they keep no request waiting."""
        started = threading.Semaphore(0)

        @Channel.consumer("test_server.job")
        def job():
            started.release()
            held.wait(PATIENCE)

        # Workers receive from the channels that had a consumer at their start.
        self.serve()
        try:
            for _ in range(20):
                Channel("test_server.job").send()
            self.assertTrue(started.acquire(timeout=PATIENCE))
            self.assertEqual(self.get("/"), (200, b"hello"))
        finally:
            held.set()

    def test_client_leaves_a_stream(self):
        """An endless stream ends when its client leaves."""
        client = self.peer()
        client.request("GET", "/events")
        client.getresponse().read(12)
        client.close()
        self.assertTrue(left.wait(PATIENCE))

    def test_pipelining(self):
        request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        last = b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"
        received = self.raw(request * 200 + last)
        self.assertEqual(received.count(b"HTTP/1.1 200 OK"), 201)

    def test_garbage(self):
        for data, status in (
            (b"garbage\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505),
            (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ):
            with self.subTest(data=data[:30]):
                received = self.raw(data)
                self.assertTrue(received.startswith(b"HTTP/1.1 %d " % status), received)

    def test_mail_of_a_handshake(self):
        """Whose handshake has an error mailed keeps nobody waiting."""
        uri = f"ws://127.0.0.1:{self.server.port}/"
        begun = threading.Event()

        def mail(*args, **kwargs):
            begun.set()
            held.wait(PATIENCE)

        with ExitStack() as stack:
            stack.callback(held.set)
            stack.enter_context(override_settings(DEBUG=False, ADMINS=["a@b.example"]))
            stack.enter_context(mock.patch.object(AdminEmailHandler, "send_mail", mail))
            for _ in range(3):
                with self.assertRaises(InvalidStatus):
                    connect(uri, origin="http://evil.example", open_timeout=PATIENCE)
            self.assertTrue(begun.wait(PATIENCE))
            self.assertEqual(self.get("/"), (200, b"hello"))

    def test_many_clients(self):
        """Clients at once get each their own answers."""
        failures = []

        def talk(number):
            client = http.client.HTTPConnection("127.0.0.1", self.server.port)
            for i in range(20):
                body = b"%d-%d" % (number, i)
                if self.get("/echo", client, "POST", body) != (200, body):
                    failures.append(body)
            client.close()

        threads = [threading.Thread(target=talk, args=[n]) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


class ApplicationTests(ServerTestCase):
    def test_wsgi_application(self):
        """Any WSGI application is served, with its headers as it sent them."""
        self.serve(wsgi)
        client = self.peer()
        client.request("POST", "/", body=b"body")
        response = client.getresponse()
        self.assertEqual((response.status, response.reason), (201, "Fine"))
        self.assertEqual(response.headers.get_all("X-Wsgi"), ["1", "2"])
        self.assertEqual(response.read(), b"wsgi body")

    @override_settings(CHANNEL_HTTP_TIMEOUT=2)
    def test_deadline(self):
        """A view that takes too long is a 504; the server goes on."""
        self.serve()
        try:
            self.assertEqual(self.get("/hold")[0], 504)
            self.assertEqual(self.get("/")[0], 200)
        finally:
            held.set()

    @override_settings(
        CHANNEL_BACKENDS={
            "default": {
                "BACKEND": "django.channels.backends.memory.MemoryChannelBackend",
                "LOCATION": "test_server_full",
                "CAPACITY": 1,
            }
        }
    )
    def test_capacity(self):
        """Past the channel's capacity: 503 at once, not a wait."""
        self.serve(threads=1)
        first, second, third = self.peer(), self.peer(), self.peer()
        try:
            first.request("GET", "/hold")
            self.assertTrue(holding.wait(PATIENCE))
            second.request("GET", "/hold")
            backend = http_backend()
            wait_for(lambda: backend.waiting("http.request") == 1)
            third.request("GET", "/")
            response = third.getresponse()
            response.read()
            self.assertEqual(response.status, 503)
            self.assertEqual(response.headers["Retry-After"], "1")
        finally:
            held.set()
        self.assertEqual(second.getresponse().read(), b"held")


class SharesTests(ServerTestCase):
    """Which channels a server receives from."""

    def received(self, **options):
        server = InterfaceServer(WSGIHandler(), **options)
        workers = Workers(
            http_backend(), server.threads, http=server.http, shared=server.worker
        )
        return {b.alias: set(c) for b, c in workers._received().items()}

    def test_stop(self):
        """They're stopped at once: each may take a little over its time."""
        workers = Workers(http_backend(), 1, http=True, shared=True)
        all_called = threading.Barrier(3)
        stopping = mock.Mock(side_effect=lambda left: all_called.wait(PATIENCE))
        workers._workers = [mock.Mock(stop=stopping)] * 3
        workers.stop(lambda: 1.5)
        self.assertEqual(stopping.mock_calls, [mock.call(1.5)] * 3)
        workers.stop(lambda: 1.5)

    def test_memory(self):
        every = set(consumers.channels())
        self.assertEqual(self.received(), {"default": every})
        self.assertEqual(self.received(http=False), {"default": every})

    def test_shared(self):
        every, request = set(consumers.channels()), {"http.request"}
        with override_settings(CHANNEL_BACKENDS=SHARED):
            self.assertEqual(self.received(), {"default": every, "local": request})
            self.assertEqual(self.received(worker=False), {"local": request})
            self.assertEqual(self.received(worker=False, http=False), {})
            with override_settings(CHANNEL_HTTP_BACKEND="default"):
                self.assertEqual(self.received(), {"default": every})
                self.assertEqual(self.received(worker=False), {})


class LifeTests(ServerTestCase):
    def test_never_started(self):
        """A server that was bound and not started gives its port back."""
        server = InterfaceServer(WSGIHandler())
        server.bind("127.0.0.1", 0)
        server.stop()
        with socket.socket() as other:
            other.bind(("127.0.0.1", server.port))

    def test_port_is_taken(self):
        self.serve()
        other = InterfaceServer(WSGIHandler())
        with self.assertRaises(OSError) as caught:
            other.bind("127.0.0.1", self.server.port)
        self.assertEqual(caught.exception.errno, errno.EADDRINUSE)

    def test_address_is_foreign(self):
        with self.assertRaises(OSError) as caught:
            InterfaceServer(WSGIHandler()).bind("192.0.2.1", 0)
        self.assertEqual(caught.exception.errno, errno.EADDRNOTAVAIL)

    def test_one_after_the_other(self):
        """Servers come and go in one process, also on the same port."""
        port = 0
        for _ in range(3):
            server = InterfaceServer(WSGIHandler())
            server.bind("127.0.0.1", port)
            server.start()
            self.server, port = server, server.port
            self.assertEqual(self.get("/")[0], 200)
            server.stop()
            with self.assertRaises(OSError):
                socket.create_connection(("127.0.0.1", port)).close()

    def test_last_threads_are_woken(self):
        """Those whose message the loop has sent and that it didn't come to."""
        server = InterfaceServer(WSGIHandler())
        server._wakeups = Wakeups(lambda function: None)
        server.bind("127.0.0.1", 0)
        server.start()
        waiter = mock.Mock()
        server._wakeups.add(waiter)
        server.stop(grace=5)
        waiter.wake.assert_called_once_with()

    def test_two_at_once(self):
        first = self.serve()
        second = self.serve()
        self.assertEqual(self.get("/")[0], 200)
        self.server = first
        self.assertEqual(self.get("/")[0], 200)
        self.assertNotEqual(first.port, second.port)

    def test_stop_lets_requests_end(self):
        server = InterfaceServer(WSGIHandler(), threads=2)
        server.bind("127.0.0.1", 0)
        server.start()
        self.server = server
        client, idle = self.peer(), self.peer()
        self.assertEqual(self.get("/", idle)[0], 200)
        client.request("GET", "/hold")
        self.assertTrue(holding.wait(PATIENCE))
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        wait_for(lambda: len(server.factory.connections) == 1)
        held.set()
        self.assertEqual(client.getresponse().read(), b"held")
        stopping.join(PATIENCE)
        self.assertIs(stopping.is_alive(), False)

    def test_stop_does_not_wait_for_ever(self):
        server = InterfaceServer(WSGIHandler(), threads=1)
        server.bind("127.0.0.1", 0)
        server.start()
        self.server = server
        client = self.peer()
        client.request("GET", "/hold")
        self.assertTrue(holding.wait(PATIENCE))
        name = "channels-worker-0"
        threads = [t for t in threading.enumerate() if t.name == name]
        try:
            server.stop(grace=0.2)
            with self.assertRaises((ConnectionError, http.client.BadStatusLine)):
                client.getresponse()
        finally:
            held.set()
            for thread in threads:
                thread.join(PATIENCE)


class WebSocketTests(ServerTestCase):
    def setUp(self):
        super().setUp()
        self.events = []
        self.together = threading.Barrier(4)
        consumers.register("websocket.connect", self.ws_connect)
        consumers.register("websocket.receive", self.ws_receive)
        consumers.register("websocket.disconnect", self.ws_disconnect)
        self.serve()

    def ws_connect(self, reply_channel, path):
        self.events.append("connect")
        if path == "/refuse":
            Channel(reply_channel).send(status=403)
        else:
            Group("all").add(reply_channel)

    def ws_receive(self, reply_channel, content):
        self.events.append(content)
        if content == "close":
            Channel(reply_channel).send(close=4001, reason="bye")
        elif content == "fail":
            raise ValueError("secret")
        elif content == "meet":
            self.together.wait(PATIENCE)
            Channel(reply_channel).send(content="met")
        else:
            Group("all").send(content=content)

    def ws_disconnect(self, code):
        self.events.append(code)

    def socket(self, path="/", **kwargs):
        return connect(
            f"ws://127.0.0.1:{self.server.port}{path}",
            open_timeout=PATIENCE,
            ping_interval=None,
            **kwargs,
        )

    def test_compression(self):
        """It's agreed to where the server was told to, and not otherwise."""
        with self.socket() as client:
            self.assertEqual(client.protocol.extensions, [])
        self.serve(compress=True)
        with self.socket() as client:
            self.assertEqual(len(client.protocol.extensions), 1)
            client.send("hello" * 100)
            self.assertEqual(client.recv(PATIENCE), "hello" * 100)

    def test_chat(self):
        with self.socket() as first, self.socket() as second:
            first.send("hello")
            self.assertEqual(first.recv(PATIENCE), "hello")
            self.assertEqual(second.recv(PATIENCE), "hello")
            second.send(b"\x00\xff")
            self.assertEqual(first.recv(PATIENCE), b"\x00\xff")
        wait_for(lambda: self.events.count(1000) == 2)
        backend = self.server.sockets.backend
        self.assertEqual(backend.members("all"), [])

    def test_order(self):
        """Any number of workers handles a socket's frames in order."""
        with self.socket() as ws:
            for i in range(500):
                ws.send(str(i))
            received = [ws.recv(PATIENCE) for _ in range(500)]
        self.assertEqual(received, [str(i) for i in range(500)])
        wait_for(lambda: self.events[-1] == 1000)
        self.assertEqual(self.events, ["connect", *(str(i) for i in range(500)), 1000])

    def test_blocking_consumers(self):
        """As many of one turn's messages are handled at once as are threads."""
        with ExitStack() as stack:
            sockets = [stack.enter_context(self.socket()) for _ in range(4)]
            for ws in sockets:
                ws.send("meet")
            for ws in sockets:
                self.assertEqual(ws.recv(PATIENCE), "met")

    def test_large_message(self):
        with self.socket(max_size=None) as ws:
            ws.send("x" * 900_000)
            self.assertEqual(len(ws.recv(PATIENCE)), 900_000)
            ws.send("x" * 1_100_000)
            with self.assertRaises(ConnectionClosed) as caught:
                ws.recv(PATIENCE)
        self.assertEqual(caught.exception.rcvd.code, 1009)

    def test_refused(self):
        with self.assertRaises(InvalidStatus) as caught:
            self.socket("/refuse")
        self.assertEqual(caught.exception.response.status_code, 403)
        wait_for(lambda: self.events == ["connect", 1006])

    def test_foreign_origin(self):
        with self.assertLogs("django.security.DisallowedHost", "ERROR"):
            with self.assertRaises(InvalidStatus) as caught:
                self.socket(origin="https://evil.example")
        self.assertEqual(caught.exception.response.status_code, 403)
        self.assertEqual(self.events, [])

    def test_server_closes(self):
        with self.socket() as ws:
            ws.send("close")
            with self.assertRaises(ConnectionClosed) as caught:
                ws.recv(PATIENCE)
        close = caught.exception.rcvd
        self.assertEqual((close.code, close.reason), (4001, "bye"))
        wait_for(lambda: self.events[-1] == 4001)

    def test_failing_consumer(self):
        """An exception closes one socket and harms nothing else."""
        with self.socket() as bad, self.socket() as good:
            with self.assertLogs("django.channels.worker", "ERROR"):
                bad.send("fail")
                with self.assertRaises(ConnectionClosed) as caught:
                    bad.recv(PATIENCE)
            self.assertEqual(caught.exception.rcvd.code, 1011)
            good.send("fine")
            self.assertEqual(good.recv(PATIENCE), "fine")
        self.assertEqual(self.get("/")[0], 200)

    def test_stop(self):
        """Sockets are told that the server goes, and their consumers run."""
        server = InterfaceServer(WSGIHandler(), threads=2)
        server.bind("127.0.0.1", 0)
        server.start()
        with connect(f"ws://127.0.0.1:{server.port}/") as ws:
            stopping = threading.Thread(target=server.stop)
            stopping.start()
            with self.assertRaises(ConnectionClosed) as caught:
                ws.recv(PATIENCE)
            self.assertEqual(caught.exception.rcvd.code, 1001)
        stopping.join(PATIENCE)
        self.assertEqual(self.events, ["connect", 1001])

    def test_after_http(self):
        """One connection may carry requests, and then a WebSocket."""
        with socket.create_connection(("127.0.0.1", self.server.port)) as sock:
            sock.settimeout(PATIENCE)
            sock.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            self.assertTrue(sock.recv(65536).endswith(b"hello"))
            sock.sendall(
                b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                b"\x81\x82\0\0\0\0hi"
            )
            received = b""
            while not received.endswith(b"\x81\x02hi"):
                received += sock.recv(65536)
        self.assertTrue(received.startswith(b"HTTP/1.1 101 "))


class ForkTests(SimpleTestCase):
    def test_loops_side_by_side(self):
        """Those of test processes, which were forked after the import."""
        self.assertEqual(printed_by(FORKED), "[0, 0]\n")
