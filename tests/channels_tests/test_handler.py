import asyncio
from contextvars import Context
from unittest import mock

from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator

from django.channels import Channel, channel_backends
from django.channels.message import Message
from django.core.asgi import get_asgi_application
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import AsyncRequestFactory, RequestFactory, override_settings

from .running import PATIENCE
from .test_channel import ChannelTestCase, memory
from .urls import __file__ as urls_file


@override_settings(ROOT_URLCONF="channels_tests.urls")
class HandlerTestCase(ChannelTestCase):
    def setUp(self):
        request_started.disconnect(close_old_connections)
        request_finished.disconnect(close_old_connections)
        self.addCleanup(request_started.connect, close_old_connections)
        self.addCleanup(request_finished.connect, close_old_connections)

    def fill(self, name, number=1):
        for _ in range(number):
            channel_backends["default"].send(Message(name, {}))

    @property
    def sent(self):
        return channel_backends["default"]._state.sent


class ClientTests(HandlerTestCase):
    def test_every_request_is_a_message(self):
        with mock.patch.object(
            type(channel_backends["default"]), "hand_over", autospec=True
        ) as hand_over:
            self.client.get("/")
        (_, message), _ = hand_over.call_args
        self.assertEqual(message.channel, "http.request")
        self.assertEqual(message.content["method"], "GET")
        self.assertEqual(message.content["path"], "/")
        self.assertEqual(message.content["headers"][0][0], "cookie")

    def test_views(self):
        for path, content in (
            ("/", b"hello"),
            ("/async/", b"ahello"),
            ("/stream/", b"12"),
        ):
            with self.subTest(path=path):
                before = self.sent
                response = self.client.get(path)
                self.assertEqual(response.getvalue(), content)
                self.assertEqual(self.sent, before + 1)

    async def test_async_client(self):
        for path in ("/", "/async/"):
            with self.subTest(path=path):
                before = self.sent
                response = await self.async_client.get(path)
                self.assertIn(response.content, (b"hello", b"ahello"))
                self.assertEqual(self.sent, before + 1)

    def test_body_files_and_cookies(self):
        self.client.cookies["seen"] = "yes"
        response = self.client.post(
            "/echo/", {"a": "é", "f": SimpleUploadedFile("f", b"\xff")}
        )
        self.assertEqual(response.text, repr(("POST", {"a": "é"}, {"f": b"\xff"})))
        self.assertEqual(response.cookies["seen"].value, "yes")

    def test_what_the_test_client_adds(self):
        response = self.client.get("/")
        self.assertEqual(response.resolver_match.func.__name__, "hello")
        self.assertEqual(response.wsgi_request.path, "/")
        with self.assertRaisesMessage(ValueError, "why"):
            self.client.get("/error/")

    def test_full(self):
        with override_settings(CHANNEL_BACKENDS=memory(CAPACITY=1)):
            self.fill("http.request")
            with self.assertLogs("django.request", "ERROR"):
                response = self.client.get("/")
            self.assertEqual(response.status_code, 503)
            self.assertEqual(response.headers["Retry-After"], "1")
            self.assertEqual(response.content, b"503 Service Unavailable\n")

    async def test_full_async(self):
        with override_settings(CHANNEL_BACKENDS=memory(CAPACITY=1)):
            self.fill("http.request")
            with self.assertLogs("django.request", "ERROR"):
                response = await self.async_client.get("/")
            self.assertEqual(response.status_code, 503)

    @override_settings(CHANNEL_HTTP_TIMEOUT=0.01)
    async def test_deadline(self):
        with self.assertLogs("django.request", "ERROR"):
            response = await self.async_client.get("/slow/")
        self.assertEqual(response.status_code, 504)

    @override_settings(DEBUG_PROPAGATE_EXCEPTIONS=True)
    async def test_a_views_own_timeout_is_no_deadline(self):
        with self.assertRaises(asyncio.TimeoutError):
            await self.async_client.get("/late/")

    @override_settings(CHANNEL_HTTP_BACKEND=None)
    async def test_switched_off(self):
        before = self.sent
        response = await self.async_client.get("/")
        self.assertEqual(response.content, b"hello")
        self.assertEqual(self.sent, before)

    @override_settings(CHANNEL_HTTP_BACKEND=None)
    def test_switched_off_sync(self):
        before = self.sent
        self.assertEqual(self.client.get("/").content, b"hello")
        self.assertEqual(self.sent, before)


