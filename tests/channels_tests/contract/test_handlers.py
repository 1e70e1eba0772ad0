import asyncio
from unittest import mock

from django.channels import handling
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.signals import request_finished, request_started, setting_changed
from django.dispatch import Signal
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import RequestFactory, SimpleTestCase, override_settings
from django.urls import get_resolver, get_script_prefix, path, set_script_prefix
from django.utils.deprecation import MiddlewareMixin
from django.utils.log import log_response

from ..running import printed_by
from .relying import relied_on

APPLICATION = "django/channels/application.py"
CORE = "django/core/handlers/channel.py"
SERVED = "django/channels/server_request.py"


def view(request):
    return HttpResponse("plain")


async def async_view(request):
    return HttpResponse("async")


urlpatterns = [path("plain/", view), path("async/", async_view)]


class Hooks(MiddlewareMixin):
    def process_request(self, request):
        request.hooks = ["process_request"]

    def process_response(self, request, response):
        request.hooks.append("process_response")
        return response


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[])
class HandlerTests(SimpleTestCase):
    @relied_on(CORE, "get_response(request) is all of WSGIHandler but its signals.")
    def test_get_response(self):
        response = WSGIHandler().get_response(RequestFactory().get("/plain/"))
        self.assertEqual(response.content, b"plain")

    @relied_on(
        "django/channels/middleware_hooks.py django/channels/innermost.py",
        "MiddlewareMixin's __acall__() is process_request(), get_response() and "
        "process_response(), and a handler's chain leads from one to the next by "
        "__wrapped__ and get_response, to _get_response_async() in the end.",
    )
    async def test_middleware(self):
        handler = BaseHandler()
        with override_settings(MIDDLEWARE=[f"{__name__}.Hooks"] * 2):
            handler.load_middleware(is_async=True)
        outer = handler._middleware_chain.__wrapped__
        inner = outer.get_response.__wrapped__
        self.assertEqual([type(outer), type(inner)], [Hooks, Hooks])
        self.assertIsNot(outer, inner)
        innermost = inner.get_response.__wrapped__
        self.assertIs(innermost.__func__, BaseHandler._get_response_async)
        request = RequestFactory().get("/async/")
        self.assertEqual((await inner(request)).content, b"async")
        self.assertEqual(request.hooks, ["process_request", "process_response"])

    @relied_on(
        "django/channels/innermost.py",
        "_get_response() is all that is around a plain view: it takes the view from "
        "resolve_request(), checks the response with check_response(), and has the "
        "methods of middleware in these lists.",
    )
    def test_plain_view(self):
        checked = []
        handler = BaseHandler()
        handler.load_middleware(is_async=True)
        handler._view_middleware = handler._template_response_middleware = []
        handler.resolve_request = lambda request: request.resolver_match
        handler.check_response = lambda response, *args, **kwargs: checked.append(
            response
        )
        request = RequestFactory().get("/plain/")
        request.resolver_match = get_resolver().resolve("/plain/")
        response = handler._get_response(request)
        self.assertEqual(response.content, b"plain")
        self.assertEqual(checked, [response])

    @relied_on(CORE, "WSGIHandler calls the hook with itself and the request.")
    def test_hook(self):
        environ = RequestFactory().get("/plain/").environ
        handler, answer = WSGIHandler(), HttpResponse("hook")
        hook = "django.core.handlers.channel.get_response"
        with mock.patch(hook, return_value=answer) as get_response:
            body = handler(environ, lambda status, headers, exc_info=None: None)
        self.assertEqual(b"".join(body), b"hook")
        called_with, request = get_response.call_args.args
        self.assertIs(called_with, handler)
        self.assertIs(type(request), handler.request_class)

    @relied_on(
        f"{APPLICATION} {CORE}",
        "a BaseHandler whose middleware was loaded with is_async=True answers "
        "get_response_async(), on the loop it's called on, a WSGIRequest too.",
    )
    async def test_async_handler(self):
        loops = []

        async def chain(request):
            loops.append(asyncio.get_running_loop())
            return HttpResponse("async")

        handler = BaseHandler()
        handler.load_middleware(is_async=True)
        request = RequestFactory().get("/async/")
        self.assertIsInstance(request, WSGIRequest)
        response = await handler.get_response_async(request)
        self.assertEqual(response.content, b"async")
        handler._middleware_chain = chain
        await handler.get_response_async(request)
        self.assertEqual(loops, [asyncio.get_running_loop()])

    @relied_on(APPLICATION, "handlers of static files are told and seen through.")
    def test_static_files_handler(self):
        core = WSGIHandler()
        handler = StaticFilesHandler(core)
        self.assertIsInstance(handler, WSGIHandler)
        self.assertIs(handler.application, core)
        with override_settings(STATIC_URL="/static/"):
            handler = StaticFilesHandler(core)
            self.assertIs(handler._should_handle("/static/a.css"), True)
            self.assertIs(handler._should_handle("/plain/"), False)
        self.assertIs(hasattr(core, "_should_handle"), False)
        self.assertIsNot(StaticFilesHandler.__call__, WSGIHandler.__call__)

    @relied_on(
        "django/channels/views.py",
        "convert_exception_to_response() makes responses of what views of both "
        "kinds raise.",
    )
    async def test_convert_exception_to_response(self):
        def missing(request):
            raise Http404

        async def amissing(request):
            raise Http404

        request = RequestFactory().get("/")
        for_plain = convert_exception_to_response(missing)
        self.assertEqual((await asyncio.to_thread(for_plain, request)).status_code, 404)
        response = await convert_exception_to_response(amissing)(request)
        self.assertEqual(response.status_code, 404)

    @relied_on("django/channels/failures.py", "log_response() logs a 503 as an error.")
    def test_log_response(self):
        request, response = RequestFactory().get("/"), HttpResponse(status=503)
        with self.assertLogs("django.request", "ERROR") as logs:
            log_response("%s", "busy", response=response, request=request)
        self.assertEqual(logs.records[0].status_code, 503)
        self.assertIs(logs.records[0].request, request)

    @relied_on(SERVED, "get_resolver() returns one resolver that tells each view.")
    def test_resolver(self):
        resolver = get_resolver()
        self.assertIs(get_resolver(), resolver)
        self.assertIs(resolver.resolve("/async/").func, async_view)
        pattern, _ = resolver.url_patterns
        self.assertIs(pattern.callback, view)
        self.assertIs(hasattr(pattern, "url_patterns"), False)
        # It's a key: of a cache, and of a WeakKeyDictionary.
        hash(resolver)

    @relied_on(
        "django/channels/script_prefix.py",
        "a request's script prefix is set with set_script_prefix().",
    )
    def test_script_prefix(self):
        self.addCleanup(set_script_prefix, get_script_prefix())
        set_script_prefix("/below")
        self.assertEqual(get_script_prefix(), "/below/")


