import asyncio
import threading
from io import BytesIO
from unittest import mock

from asgiref.sync import iscoroutinefunction, markcoroutinefunction

from django.channels import Channel, channel_backends
from django.channels.async_handler import AsyncHandler
from django.channels.async_views import has_async_views
from django.channels.exceptions import IncompleteResponse
from django.channels.processes.parent import Parent
from django.channels.server_request import ServerRequest
from django.channels.signals import consumer_started
from django.channels.worker import Worker
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http import HttpResponse
from django.test import override_settings
from django.urls import get_resolver
from django.utils.translation import activate, get_language

from .running import PATIENCE
from .test_channel import ChannelTestCase
from .test_http import CONTENT


class Exchange:
    """Takes a response as the interface server's exchange does."""

    def __init__(self, body_file=None):
        self.body_file = body_file
        self.gone = False
        self.callbacks = []
        self.done = threading.Event()
        self.thread = None

    def respond(self, response):
        self.thread = threading.current_thread().name
        self.response = response
        self.body = response.getvalue() if response.streaming else response.content
        response.close()
        self.done.set()

    async def arespond(self, response):
        self.respond(response)

    def close_body(self):
        if self.body_file is not None:
            self.body_file.close()

    def on_disconnect(self, callback):
        self.callbacks.append(callback)

    def disconnect(self):
        self.gone = True
        for callback in self.callbacks:
            callback()


class Made:
    """Middleware that notes whether it's made on an event loop."""

    sync_capable = async_capable = True
    on_loop = []

    def __init__(self, get_response):
        self.get_response = get_response
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self.on_loop.append(False)
        else:
            self.on_loop.append(True)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request):
        return self.get_response(request)


