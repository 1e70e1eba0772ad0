import sys
from dataclasses import dataclass
from unittest import mock

from django.channels.application import (
    WSGIResponse,
    has_async_twin,
    has_only_djangos,
    is_core_handler,
    static_part,
)
from django.channels.async_handler import AsyncHandler
from django.contrib.staticfiles.handlers import (
    ASGIStaticFilesHandler,
    StaticFilesHandler,
)
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.test import SimpleTestCase, override_settings


class Wrapped(WSGIHandler):
    def __call__(self, environ, start_response):
        return super().__call__(environ, start_response)


@override_settings(STATIC_URL="/static/")
class KindTests(SimpleTestCase):
    def test_core_handler(self):
        handler = WSGIHandler()
        self.assertIs(is_core_handler(handler), True)
        self.assertIs(is_core_handler(StaticFilesHandler(handler)), True)

    def test_others(self):
        """What adds something of its own to the call must be called."""
        self.assertIs(is_core_handler(Wrapped()), False)
        self.assertIs(is_core_handler(lambda environ, start_response: []), False)

    def test_has_async_twin(self):
        class Own(WSGIHandler):
            def resolve_request(self, request):
                pass

        class OwnRequest(WSGIHandler):
            request_class = type("Request", (WSGIRequest,), {})

        handler = WSGIHandler()
        self.assertIs(has_async_twin(handler), True)
        for other in (Own(), OwnRequest(), lambda environ, start_response: []):
            with self.subTest(other=other):
                self.assertIs(has_async_twin(other), False)
        handler = WSGIHandler()
        handler.get_response = lambda request: None
        self.assertIs(has_async_twin(handler), False)

    def test_static_files_have_their_own_way(self):
        handler = ASGIStaticFilesHandler(ASGIHandler())
        self.assertIs(has_only_djangos(handler, ["get_response_async"]), False)
        self.assertIs(has_only_djangos(ASGIHandler(), ["get_response_async"]), True)

    def test_proxies_of_tools(self):
        """They look like what they stand for, but for their type."""

        class Proxy:
            def __init__(self, function):
                self.function = function

            def __getattr__(self, name):
                return getattr(self.function, name)

            def __get__(self, instance, owner):
                return Proxy(self.function.__get__(instance, owner))

        call, get_response = WSGIHandler.__call__, WSGIHandler.get_response
        with mock.patch.object(WSGIHandler, "__call__", Proxy(call)):
            self.assertIs(is_core_handler(WSGIHandler()), False)
        with mock.patch.object(WSGIHandler, "get_response", Proxy(get_response)):
            self.assertIs(is_core_handler(handler := WSGIHandler()), True)
            self.assertIs(has_async_twin(handler), False)

    def test_static_part(self):
        handler = WSGIHandler()
        static = StaticFilesHandler(handler)
        self.assertEqual(static_part(static, "/static/a.css"), (static, True))
        self.assertEqual(static_part(static, "/a/"), (handler, False))
        self.assertEqual(static_part(handler, "/static/a.css"), (handler, False))

    def test_shared_handler(self):
        self.assertIs(AsyncHandler.shared(), AsyncHandler.shared())
        before = AsyncHandler.shared()
        with override_settings(MIDDLEWARE=[]):
            self.assertIsNot(AsyncHandler.shared(), before)

    def test_application_without_a_hash(self):
        @dataclass
        class Application:
            name: str = ""

        self.assertIs(has_async_twin(Application()), False)


def fail(start_response):
    """Say that another response follows, as an application does that fails."""
    try:
        1 / 0
    except ZeroDivisionError:
        start_response("500 Sorry", [], sys.exc_info())


class WSGIResponseTests(SimpleTestCase):
    def run_application(self, application):
        return WSGIResponse.run(application, {})

    def test_status_headers_and_body(self):
        """A header that is there twice stays so."""
        headers = [("X-A", "1"), ("X-A", "2")]

        def application(environ, start_response):
            start_response("299 Own Reason", headers)
            return [b"1", b"2"]

        response = self.run_application(application)
        self.assertEqual(response.status_code, 299)
        self.assertEqual(response.reason_phrase, "Own Reason")
        self.assertEqual(list(response.items()), headers)
        self.assertEqual(list(response), [b"1", b"2"])

    def test_late_start(self):
        """An iterator may call start_response() with its first chunk."""

        def application(environ, start_response):
            start_response("200 OK", [])
            yield b"1"
            yield b"2"

        response = self.run_application(application)
        self.assertEqual(response.status_code, 200)
        self.assertEqual(list(response), [b"1", b"2"])

    def test_write(self):
        def application(environ, start_response):
            start_response("200 OK", [])(b"0")
            return [b"1"]

        self.assertEqual(list(self.run_application(application)), [b"0", b"1"])

    def test_close(self):
        closed = []

        class Result(list):
            def close(self):
                closed.append(True)

        def application(environ, start_response):
            start_response("200 OK", [])
            return Result([b"1"])

        response = self.run_application(application)
        response.close()
        self.assertEqual(closed, [True])

    def test_close_of_one_that_fails(self):
        """Whatever fails, its close() is called (PEP 3333)."""

        class Result:
            def __iter__(self):
                return self

            def __next__(self):
                raise ZeroDivisionError

            def close(self):
                closed.append(True)

        def fails(environ, start_response):
            start_response("200 OK", [])
            return Result()

        def says_no_number(environ, start_response):
            start_response("Fine", [])
            result = Result()
            result.__class__.__next__ = lambda self: b"a"
            return result

        for application, error in (
            (fails, ZeroDivisionError),
            (says_no_number, ValueError),
        ):
            closed = []
            with self.subTest(error=error), self.assertRaises(error):
                self.run_application(application)
            self.assertEqual(closed, [True])

    def test_error_before_the_body(self):
        """An application may take its word back, as long as it has sent nothing."""

        def application(environ, start_response):
            start_response("200 OK", [("X-A", "1")])
            yield b""
            fail(start_response)
            yield b"sorry"

        response = self.run_application(application)
        self.assertEqual(response.status_code, 500)
        self.assertEqual(list(response.items()), [])
        self.assertEqual(list(response), [b"sorry"])

    def test_error_in_the_body(self):
        """An error page isn't the rest of another page."""

        def application(environ, start_response):
            start_response("200 OK", [])
            yield b"part"
            fail(start_response)
            yield b"sorry"

        response = self.run_application(application)
        chunks = iter(response)
        self.assertEqual(next(chunks), b"part")
        with self.assertRaises(ZeroDivisionError):
            next(chunks)

    def test_error_after_write(self):
        def application(environ, start_response):
            start_response("200 OK", [])(b"part")
            fail(start_response)
            return [b"sorry"]

        with self.assertRaises(ZeroDivisionError):
            self.run_application(application)

    def test_begin(self):
        """It's told before the first part of the body, which may take long."""
        begin = mock.Mock()

        def application(environ, start_response):
            start_response("200 OK", [])
            begin.assert_called_once_with()
            yield b"a"

        WSGIResponse.run(application, {}, begin)
        begin.assert_called_once_with()

    def test_never_started(self):
        with self.assertRaisesMessage(RuntimeError, "never called start_response()"):
            self.run_application(lambda environ, start_response: [b"1"])