class SignalTests(SimpleTestCase):
    def received(self, signal):
        calls = []

        def receiver(**kwargs):
            calls.append(kwargs)

        signal.connect(receiver)
        self.addCleanup(signal.disconnect, receiver)
        return calls

    @relied_on(SERVED, "request_started takes sender and environ, sent or asent.")
    async def test_request_started(self):
        calls = self.received(request_started)
        request_started.send(sender=WSGIHandler, environ={"a": 1})
        await request_started.asend(sender=WSGIHandler, environ={"a": 1})
        for call in calls:
            self.assertEqual(call["environ"], {"a": 1})
            self.assertIs(call["sender"], WSGIHandler)
        self.assertEqual(len(calls), 2)

    @relied_on(
        SERVED,
        "a response's close() sends request_finished once, for the "
        "class in _handler_class.",
    )
    def test_request_finished(self):
        calls = self.received(request_finished)
        response = HttpResponse()
        response._handler_class = WSGIHandler
        response.close()
        self.assertIs(response.closed, True)
        self.assertEqual([call["sender"] for call in calls], [WSGIHandler])

    @relied_on(
        "django/channels/request_signals.py",
        "Django has these receivers of the request signals, no others, and each is "
        "known by its id().",
    )
    def test_receivers(self):
        code = (
            "import django\n"
            "from django.conf import settings\n"
            "settings.configure()\n"
            "django.setup()\n"
            "from django.channels import request_signals as known\n"
            "print(known._AT_START.are_all(known.signals.request_started))\n"
            "print(known._AT_END.are_all(known.signals.request_finished))"
        )
        self.assertEqual(printed_by(code), "True\nTrue\n")

    @relied_on(
        "django/channels/handling.py",
        "a Signal's receivers are tuples that end with whether one is async def.",
    )
    def test_async_receivers(self):
        async def receiver(**kwargs):
            pass

        signal = Signal()
        self.assertIs(handling._has_async_receiver(signal), False)
        for each, is_async in ((print, False), (receiver, True)):
            signal.connect(each, weak=False)
            self.assertIs(handling._has_async_receiver(signal), is_async)

    @relied_on(
        "django/channels/request_signals.py",
        "a response's close() calls its _resource_closers, whatever they raise, and "
        "empties the list.",
    )
    def test_resource_closers(self):
        for response_class in (HttpResponse, StreamingHttpResponse):
            self.assertIs(response_class.close, HttpResponseBase.close)
        response, closed = HttpResponse(), []
        response._resource_closers += [lambda: 1 / 0, lambda: closed.append(True)]
        response.close()
        self.assertEqual((closed, response._resource_closers), ([True], []))

    @relied_on(
        "django/channels/signals.py django/channels/application.py "
        "django/channels/route.py",
        "setting_changed tells a setting's name, going in and coming out.",
    )
    def test_setting_changed(self):
        calls = self.received(setting_changed)
        with override_settings(CHANNEL_HTTP_TIMEOUT=5):
            self.assertEqual(settings.CHANNEL_HTTP_TIMEOUT, 5)
        self.assertEqual([c["setting"] for c in calls], ["CHANNEL_HTTP_TIMEOUT"] * 2)