@override_settings(INSTALLED_APPS=["channels_tests.broken"])
class BrokenConsumersTests(HandlerTestCase):
    """An error in a consumers module is answered and logged as one in a view."""

    def setUp(self):
        super().setUp()
        self.client.raise_request_exception = False
        self.async_client.raise_request_exception = False

    def check(self, response, logs):
        self.assertEqual(response.status_code, 500)
        self.assertIn("No module named 'no_such_module'", logs.output[0])

    def test_request(self):
        with self.assertLogs("django.request", "ERROR") as logs:
            self.check(self.client.get("/"), logs)

    def test_raised_in_tests(self):
        self.client.raise_request_exception = True
        with self.assertRaisesMessage(ModuleNotFoundError, "no_such_module"):
            self.client.get("/")

    async def test_async(self):
        with self.assertLogs("django.request", "ERROR") as logs:
            self.check(await self.async_client.get("/"), logs)

    async def test_asgi_application(self):
        application = ApplicationCommunicator(
            get_asgi_application(), AsyncRequestFactory()._base_scope(path="/")
        )
        with self.assertLogs("django.request", "ERROR") as logs:
            await application.send_input({"type": "http.request"})
            started = await application.receive_output(PATIENCE)
            await application.receive_output(PATIENCE)
            await application.wait(PATIENCE)
        self.assertEqual(started["status"], 500)
        self.assertIn("No module named 'no_such_module'", logs.output[0])


class OwnConsumerTests(HandlerTestCase):
    def setUp(self):
        super().setUp()

        @Channel.consumer("http.request")
        def consume(reply_channel, method, path):
            Channel(reply_channel).send(status=203, content=f"{method} {path}")

    def test_replaces_the_default(self):
        response = self.client.get("/a/b")
        self.assertEqual(response.status_code, 203)
        self.assertEqual(response.content, b"GET /a/b")

    async def test_async(self):
        response = await self.async_client.get("/a/b")
        self.assertEqual(response.content, b"GET /a/b")


class WSGITests(HandlerTestCase):
    factory = RequestFactory()

    def call(self, path="/", method="get", handler=None, **environ):
        environ = {
            **getattr(self.factory, method)("/", **environ).environ,
            "PATH_INFO": path.encode().decode("latin-1"),
        }
        started = []
        response = (handler or WSGIHandler())(
            environ, lambda *args: started.extend(args)
        )
        body = b"".join(response)
        response.close()
        return started[0], dict(started[1]), body

    def test_views(self):
        status, headers, body = self.call()
        self.assertEqual((status, body), ("200 OK", b"hello"))
        self.assertEqual(headers["Content-Type"], "text/html; charset=utf-8")

    def test_streams(self):
        self.assertEqual(self.call("/stream/")[2], b"12")
        # As pristine Django: it works, and warns.
        with self.assertWarnsMessage(Warning, "must consume asynchronous iterators"):
            self.assertEqual(self.call("/astream/")[2], b"12")

    def test_file_wrapper(self):
        class Wrapper:
            def __init__(self, file, size):
                self.file = file

            def __iter__(self):
                return iter([self.file.read()])

            def close(self):
                self.file.close()

        with open(urls_file, "rb") as file:
            expected = file.read()
        _, _, body = self.call("/file/", **{"wsgi.file_wrapper": Wrapper})
        self.assertEqual(body, expected)

    def test_script_name_and_path(self):
        _, _, body = self.call("/path/é/", SCRIPT_NAME="/app")
        self.assertEqual(body.decode(), "/app/path/é/")

    @override_settings(CHANNEL_BACKENDS=memory(CAPACITY=1))
    def test_full(self):
        self.fill("http.request")
        with self.assertLogs("django.request", "ERROR"):
            status, headers, _ = self.call()
        self.assertEqual(status, "503 Service Unavailable")


class ASGITests(HandlerTestCase):
    factory = AsyncRequestFactory()

    async def call(self, path, method="GET", body=b""):
        application = get_asgi_application()
        scope = self.factory._base_scope(path=path, method=method)
        communicator = ApplicationCommunicator(application, scope)
        await communicator.send_input({"type": "http.request", "body": body})
        start = await communicator.receive_output(PATIENCE)
        parts = b""
        while True:
            message = await communicator.receive_output(PATIENCE)
            parts += message.get("body", b"")
            if not message.get("more_body"):
                break
        await communicator.wait(PATIENCE)
        return start["status"], parts

    async def test_views(self):
        for path, content in (
            ("/", b"hello"),
            ("/async/", b"ahello"),
            ("/astream/", b"12"),
        ):
            with self.subTest(path=path):
                self.assertEqual(await self.call(path), (200, content))
        with self.assertWarnsMessage(Warning, "must consume synchronous iterators"):
            self.assertEqual(await self.call("/stream/"), (200, b"12"))

    def test_concurrency(self):
        """A thousand async views wait at once."""

        async def get(number):
            query = {"place": "asgi", "number": number}
            requests = (self.async_client.get("/gather/", query) for _ in range(number))
            return await asyncio.gather(*requests)

        # asgiref copies each Local of the context at each change of threads,
        # of which a request has a dozen. In the context that tests share, each
        # URLResolver that any test has used left one: with a thousand of them
        # the requests take longer than CHANNEL_HTTP_TIMEOUT. Hence a new one.
        answers = Context().run(async_to_sync(get), 1000)
        self.assertEqual({answer.status_code for answer in answers}, {200})