@override_settings(
    MIDDLEWARE=[], ROOT_URLCONF="channels_tests.urls", STATIC_URL="/static/"
)
class ServerRequestTests(ChannelTestCase):
    def setUp(self):
        request_started.disconnect(close_old_connections)
        request_finished.disconnect(close_old_connections)
        self.addCleanup(request_started.connect, close_old_connections)
        self.addCleanup(request_finished.connect, close_old_connections)
        self.backend = channel_backends["default"]

    def request(self, path="/", application=None, body_file=None, **content):
        exchange = Exchange(body_file)
        message = ServerRequest(
            {**CONTENT, "path": path, **content},
            application or WSGIHandler(),
            exchange,
        )
        return exchange, message

    def answer(self, *args, **content):
        """Have a worker answer, and return the exchange."""
        exchange, message = self.request(*args, **content)
        self.handle(exchange, message)
        return exchange

    def handle(self, exchange, message):
        worker = Worker(self.backend)
        worker.start()
        try:
            self.backend.send(message)
            self.assertTrue(exchange.done.wait(PATIENCE))
        finally:
            worker.stop(PATIENCE)

    def test_view(self):
        exchange = self.answer("/")
        self.assertEqual(exchange.body, b"hello")
        self.assertIs(exchange.response._handler_class, WSGIHandler)
        self.assertEqual(exchange.thread, "channels-worker-0")

    def test_async_view(self):
        """It runs on the worker's event loop, the rest in the request's thread."""
        exchange = self.answer("/async/")
        self.assertEqual(exchange.body, b"ahello")
        self.assertEqual(exchange.thread, "channels-async")

    def test_script_prefix(self):
        """reverse() begins with FORCE_SCRIPT_NAME, and is back without it."""
        for path in ("/reversing/", "/areversing/"):
            for name, prefix in (("/a", b"/a"), ("/a/", b"/a"), (None, b""), ("", b"")):
                with (
                    self.subTest(path=path, name=name),
                    override_settings(FORCE_SCRIPT_NAME=name),
                ):
                    self.assertEqual(self.answer(path).body, prefix + path.encode())

    def test_multiprocess(self):
        """The environment says whether other processes serve requests, too."""
        _, message = self.request("/")
        self.assertIs(message._environment()["wsgi.multiprocess"], False)
        with mock.patch.object(Parent, "current", object()):
            self.assertIs(message._environment()["wsgi.multiprocess"], True)

    def finished(self, *args):
        """Return the senders of request_finished for an answer."""
        senders = []

        def note(sender, **kwargs):
            senders.append((sender, threading.current_thread().name))

        request_finished.connect(note)
        self.addCleanup(request_finished.disconnect, note)
        with self.assertLogs("django.channels.worker", "ERROR"):
            exchange = self.answer(*args)
        self.assertEqual(exchange.response.status_code, 500)
        self.assertEqual(exchange.body, b"500 Internal Server Error\n")
        return senders

    def test_exit(self):
        """The request is finished once, in its own thread."""
        self.assertEqual(self.finished("/exit/"), [(WSGIHandler, "channels-worker-0")])
        [(sender, thread)] = self.finished("/aexit/")
        self.assertIs(sender, AsyncHandler)
        self.assertNotEqual(thread, "channels-loop")

    def test_exit_in_a_stream(self):
        """What the exchange has, it closes itself."""
        exchange, message = self.request("/")
        message._respond(HttpResponse())
        with mock.patch.object(exchange, "respond") as respond:
            self.assertIsNone(message.receipt(True))
        respond.assert_not_called()

    def test_replaced_call(self):
        """What a tool has put in the place of __call__() is called."""
        called = []

        def call(self, environ, start_response):
            called.append(environ["PATH_INFO"])
            return own(self, environ, start_response)

        own = WSGIHandler.__call__
        with mock.patch.object(WSGIHandler, "__call__", call):
            for path, body in (("/", b"hello"), ("/async/", b"ahello")):
                self.assertEqual(self.answer(path).body, body)
        self.assertEqual(called, ["/", "/async/"])

    def test_own_get_response(self):
        """A handler's own way is that of async views, too."""

        class Handler(WSGIHandler):
            def get_response(self, request):
                response = super().get_response(request)
                response.content += b"!"
                return response

        for path, body in (("/", b"hello!"), ("/async/", b"ahello!")):
            self.assertEqual(self.answer(path, Handler()).body, body)

    @override_settings(MIDDLEWARE=[f"{__name__}.Made"])
    def test_middleware_is_made_in_a_thread(self):
        """It may use the database, which can't be done on an event loop."""
        Made.on_loop = []
        for path in ("/", "/async/"):
            self.answer(path)
        self.assertIn(False, Made.on_loop)
        self.assertNotIn(True, Made.on_loop)

    @override_settings(MIDDLEWARE=[f"{__name__}.Made"])
    def test_middleware_that_fails_to_be_made(self):
        """An async view is served as a WSGI server has it."""
        handler = WSGIHandler()
        with (
            mock.patch.object(Made, "__init__", side_effect=ValueError),
            self.assertLogs("django.channels.worker", "ERROR") as logs,
        ):
            self.assertEqual(self.answer("/async/", handler).body, b"ahello")
        self.assertIn("could not be made", logs.output[0])

    def test_async_view_for_nobody(self):
        """A client that left while its request waited costs nothing more."""
        body_file = BytesIO(b"body")
        exchange, message = self.request("/async/", body_file=body_file)
        started = mock.Mock()
        request_started.connect(started)
        self.addCleanup(request_started.disconnect, started)
        exchange.gone = True
        asyncio.run(message.aserve())
        self.assertTrue(body_file.closed)
        started.assert_not_called()

    def test_beginning_in_turn(self):
        """A request has its place until its view begins, or has none."""
        for path in ("/async/", "/no/"):
            with self.subTest(path=path):
                places = threading.BoundedSemaphore(1)
                exchange, message = self.request(path)
                message.enter(places)
                self.assertIs(places.acquire(blocking=False), False)
                asyncio.run(message.aserve())
                self.assertTrue(exchange.done.is_set())
                self.assertIs(places.acquire(blocking=False), True)

    def test_beginning_with_an_own_consumer(self):
        places = threading.BoundedSemaphore(1)
        exchange, message = self.request("/")
        message.backend = self.backend
        message.enter(places)
        Channel(message.content["reply_channel"]).send(content="")
        self.assertIs(places.acquire(blocking=False), True)

    def test_not_found(self):
        self.assertEqual(self.answer("/no/").response.status_code, 404)

    def test_body(self):
        headers = [["content-type", "application/x-www-form-urlencoded"]]
        exchange = self.answer(
            "/echo/",
            method="POST",
            headers=[*headers, ["content-length", "3"]],
            body=b"a=b",
        )
        self.assertIn(b"{'a': 'b'}", exchange.body)
        exchange = self.answer(
            "/echo/", method="POST", headers=headers, body_file=BytesIO(b"a=c")
        )
        self.assertIn(b"{'a': 'c'}", exchange.body)

    @override_settings(ROOT_URLCONF="channels_tests.broken_urls")
    def test_broken_urlconf(self):
        exchange = self.answer("/")
        self.assertEqual(exchange.response.status_code, 500)

    def test_signals(self):
        calls = []

        def started(sender, environ, **kwargs):
            calls.append(environ["PATH_INFO"])

        def finished(**kwargs):
            calls.append("finished")

        request_started.connect(started)
        self.addCleanup(request_started.disconnect, started)
        request_finished.connect(finished)
        self.addCleanup(request_finished.disconnect, finished)
        for path in ("/", "/async/"):
            with self.subTest(path=path):
                calls.clear()
                self.answer(path)
                self.assertEqual(calls, [path, "finished"])

    def test_wrapped_application(self):
        """WSGI middleware of the project's own is run too."""
        inner = WSGIHandler()

        def application(environ, start_response):
            def start(status, headers):
                start_response(status, [*headers, ("X-Wrapped", "yes")])

            return inner(environ, start)

        exchange = self.answer("/", application)
        self.assertEqual(exchange.body, b"hello")
        self.assertIn(("X-Wrapped", "yes"), list(exchange.response.items()))

    def test_failure(self):
        """A request always has an answer."""

        def application(environ, start_response):
            raise ValueError("why")

        with self.assertLogs("django.channels.worker", "ERROR"):
            exchange = self.answer("/", application)
        self.assertEqual(exchange.response.status_code, 500)

    def test_client_that_leaves_cancels_an_async_view(self):
        exchange, message = self.request("/slow/")
        finished = threading.Event()

        def note(**kwargs):
            finished.set()

        request_finished.connect(note)
        self.addCleanup(request_finished.disconnect, note)

        async def serve():
            task = asyncio.ensure_future(message.aserve())
            while not exchange.callbacks:
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            exchange.disconnect()
            await task

        asyncio.run(serve())
        self.assertTrue(finished.is_set())
        self.assertFalse(exchange.done.is_set())

    def test_own_consumer(self):
        @Channel.consumer("http.request")
        def consume(reply_channel, path, body):
            Channel(reply_channel).send(content=path.encode() + body)

        exchange = self.answer("/a", body=b"!")
        self.assertEqual(exchange.body, b"/a!")
        self.assertEqual(self.backend._state.sinks, {})

    def test_own_consumer_streams(self):
        @Channel.consumer("http.request")
        def consume(reply_channel):
            Channel(reply_channel).send(content="1", more_content=True)
            Channel(reply_channel).send(content="2")

        self.assertEqual(self.answer("/").body, b"12")

    def test_own_consumer_fails_amid_a_stream(self):
        """Who reads it hears of that at once."""

        @Channel.consumer("http.request")
        def consume(reply_channel):
            Channel(reply_channel).send(content="1", more_content=True)
            raise ValueError("why")

        exchange, message = self.request("/")
        ended = []

        def respond(response):
            try:
                list(response)
            except IncompleteResponse as error:
                ended.append(error)
            response.close()
            exchange.done.set()

        exchange.respond = respond
        with self.assertLogs("django.channels.worker", "ERROR"):
            self.handle(exchange, message)
        self.assertIn("failed before", str(ended[0]))
        self.assertEqual(self.backend._state.sinks, {})

    def test_client_that_leaves_an_own_consumers_stream(self):
        """Its thread ends, whether or not there is more to come."""

        @Channel.consumer("http.request")
        def consume(reply_channel):
            Channel(reply_channel).send(content="1", more_content=True)

        exchange, message = self.request("/")

        def respond(response):
            chunks = iter(response)
            next(chunks)
            exchange.disconnect()
            with self.assertRaises(IncompleteResponse):
                next(chunks)
            response.close()
            exchange.done.set()

        exchange.respond = respond
        self.handle(exchange, message)
        self.assertEqual(self.backend._state.sinks, {})

    def test_no_thread_for_an_own_consumers_stream(self):
        @Channel.consumer("http.request")
        def consume(reply_channel):
            with mock.patch.object(threading.Thread, "start", side_effect=error):
                Channel(reply_channel).send(content="1", more_content=True)

        error = RuntimeError("can't start new thread")
        self.assertEqual(self.answer("/").response.status_code, 500)
        self.assertEqual(self.backend._state.sinks, {})

    def test_around_an_own_consumer(self):
        """What is around any message: a language is gone with it, and it's told."""
        languages, begun = [], []

        @Channel.consumer("http.request")
        def consume(reply_channel):
            languages.append(get_language())
            activate("de")
            Channel(reply_channel).send(content="")

        def note(message, **kwargs):
            begun.append(message.channel)

        consumer_started.connect(note)
        self.addCleanup(consumer_started.disconnect, note)
        for _ in range(2):
            self.answer("/")
        self.assertEqual(languages, ["en", "en"])
        self.assertEqual(begun, ["http.request"] * 2)

    def test_own_consumer_that_fails(self):
        @Channel.consumer("http.request")
        def consume():
            raise ValueError("why")

        with self.assertLogs("django.channels.worker", "ERROR"):
            self.assertEqual(self.answer("/").response.status_code, 500)

    def test_wants_loop(self):
        for path, expected in (("/", False), ("/async/", True), ("/no/", False)):
            with self.subTest(path=path):
                self.assertIs(self.request(path)[1].wants_loop(), expected)

    def test_static_files_and_wrapped_applications_keep_off_the_loop(self):
        static = StaticFilesHandler(WSGIHandler())
        self.assertIs(self.request("/static/async/", static)[1].wants_loop(), False)
        self.assertIs(self.request("/async/", static)[1].wants_loop(), True)
        self.assertIs(self.request("/async/", lambda *args: [])[1].wants_loop(), False)

    def test_has_async_views(self):
        self.assertIs(has_async_views(get_resolver()), True)
        with override_settings(ROOT_URLCONF="channels_tests.sync_urls"):
            self.assertIs(has_async_views(get_resolver()), False)


class ReceiptTests(ChannelTestCase):
    def test_receipt(self):
        exchange = Exchange()
        message = ServerRequest(CONTENT, WSGIHandler(), exchange)
        self.assertIsNone(message.receipt(False))
        self.assertFalse(exchange.done.is_set())
        self.assertIsNone(message.receipt(True))
        self.assertEqual(exchange.response.status_code, 500)
        self.assertIsInstance(exchange.response, HttpResponse)
