"""A backend whose messages are encoded: what a worker elsewhere would see."""

import asyncio
from unittest import mock

from asgiref.testing import ApplicationCommunicator

from django.channels import Channel, Group, channel_backends, codec
from django.channels.application import SyncHandler
from django.channels.exceptions import InvalidMessage
from django.channels.inline import take
from django.channels.testing.encoding import EncodingChannelBackend
from django.core.asgi import get_asgi_application
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.channel import get_response
from django.core.handlers.wsgi import WSGIHandler
from django.http import FileResponse, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory, override_settings
from django.urls import get_script_prefix, path

from .running import PATIENCE
from .test_channel import ChannelTestCase
from .urls import __file__ as urls_file

ENCODING = {
    "default": {
        "BACKEND": "django.channels.testing.encoding.EncodingChannelBackend",
    }
}
waiting = {}


def same(request):
    return HttpResponse(f"{hasattr(request, 'mark')}")


def nested(request):
    return waiting["client"].get("/same/")


def broken(request):
    raise ValueError("why")


async def sleeps(request):
    waiting["begun"].set()
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        waiting["cancelled"] = True
        raise


urlpatterns = [
    path("same/", same),
    path("nested/", nested),
    path("broken/", broken),
    path("sleeps/", sleeps),
]


@override_settings(CHANNEL_BACKENDS=ENCODING, ROOT_URLCONF="channels_tests.urls")
class EncodingTests(ChannelTestCase):
    def test_in_its_own_name(self):
        backend = channel_backends["default"]
        self.assertIsInstance(backend, EncodingChannelBackend)

    def test_every_message_is_bytes_on_its_way(self):
        with mock.patch.object(codec, "decode", side_effect=codec.decode) as decode:
            self.assertEqual(self.client.get("/").content, b"hello")
        request, response = [codec.decode(*args) for args, _ in decode.call_args_list]
        self.assertEqual(request["path"], "/")
        self.assertEqual(response["content"], b"hello")

    def test_views(self):
        for url, content in (
            ("/", b"hello"),
            ("/async/", b"ahello"),
            ("/stream/", b"12"),
        ):
            with self.subTest(url=url):
                self.assertEqual(self.client.get(url).getvalue(), content)

    def test_script_prefix(self):
        for url in ("/reversing/", "/areversing/"):
            with self.subTest(url=url):
                response = self.client.get(url, SCRIPT_NAME="/a")
                self.assertEqual(response.content.decode(), f"/a{url}")
        self.assertEqual(get_script_prefix(), "/")

    async def test_async_client(self):
        for url, content in (("/", b"hello"), ("/async/", b"ahello")):
            with self.subTest(url=url):
                response = await self.async_client.get(url)
                self.assertEqual(response.content, content)

    async def test_asgi(self):
        scope = AsyncRequestFactory()._base_scope(path="/astream/")
        communicator = ApplicationCommunicator(get_asgi_application(), scope)
        await communicator.send_input({"type": "http.request"})
        receive = communicator.receive_output
        self.assertEqual((await receive(PATIENCE))["status"], 200)
        body = [await receive(PATIENCE) for _ in range(3)]
        self.assertEqual([part.get("body") for part in body], [b"1", b"2", None])
        await communicator.wait(PATIENCE)

    def test_body_files_and_cookies(self):
        self.client.cookies["seen"] = "yes"
        response = self.client.post(
            "/echo/", {"a": "é", "f": SimpleUploadedFile("f", b"\xff")}
        )
        self.assertEqual(response.text, repr(("POST", {"a": "é"}, {"f": b"\xff"})))
        self.assertEqual(response.cookies["seen"].value, "yes")

    def test_file(self):
        response = self.client.get("/file/")
        self.assertIsInstance(response, FileResponse)
        with open(urls_file, "rb") as file:
            self.assertEqual(response.getvalue(), file.read())

    def test_what_the_test_client_adds(self):
        response = self.client.get("/")
        self.assertEqual(response.resolver_match.func.__name__, "hello")
        self.assertEqual(response.wsgi_request.path, "/")

    @override_settings(ROOT_URLCONF=__name__)
    def test_nothing_but_the_content_arrives(self):
        """What another part of the process put on the request doesn't."""
        request = RequestFactory().get("/same/")
        request.mark = True
        response = get_response(WSGIHandler(), request)
        self.assertEqual(response.content, b"False")

    @override_settings(ROOT_URLCONF=__name__)
    def test_nested(self):
        """A view may itself make a request, and wait for it."""
        waiting["client"] = self.client
        self.assertEqual(self.client.get("/nested/").content, b"False")

    @override_settings(ROOT_URLCONF=__name__)
    def test_exception(self):
        with self.assertRaisesMessage(ValueError, "why"):
            self.client.get("/broken/")
        self.client.raise_request_exception = False
        self.assertEqual(self.client.get("/broken/").status_code, 500)

    def test_broken_handler(self):
        """What goes past the handler reaches the test, too."""
        with mock.patch.object(SyncHandler, "get_response", side_effect=OSError):
            with self.assertRaises(OSError):
                self.client.get("/")

    @override_settings(ROOT_URLCONF=__name__)
    async def test_cancelled(self):
        """A client that leaves takes an async view along."""
        waiting["begun"] = asyncio.Event()
        scope = AsyncRequestFactory()._base_scope(path="/sleeps/")
        communicator = ApplicationCommunicator(ASGIHandler(), scope)
        await communicator.send_input({"type": "http.request"})
        await waiting["begun"].wait()
        with self.assertNoLogs("django.channels.worker", "ERROR"):
            await communicator.send_input({"type": "http.disconnect"})
            await communicator.wait(PATIENCE)
        self.assertIs(waiting.pop("cancelled"), True)

    def test_groups(self):
        sent = {"data": b"\xff", "list": [1, None]}
        Group("g").add(Channel("member"))
        Group("g").send(**sent)
        message = take(channel_backends["default"], ["member"])
        self.assertEqual(message.content, sent)

    def test_what_cannot_be_carried(self):
        with self.assertRaisesMessage(InvalidMessage, "'a'"):
            Channel("x").send(a=object())
