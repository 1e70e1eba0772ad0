import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock
from urllib.error import HTTPError
from urllib.request import urlopen

from django.channels import Channel, Group, consumers
from django.channels.testing import isolation
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, connections
from django.http import HttpResponse
from django.test import SimpleTestCase, override_settings
from django.test.channels import ChannelsLiveServerTestCase
from django.urls import path

from .browser import Tab, chromium
from .running import PATIENCE, enter_for_class, open_websocket, wait_for

PAGE = """\
<!doctype html>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/page.css">
<ol></ol>
<script>
const socket = new WebSocket(`ws://${location.host}/page/`)
const tell = (text) => {
  const item = document.createElement("li")
  item.textContent = text
  document.querySelector("ol").append(item)
}
socket.onopen = () => socket.send("Ada")
socket.onmessage = (event) => tell(event.data)
socket.onclose = (event) => tell(`closed ${event.code}`)
</script>
"""


def page(request):
    return HttpResponse(PAGE)


def count(request):
    User.objects.create(username=f"user{User.objects.count()}")
    return HttpResponse(f"{User.objects.count()}")


async def acount(request):
    return HttpResponse(f"{await User.objects.acount()}")


urlpatterns = [
    path("page/", page),
    path("count/", count),
    path("acount/", acount),
]


class LiveTestCase(ChannelsLiveServerTestCase):
    available_apps = ["django.contrib.auth", "django.contrib.contenttypes"]

    @classmethod
    def setUpClass(cls):
        cls.root = Path(enter_for_class(cls, tempfile.TemporaryDirectory()))
        (cls.root / "page.css").write_text("li { color: rgb(1, 2, 3) }")
        enter_for_class(
            cls,
            override_settings(
                ROOT_URLCONF=__name__, STATIC_URL="/static/", STATIC_ROOT=cls.root
            ),
        )
        enter_for_class(cls, consumers.isolate())
        cls.register()
        super().setUpClass()

    @classmethod
    def register(cls):
        @Channel.consumer("websocket.connect")
        def connect(reply_channel):
            Group("room").add(reply_channel)

        @Channel.consumer("websocket.receive")
        def receive(reply_channel, content):
            User.objects.create(username=content)
            Group("room").send(content=f"{User.objects.count()} {content}")
            Channel("later").send(reply_channel=reply_channel)

        @Channel.consumer("later")
        async def later(reply_channel):
            number = await User.objects.acount()
            await Channel(reply_channel).asend(content=f"later {number}")


class ChannelsLiveServerTests(LiveTestCase):
    def get(self, url):
        with urlopen(self.live_server_url + url, timeout=PATIENCE) as response:
            return response.read().decode()

    def connect(self, url="/", **options):
        return open_websocket(self.live_server_websocket_url + url, **options)

    def test_http(self):
        """Views share the test's database, whichever thread they run in."""
        User.objects.create(username="a")
        self.assertEqual(self.get("/count/"), "2")
        self.assertEqual(self.get("/acount/"), "2")
        self.assertEqual(User.objects.count(), 2)

    def test_static_files(self):
        self.assertEqual(self.get("/static/page.css"), "li { color: rgb(1, 2, 3) }")
        with self.assertRaises(HTTPError) as caught:
            self.get("/static/no.css")
        caught.exception.close()
        self.assertEqual(caught.exception.code, 404)

    def test_websocket(self):
        """Twice, since a test must not feel the one before."""
        for _ in range(2):
            with self.subTest(_):
                User.objects.all().delete()
                with self.connect() as socket:
                    socket.send("Ada")
                    received = {socket.recv(PATIENCE), socket.recv(PATIENCE)}
                    self.assertEqual(received, {"1 Ada", "later 1"})
                    Group("room").send(content="from the test")
                    self.assertEqual(socket.recv(PATIENCE), "from the test")
                # Its consumer is about to end: what it sent was its last act.
                wait_for(lambda: isolation.current.consumed.get("later"), "its end")
                self.assertConsumed("later")
                self.assertGroupSent("room", content="1 Ada")

    test_websocket_again = test_websocket

    def test_in_memory(self):
        """No other connection was made, where the database is in memory."""
        if not (connection.vendor == "sqlite" and connection.is_in_memory_db()):
            self.skipTest("The database isn't in memory.")
        seen = []

        def see():
            seen.append(connections["default"].connection)

        thread = threading.Thread(target=see)
        thread.start()
        thread.join()
        self.assertEqual(seen, [connection.connection])

    def test_client(self):
        """The test client works beside the server, and so do its sockets."""
        self.assertEqual(self.client.get("/count/").content, b"1")
        with self.client.websocket("/") as socket:
            socket.send("Bob")
            received = {socket.receive(PATIENCE), socket.receive(PATIENCE)}
        self.assertEqual(received, {"2 Bob", "later 2"})


class BrowserTests(LiveTestCase):
    def test_page(self):
        """A real page, with static files and a socket, in a real browser."""
        with chromium() as chrome:
            tab = Tab(chrome, f"{self.live_server_url}/page/")
            wait_for(lambda: len(tab.texts("li")) == 2, "the page's messages")
            self.assertEqual({*tab.texts("li")}, {"1 Ada", "later 1"})
            self.assertEqual(
                tab.find("li").value_of_css_property("color"), "rgba(1, 2, 3, 1)"
            )
            Group("room").send(content="from the test")
            wait_for(lambda: "from the test" in tab.texts("li"), "the group's message")
            Group("room").send(close=4001)
            wait_for(lambda: "closed 4001" in tab.texts("li"), "the socket to close")
        self.assertEqual(User.objects.get().username, "Ada")


class SetUpTests(SimpleTestCase):
    def set_up(self):
        class Case(ChannelsLiveServerTestCase):
            available_apps = []

            def test(self):
                pass

        result = unittest.TestResult()
        unittest.TestSuite([Case("test")]).run(result)
        return result

    @mock.patch("django.channels.testing.live.missing_package", return_value="Autobahn")
    def test_missing_package(self, missing_package):
        ((_, reason),) = self.set_up().skipped
        self.assertEqual(reason, "Autobahn is not installed: no live server.")

    @override_settings(CHANNEL_HTTP_BACKEND=None)
    def test_requests_off_channels(self):
        ((_, error),) = self.set_up().errors
        self.assertIn(ImproperlyConfigured.__name__, error)
        self.assertIn("CHANNEL_HTTP_BACKEND is None.", error)
