"""Requests of the interface server that workers elsewhere answer."""

import hashlib
import http.client
import tempfile
import threading
from queue import SimpleQueue
from unittest import mock

from django.channels.exceptions import NoWorker
from django.channels.interfaces.server import InterfaceServer
from django.channels.pending_request import PendingRequest
from django.channels.server_request import ServerRequest
from django.channels.watch import Watch, worker_lost
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished
from django.test import RequestFactory, override_settings

from .running import PATIENCE, wait_for, without_thread
from .shared_http import PIECE, SharedHTTPTestCase, notes
from .test_http import CONTENT
from .test_server_request import Exchange


class WaitingExchange(Exchange):
    """One that closes its body's file, as the interface server's does."""

    def respond(self, response):
        super().respond(response)
        self.close_body()


class RemoteExchangeTests(SharedHTTPTestCase):
    def request(self, path="/", body_file=None, application=None, **content):
        exchange = WaitingExchange(body_file)
        content = {**CONTENT, "path": path, "raw_path": path, **content}
        application = application or WSGIHandler()
        return exchange, ServerRequest(content, application, exchange, self.edge)

    def answer(self, *args, **content):
        """Send a request, and return the exchange when it's answered."""
        exchange, request = self.request(*args, **content)
        request.send()
        self.assertIs(exchange.done.wait(PATIENCE), True)
        return exchange

    def test_answers(self):
        self.start_worker()
        self.assertEqual(self.answer("/").body, b"hello")
        streamed = self.answer("/stream/9/")
        self.assertEqual(streamed.body[-1:], b"8")
        # Each part has its own time.
        self.assertEqual(streamed.deadline, float("inf"))
        self.assertEqual(self.answer("/large/1000000/").body, b"l" * 1_000_000)
        with self.assertLogs("django.request", "WARNING"):
            self.assertEqual(self.answer("/no/").response.status_code, 404)

    def test_bodies(self):
        self.start_worker()
        for size in (1000, 3_000_000):
            data = bytes(range(250)) * (size // 250)
            digest = hashlib.sha256(data).hexdigest().encode()
            headers = [["host", "testserver"], ["content-length", str(size)]]
            for in_file in (False, True):
                with self.subTest(size=size, in_file=in_file):
                    body, file = data, None
                    if in_file:
                        body, file = b"", tempfile.TemporaryFile()
                        file.write(data)
                        file.seek(0)
                    exchange = self.answer(
                        "/digest/", file, method="POST", headers=headers, body=body
                    )
                    self.assertEqual(exchange.body, digest)

    def test_signals(self):
        """They're for the process that runs the view."""
        self.start_worker()
        calls = []

        def finished(**kwargs):
            calls.append(threading.current_thread().name)

        request_finished.connect(finished)
        self.addCleanup(request_finished.disconnect, finished)
        self.answer("/")
        wait_for(lambda: calls, "the signal")
        self.assertEqual(calls, ["channels-worker-0"])

    def test_no_worker(self):
        exchange, request = self.request()
        with self.assertRaises(NoWorker) as raised:
            request.send()
        self.assertIs(raised.exception.unsent, True)
        self.assertEqual(self.edge._local._sinks, {})

    def test_lost_worker(self):
        self.start_worker()
        notes.update(begun=threading.Event(), held=threading.Event())
        exchange, request = self.request("/hold/")
        request.send()
        self.assertIs(notes["begun"].wait(PATIENCE), True)
        with self.assertLogs("django.request", "ERROR"):
            self.edge.part(Watch)._ticker.items()[0].fail(worker_lost())
            self.assertIs(exchange.done.wait(PATIENCE), True)
        self.assertEqual(exchange.response.status_code, 502)
        notes["held"].set()

    def test_client_that_left_while_it_waited(self):
        """Nothing is sent, and nobody listens."""
        exchange, request = self.request()
        exchange.disconnect()
        before = {*self.edge._local._sinks}
        request.send()
        self.assertEqual({*self.edge._local._sinks}, before)
        self.assertEqual(self.edge.waiting("http.request"), 0)

    def test_no_thread_for_the_response(self):
        self.start_worker()
        notes["closed"] = threading.Event()
        exchange, request = self.request("/stream/9/")
        with (
            without_thread("channels-exchange"),
            self.assertLogs("django.request", "ERROR"),
        ):
            request.send()
            self.assertIs(exchange.done.wait(PATIENCE), True)
        self.assertEqual(exchange.response.status_code, 502)
        # Long before its worker would have lost patience.
        self.assertIs(notes["closed"].wait(PATIENCE / 2), True)

    def test_closed_before_it_was_sent(self):
        pending = PendingRequest(self.edge, SimpleQueue())
        pending.close()
        with self.assertRaises(NoWorker):
            pending.send_request(RequestFactory().get("/"))
        self.assertIsNone(self.edge._local.sink(pending.name))
        # What waits isn't taken for lost by it.
        self.assertEqual(self.edge.part(Watch)._taken, float("-inf"))

    def test_client_that_leaves(self):
        self.start_worker()
        notes.update(begun=threading.Event(), cancelled=threading.Event())
        exchange, request = self.request("/sleeps/")
        request.send()
        self.assertIs(notes["begun"].wait(PATIENCE), True)
        exchange.disconnect()
        self.assertIs(notes["cancelled"].wait(PATIENCE), True)
        self.assertIs(exchange.done.is_set(), False)

    def test_client_that_leaves_in_the_middle(self):
        self.start_worker()
        notes["closed"] = threading.Event()
        exchange, request = self.request("/stream/80/")
        exchange.respond = lambda response: responses.append(response)
        responses = []
        request.send()
        wait_for(lambda: responses, "the response")
        exchange.disconnect()
        self.assertIs(notes["closed"].wait(PATIENCE), True)
        responses[0].close()

    @override_settings(STATIC_URL="/static/")
    def test_static_files(self):
        """In development they're served by the process that has them."""
        application = StaticFilesHandler(WSGIHandler())
        exchange, request = self.request("/static/no", application=application)
        request.send()
        self.assertIs(exchange.done.wait(PATIENCE), True)
        self.assertEqual(exchange.response.status_code, 404)


class InterfaceServerTests(SharedHTTPTestCase):
    """End to end."""

    def test_requests(self):
        self.start_worker()
        server = InterfaceServer(WSGIHandler())
        server.bind("127.0.0.1", 0)
        # Only the workers elsewhere.
        with mock.patch("django.channels.interfaces.workers.Workers.start"):
            server.start()
            self.addCleanup(server.stop)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, PATIENCE)
        self.addCleanup(connection.close)
        data = bytes(4_000_000)
        for path, body, expected in (
            ("/", None, b"hello"),
            ("/digest/", data, hashlib.sha256(data).hexdigest().encode()),
            ("/stream/9/", None, b"".join(b"%d" % n * PIECE for n in range(9))),
            ("/large/1000000/", None, b"l" * 1_000_000),
        ):
            with self.subTest(path=path):
                method = "GET" if body is None else "POST"
                connection.request(method, path, body)
                self.assertEqual(connection.getresponse().read(), expected)
