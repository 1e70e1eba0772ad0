import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from unittest import mock

from django.channels.application import SyncHandler
from django.channels.async_handler import AsyncHandler
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.test import RequestFactory, SimpleTestCase, override_settings
from django.urls import path
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin

# What was called, and where.
calls = []


def note(name):
    calls.append((name, threading.get_ident()))


class Noting(MiddlewareMixin):
    def process_request(self, request):
        name = type(self).__name__
        note(f"{name} in")
        return self.act(request, f"{name} in")

    def process_view(self, request, view, args, kwargs):
        note(f"{type(self).__name__} view")

    def process_response(self, request, response):
        name = type(self).__name__
        note(f"{name} out")
        self.act(request, f"{name} out")
        response[name] = "seen"
        return response

    def act(self, request, place):
        if request.GET.get("answer") == place:
            return HttpResponse(place)
        if request.GET.get("fail") == place:
            raise ValueError(place)


class First(Noting):
    pass


class Second(Noting):
    pass


class Third(Noting):
    pass


class OnlyOut(MiddlewareMixin):
    def process_response(self, request, response):
        note("OnlyOut out")
        return response


class Own(First):
    """It does something around its hooks."""

    async def __acall__(self, request):
        note("Own own")
        return await super().__acall__(request)


@sync_and_async_middleware
def function(get_response):
    async def middleware(request):
        note("function in")
        response = await get_response(request)
        note("function out")
        return response

    return middleware


class Plain:
    """Without an async form."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        note("Plain in")
        response = self.get_response(request)
        note("Plain out")
        return response


async def view(request):
    note("view")
    if request.GET.get("fail") == "view":
        raise ValueError("view")
    return HttpResponse("view")


urlpatterns = [path("", view)]

STACKS = [
    [],
    ["First"],
    ["First", "Second", "Third"],
    ["First", "OnlyOut", "Second"],
    ["First", "Own", "Second"],
    ["Own", "First"],
    ["First", "function", "Second"],
    ["First", "Plain", "Second"],
    ["Plain", "First"],
]
QUERIES = [
    {},
    {"fail": "view"},
    *(
        {kind: f"{name} in"}
        for kind in ("answer", "fail")
        for name in ("First", "Second")
    ),
    {"fail": "First out"},
    {"fail": "Second out"},
]


class Django(SyncHandler):
    """Django's way."""

    is_async = True


@contextmanager
def stack(names):
    middleware = [f"{__name__}.{name}" for name in names]
    with override_settings(MIDDLEWARE=middleware):
        yield


def answer(kind, url, data):
    """Return a response, and what was called for it."""
    calls.clear()
    request = WSGIRequest(RequestFactory().get(url, data).environ)
    with ThreadPoolExecutor(1) as pool:
        answering = kind.shared().get_response_async(request)
        response = pool.submit(asyncio.run, answering).result()
    return response, list(calls)


@override_settings(ROOT_URLCONF=__name__)
class AsyncHandlerTests(SimpleTestCase):
    def test_does_what_django_does(self):
        """Each kind of middleware is called when Django calls it."""
        for names in STACKS:
            for query in QUERIES:
                with self.subTest(names=names, query=query), stack(names):
                    with mock.patch("django.utils.log.request_logger.error"):
                        expected, before = answer(Django, "/", query)
                        found, after = answer(AsyncHandler, "/", query)
                    self.assertEqual([n for n, _ in after], [n for n, _ in before])
                    self.assertEqual(found.status_code, expected.status_code)
                    self.assertEqual(found.headers, expected.headers)
                    if expected.status_code == 200:
                        self.assertEqual(found.content, expected.content)

    def test_not_found(self):
        with stack(["First"]), self.assertLogs("django.request", "WARNING"):
            response, _ = answer(AsyncHandler, "/no/", {})
        self.assertEqual(response.status_code, 404)

    def test_one_thread(self):
        """Hooks run in one thread, and the view on the loop."""
        with stack(["First", "Second"]):
            _, called = answer(AsyncHandler, "/", {})
        threads = {name: ident for name, ident in called}
        on_loop = threads.pop("view")
        self.assertEqual(len(set(threads.values())), 1)
        self.assertNotIn(on_loop, threads.values())

    def test_two_trips(self):
        with stack(["First", "Second", "Third"]):
            handler = AsyncHandler.shared()
            self.assertEqual(len(handler._hooks), 3)
        with stack(["First", "Own", "Third"]):
            self.assertEqual(len(AsyncHandler.shared()._hooks), 1)
