import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from unittest import mock

from asgiref.sync import SyncToAsync

from django.channels.application import SyncHandler
from django.channels.async_handler import AsyncHandler
from django.channels.middleware_hooks import has_plain_hooks
from django.channels.trips import Trips
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse
from django.template import engines
from django.template.response import SimpleTemplateResponse
from django.test import RequestFactory, SimpleTestCase, override_settings
from django.urls import path
from django.utils.decorators import sync_and_async_middleware
from django.utils.deprecation import MiddlewareMixin

# What was called, and where.
calls = []


def note(name):
    calls.append((name, threading.get_ident()))


class Noting(MiddlewareMixin):
    def process_exception(self, request, exception):
        note(f"{type(self).__name__} exception")
        if request.GET.get("handle") == type(self).__name__:
            return HttpResponse("handled")

    def process_template_response(self, request, response):
        note(f"{type(self).__name__} template")
        return response

    def process_request(self, request):
        name = type(self).__name__
        note(f"{name} in")
        return self.act(request, f"{name} in")

    def process_view(self, request, view, args, kwargs):
        name = type(self).__name__
        note(f"{name} view")
        return self.act(request, f"{name} view")

    def process_response(self, request, response):
        name = type(self).__name__
        note(f"{name} out")
        self.act(request, f"{name} out")
        response[name] = "seen"
        return response

    def act(self, request, place):
        if request.GET.get("answer") == place:
            return (
                template_view(request)
                if "template" in request.GET
                else HttpResponse(place)
            )
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


def plain_view(request):
    note("view")
    if request.GET.get("fail") == "view":
        raise ValueError("view")
    return HttpResponse("view")


class AsyncRendered(HttpResponse):
    """Rendered on the event loop, as far as the handler can tell."""

    async def render(self):
        note("render")
        self.content = b"rendered"
        return self


def async_rendered(request):
    return AsyncRendered()


def template_view(request):
    note("view")
    response = SimpleTemplateResponse(engines["django"].from_string("text"))
    response.add_post_render_callback(lambda _: note("rendered"))
    return response


def no_response(request):
    note("view")


urlpatterns = [
    path("", view),
    path("plain/", plain_view),
    path("template/", template_view),
    path("none/", no_response),
    path("rendered/", async_rendered),
]

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
    {"fail": "view", "handle": "First"},
    {"answer": "Second view"},
    {"answer": "Second view", "template": "yes"},
    {"fail": "Second view"},
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


@override_settings(
    ROOT_URLCONF=__name__,
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
)
class TripsTests(SimpleTestCase):
    def check_does_what_django_does(self, url, stacks=STACKS, queries=QUERIES):
        for names in stacks:
            for query in queries:
                with self.subTest(names=names, query=query), stack(names):
                    with mock.patch("django.utils.log.request_logger.error"):
                        expected, before = answer(Django, url, query)
                        found, after = answer(AsyncHandler, url, query)
                    self.assertEqual([n for n, _ in after], [n for n, _ in before])
                    self.assertEqual(found.status_code, expected.status_code)
                    self.assertEqual(found.headers, expected.headers)
                    if expected.status_code == 200:
                        self.assertEqual(found.content, expected.content)

    def test_does_what_django_does(self):
        """Each kind of middleware is called when Django calls it."""
        self.check_does_what_django_does("/")

    def test_does_what_django_does_with_plain_views(self):
        self.check_does_what_django_does("/plain/")

    def test_does_what_django_does_with_odd_responses(self):
        for url in ("/template/", "/none/", "/rendered/"):
            self.check_does_what_django_does(url, STACKS[1:4], [{}])

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

    def test_plain_view_in_the_thread(self):
        with stack(["First", "Second"]):
            _, called = answer(AsyncHandler, "/plain/", {})
        self.assertEqual(len({ident for _, ident in called}), 1)

    def test_trips(self):
        """One for a plain view with plain middleware, two for an async one."""
        with stack(["First", "Second", "Third"]):
            self.assertEqual(self.trips("/plain/"), 1)
            self.assertEqual(self.trips("/"), 2)
            self.assertEqual(self.trips("/no/"), 1)

    def test_call_of_a_tool(self):
        """What it has put in the place of Django's call isn't passed by."""
        first = First(mock.Mock())
        self.assertIs(has_plain_hooks(first), True)
        for name in ("__call__", "__acall__"):
            with mock.patch.object(MiddlewareMixin, name, lambda *args: None):
                self.assertIs(has_plain_hooks(first), False, name)

    def test_middleware_reloaded(self):
        with stack(["First"]):
            handler = AsyncHandler()
            trips = Trips.of(handler)
            self.assertIs(Trips.of(handler), trips)
            handler.load_middleware(is_async=True)
            self.assertIsNot(Trips.of(handler), trips)

    def trips(self, url):
        submit = mock.Mock(side_effect=ThreadPoolExecutor.submit)
        kept = SyncToAsync.single_thread_executor
        with ThreadPoolExecutor(1) as pool:
            with mock.patch.object(pool, "submit", partial(submit, pool)):
                SyncToAsync.single_thread_executor = pool
                try:
                    with mock.patch("django.utils.log.request_logger.warning"):
                        answer(AsyncHandler, url, {})
                finally:
                    SyncToAsync.single_thread_executor = kept
        return submit.call_count
