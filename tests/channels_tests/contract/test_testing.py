import inspect
from unittest import TestResult

from asgiref.sync import sync_to_async

from django.http import HttpResponse
from django.test import (
    AsyncClient,
    Client,
    RequestFactory,
    SimpleTestCase,
    TransactionTestCase,
)
from django.test.channels import ChannelTestMixin
from django.test.testcases import LiveServerTestCase

from .relying import relied_on

MIXIN = "django/test/channels.py"
LIVE = "django/channels/testing/live.py"


def noted(case):
    """Return a test case with one test, and the list of steps that it takes."""
    steps = []

    class Mixin:
        @classmethod
        def setUpClass(cls):
            steps.append("class")
            super().setUpClass()

        def __call__(self, result=None):
            steps.append("begin")
            super().__call__(result)
            steps.append("end")

        def debug(self):
            steps.append("begin")
            super().debug()
            steps.append("end")

    class Case(Mixin, case):
        def setUp(self):
            steps.append("set up")

        def test(self):
            steps.append("test")

    return Case, steps


class TestCaseTests(SimpleTestCase):
    @relied_on(
        MIXIN,
        "a base of SimpleTestCase's surrounds each test with __call__() "
        "and debug(), the set-up too, and the class with setUpClass().",
    )
    def test_steps(self):
        Case, steps = noted(SimpleTestCase)
        Case.setUpClass()
        self.addCleanup(Case.doClassCleanups)
        result = TestResult()
        Case("test")(result)
        self.assertIs(result.wasSuccessful(), True)
        Case("test").debug()
        around = ["begin", "set up", "test", "end"]
        self.assertEqual(steps, ["class", *around, *around])

    @relied_on(MIXIN, "SimpleTestCase has the mixin before unittest's TestCase.")
    def test_order(self):
        order = SimpleTestCase.__mro__
        self.assertLess(order.index(SimpleTestCase), order.index(ChannelTestMixin))
        self.assertIs(issubclass(LiveServerTestCase, TransactionTestCase), True)

    @relied_on(
        f"{MIXIN} {LIVE}",
        "classes clean up after themselves, in reverse, and enter contexts.",
    )
    def test_class_cleanups(self):
        for name in ("addClassCleanup", "doClassCleanups", "enterClassContext"):
            self.assertIs(callable(getattr(SimpleTestCase, name)), True, name)


class ClientTests(SimpleTestCase):
    @relied_on(
        "django/channels/testing/base_websocket.py",
        "both clients have defaults, cookies, json_encoder and "
        "raise_request_exception; headers are in defaults as HTTP_….",
    )
    def test_attributes(self):
        for kind in (Client, AsyncClient):
            with self.subTest(kind.__name__):
                client = kind(raise_request_exception=False)
                client.cookies["a"] = "1"
                [cookie] = client.cookies.values()
                self.assertEqual((cookie.key, cookie.coded_value), ("a", "1"))
                self.assertIs(client.raise_request_exception, False)
                self.assertIs(inspect.isclass(client.json_encoder), True)
                self.assertIsInstance(client.defaults, dict)
        client = Client(headers={"x-thing": "1"})
        self.assertEqual(client.defaults["HTTP_X_THING"], "1")

    @relied_on(
        "django/core/handlers/channel.py",
        "the clients' handlers are BaseHandlers, whose get_response() and "
        "get_response_async() are all that the hook has to call.",
    )
    async def test_handlers(self):
        client = Client()
        client.handler.get_response = lambda request: HttpResponse("plain")
        request = RequestFactory().get("/").environ
        client.handler.load_middleware()
        response = await sync_to_async(client.handler)(request)
        self.assertEqual(response.content, b"plain")

        async def get_response_async(request):
            return HttpResponse("async")

        client = AsyncClient()
        client.handler.get_response_async = get_response_async
        response = await client.get("/")
        self.assertEqual(response.content, b"async")
