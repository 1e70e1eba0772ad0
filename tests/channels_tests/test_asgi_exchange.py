"""Requests through the stock ASGI application, with a server that is a test."""

import asyncio
import contextvars
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

from asgiref.sync import ThreadSensitiveContext, async_to_sync, sync_to_async

from django.channels import Channel, asgi_exchange, channel_backends
from django.channels.exceptions import ChannelFull, IncompleteResponse
from django.channels.route import http_backend
from django.channels.trips import Trips
from django.channels.worker import Worker
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import AsyncRequestFactory, SimpleTestCase, override_settings
from django.urls import get_urlconf, path, resolve
from django.utils.deprecation import MiddlewareMixin

from .running import PATIENCE, wait_for

user = contextvars.ContextVar("user", default="nobody")
# What was called, and in which thread.
calls = []


def note(name):
    calls.append((name, threading.current_thread()))


class Login(MiddlewareMixin):
    def process_request(self, request):
        note("process_request")
        user.set("somebody")

    def process_response(self, request, response):
        note("process_response")
        return response


class NotedResponse(HttpResponse):
    def close(self):
        note("close")
        super().close()


def plain(request):
    note("view")
    return NotedResponse(user.get())


async def on_loop(request):
    note("view")
    await asyncio.sleep(0)
    return NotedResponse(user.get())


def echo(request):
    return HttpResponse(request.body)


def hop(request):
    """Plain code that calls async code that calls plain code."""

    async def inner():
        note("async")
        await sync_to_async(note)("plain")
        return user.get()

    note("view")
    return HttpResponse(async_to_sync(inner)())


def file(request):
    return FileResponse(open(__file__, "rb"))


async def stream(request):
    async def pieces():
        yield user.get()
        yield "!"

    return StreamingHttpResponse(pieces())


def fail(request):
    raise ValueError("It fails.")


def broken_stream(request):
    def pieces():
        yield "1"
        raise ValueError("It fails.")

    response = StreamingHttpResponse(pieces())
    response._resource_closers.append(lambda: note("close"))
    return response


class Waiting:
    """A view that says that it runs, and waits to be told to go on."""

    def __init__(self):
        self.running, self.go_on = threading.Event(), threading.Event()

    def __call__(self, request):
        self.running.set()
        self.go_on.wait(PATIENCE)
        return plain(request)


class DeadlineWhileRunning:
    """A deadline that comes as soon as the Waiting view runs."""

    def __init__(self, seconds):
        self.has_come = False

    def expired(self):
        return self.has_come

    async def __aenter__(self):
        self.task = asyncio.current_task()
        self.loop = asyncio.get_running_loop()
        threading.Thread(target=self.come).start()

    def come(self):
        waiting.running.wait(PATIENCE)
        self.has_come = True
        self.loop.call_soon_threadsafe(self.task.cancel)

    async def __aexit__(self, kind, value, traceback):
        if kind is asyncio.CancelledError:
            if hasattr(self.task, "uncancel"):
                self.task.uncancel()
            raise asyncio.TimeoutError from value


waiting = Waiting()

urlpatterns = [
    path("plain/", plain),
    path("async/", on_loop),
    path("echo/", echo),
    path("hop/", hop),
    path("file/", file),
    path("stream/", stream),
    path("broken/", broken_stream),
    path("fail/", fail),
    path("forward/", Channel("channels_tests.asgi").as_view()),
    path("waiting/", lambda request: waiting(request)),
]


class Visit:
    """One request of a client, and what the application sends."""

    def __init__(self, application, path, body=b"", method="GET"):
        self.application = application
        self.scope = AsyncRequestFactory()._base_scope(path=path, method=method)
        self.events = [{"type": "http.request", "body": body}]
        self.sent = []

    async def run(self):
        self.left = asyncio.Event()
        await self.application(self.scope, self.receive, self.send)
        return self

    async def receive(self):
        if self.events:
            return self.events.pop(0)
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, event):
        self.sent.append(event)
        self.heard(event)

    def heard(self, event):
        """A test may have something to do."""

    @property
    def status(self):
        return self.sent[0]["status"]

    @property
    def body(self):
        return b"".join(event.get("body", b"") for event in self.sent)


def on_a_loop(function):
    """Run a coroutine function on a loop that no plain code has begun."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, function()).result(PATIENCE)


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[f"{__name__}.Login"])
class ASGIExchangeTests(SimpleTestCase):
    def setUp(self):
        global waiting
        waiting = Waiting()
        calls.clear()
        self.application = get_asgi_application()
        request_started.disconnect(close_old_connections)
        request_finished.disconnect(close_old_connections)
        self.addCleanup(request_started.connect, close_old_connections)
        self.addCleanup(request_finished.connect, close_old_connections)
        for name, signal in [("started", request_started), ("end", request_finished)]:
            receiver = mock.Mock(side_effect=lambda name=name, **kwargs: note(name))
            signal.connect(receiver)
            self.addCleanup(signal.disconnect, receiver)

    def visit(self, path, *args, application=None):
        visit = Visit(application or self.application, path, *args)
        return on_a_loop(visit.run)

    def names(self):
        return [name for name, _ in calls]

    def test_plain_view(self):
        """All of it happens in one thread, in order, in one trip."""
        trips = []
        begin = asgi_exchange.begin
        with mock.patch.object(
            asgi_exchange, "begin", lambda e: trips.append(e) or begin(e)
        ):
            visit = self.visit("/plain/")
        self.assertEqual((visit.status, visit.body), (200, b"somebody"))
        self.assertEqual(
            self.names(),
            ["started", "process_request", "view", "process_response", "close", "end"],
        )
        self.assertEqual(len({thread for _, thread in calls}), 1)
        self.assertEqual(len(trips), 1)

    def test_async_view(self):
        """Plain code is in one thread, and the view on the loop."""
        visit = self.visit("/async/")
        self.assertEqual((visit.status, visit.body), (200, b"somebody"))
        self.assertEqual(
            self.names(),
            ["started", "process_request", "view", "process_response", "close", "end"],
        )
        threads = dict(calls)
        on_loop = threads.pop("view")
        self.assertEqual(len(set(threads.values())), 1)
        self.assertNotIn(on_loop, threads.values())

    def test_body(self):
        visit = self.visit("/echo/", b"content", "POST")
        self.assertEqual(visit.body, b"content")

    def test_transaction_left_open(self):
        """The request's thread is looked after before it's lent again."""
        for left in ([], ["a connection"]):
            with (
                self.subTest(left=left),
                mock.patch.object(asgi_exchange, "left_open", return_value=left),
                mock.patch.object(
                    asgi_exchange._spare, "give", wraps=asgi_exchange._spare.give
                ) as give,
            ):
                self.visit("/async/")
                [call] = give.call_args_list
                self.assertIs(call.args[1], not left)

    def test_plain_code_below_async_code(self):
        """The thread is the request's all the way down."""
        self.assertEqual(self.visit("/hop/").body, b"somebody")
        threads = dict(calls)
        self.assertIs(threads["plain"], threads["view"])
        self.assertIsNot(threads["async"], threads["view"])

    def test_streamed(self):
        visit = self.visit("/stream/")
        self.assertEqual(visit.body, b"somebody!")
        self.assertEqual(self.names()[-1], "end")

    def forward(self, consume):
        """Return a Visit to a view whose request the consumer answers."""
        Channel.consumer("channels_tests.asgi")(consume)
        worker = Worker(channel_backends["default"], channels=["channels_tests.asgi"])
        worker.start()
        self.addCleanup(worker.stop, PATIENCE)
        return Visit(self.application, "/forward/")

    def test_streamed_by_a_consumer(self):
        """Each part goes out when it comes."""
        seen = threading.Event()

        def consume(reply_channel):
            channel = Channel(reply_channel)
            channel.send(content="1", more_content=True)
            self.assertIs(seen.wait(PATIENCE), True)
            channel.send(content="2")

        visit = self.forward(consume)
        visit.heard = lambda event: event.get("body") == b"1" and seen.set()
        on_a_loop(visit.run)
        self.assertEqual(visit.body, b"12")
        self.assertEqual(channel_backends["default"]._state.sinks, {})

    def test_stream_that_a_consumer_breaks_off(self):
        def consume(reply_channel):
            Channel(reply_channel).send(content="1", more_content=True)
            raise ValueError("why")

        visit = self.forward(consume)
        with self.assertLogs("django.channels.worker", "ERROR"):
            with self.assertRaisesMessage(IncompleteResponse, "The consumer failed"):
                on_a_loop(visit.run)

    def test_a_client_that_leaves_a_consumers_stream(self):
        """It ends there, and who sends more is told that nobody listens."""
        gone = threading.Event()

        def consume(reply_channel):
            while reply_channel in channel_backends["default"]._state.sinks:
                Channel(reply_channel).send(content="1", more_content=True)
                time.sleep(0.01)
            gone.set()

        visit = self.forward(consume)
        visit.heard = lambda event: event.get("body") and visit.left.set()
        on_a_loop(visit.run)
        self.assertIs(gone.wait(PATIENCE), True)
        self.assertEqual(self.names()[-1], "end")

    def test_file(self):
        with self.assertWarnsMessage(Warning, "consume synchronous iterators"):
            visit = self.visit("/file/")
        with open(__file__, "rb") as file:
            self.assertEqual(visit.body, file.read())

    def test_failing_view(self):
        with self.assertLogs("django.request", "ERROR"):
            self.assertEqual(self.visit("/fail/").status, 500)
        self.assertEqual(self.names()[-1], "end")

    def test_malformed_request(self):
        visit = Visit(self.application, "/plain/")
        visit.scope["query_string"] = b"\xff"
        with self.assertLogs("django.request", "WARNING"):
            on_a_loop(visit.run)
        self.assertEqual(visit.status, 400)
        self.assertEqual(self.names(), ["started", "end"])

    def test_broken_stream(self):
        """Its response is closed as any other."""
        with self.assertRaisesMessage(ValueError, "It fails."):
            self.visit("/broken/")
        self.assertEqual(self.names()[-2:], ["close", "end"])

    def test_failing_end(self):
        """The client has its response first."""

        def receiver(**kwargs):
            raise ValueError("It fails.")

        request_finished.connect(receiver)
        self.addCleanup(request_finished.disconnect, receiver)
        visit = Visit(self.application, "/plain/")
        with self.assertRaisesMessage(ValueError, "It fails."):
            on_a_loop(visit.run)
        self.assertEqual((visit.status, visit.body), (200, b"somebody"))

    def test_failing_receiver(self):
        def receiver(**kwargs):
            raise ValueError("It fails.")

        request_started.connect(receiver)
        self.addCleanup(request_started.disconnect, receiver)
        with self.assertRaisesMessage(ValueError, "It fails."):
            self.visit("/plain/")

    def test_a_client_that_leaves_during_a_plain_view(self):
        """The view runs to its end; nothing is sent, and all is closed once."""
        visit = Visit(self.application, "/waiting/")

        async def leave():
            asking = asyncio.create_task(visit.run())
            await asyncio.to_thread(waiting.running.wait, PATIENCE)
            visit.left.set()
            await asyncio.sleep(0)
            waiting.go_on.set()
            await asking

        on_a_loop(leave)
        self.assertEqual(visit.sent, [])
        self.assertEqual(self.names()[-3:], ["process_response", "close", "end"])
        self.assertEqual(self.names().count("end"), 1)

    def test_a_message_that_none_expects(self):
        """What was begun is finished before the server hears of it."""
        visit = Visit(self.application, "/plain/")
        visit.events.append({"type": "http.unknown"})
        with self.assertRaisesMessage(AssertionError, "http.unknown"):
            on_a_loop(visit.run)
        self.assertEqual(self.names().count("end"), self.names().count("started"))

    def test_cancelled_by_the_server(self):
        """Who isn't told why passes the cancellation on."""
        visit = Visit(self.application, "/waiting/")

        async def cancel():
            asking = asyncio.create_task(visit.run())
            await asyncio.to_thread(waiting.running.wait, PATIENCE)
            asking.cancel()
            try:
                await asking
            finally:
                waiting.go_on.set()

        with self.assertRaises(asyncio.CancelledError):
            on_a_loop(cancel)
        self.assertEqual(visit.sent, [])
        wait_for(lambda: "end" in self.names(), "its end")

    def test_at_once(self):
        """Requests at once have a thread each, which others have later."""
        both = threading.Barrier(2)

        def meet(request):
            both.wait(PATIENCE)
            return plain(request)

        async def two():
            await asyncio.gather(
                Visit(self.application, "/waiting/").run(),
                Visit(self.application, "/waiting/").run(),
            )

        with mock.patch.object(Waiting, "__call__", lambda self, r: meet(r)):
            on_a_loop(two)
        threads = {thread for name, thread in calls if name == "view"}
        self.assertEqual(len(threads), 2)
        calls.clear()
        self.visit("/plain/")
        self.assertIn(calls[0][1], threads)

    def test_in_a_context_of_the_caller(self):
        """It keeps the thread that it has."""

        async def ask():
            async with ThreadSensitiveContext():
                before = await sync_to_async(threading.current_thread)()
                await Visit(self.application, "/plain/").run()
                return before, await sync_to_async(threading.current_thread)()

        before, after = on_a_loop(ask)
        self.assertEqual({thread for _, thread in calls}, {before})
        self.assertIs(after, before)

    def test_nothing_is_left_to_the_next(self):
        """Not even the URLconf, in the same thread."""
        self.visit("/plain/")
        thread = asgi_exchange._spare.take()
        found = thread.submit(lambda: (user.get(), get_urlconf())).result(PATIENCE)
        asgi_exchange._spare.give(thread)
        self.assertEqual(found, ("nobody", None))

    def test_full(self):
        backend = http_backend()
        with (
            mock.patch.object(type(backend), "hand_over", side_effect=ChannelFull),
            self.assertLogs("django.request", "ERROR"),
        ):
            visit = self.visit("/plain/")
        self.assertEqual(visit.status, 503)
        self.assertEqual(self.names(), ["started", "end"])

    @override_settings(CHANNEL_HTTP_TIMEOUT=0.01)
    def test_deadline(self):
        async def inner(trips, request):
            await asyncio.Event().wait()

        with (
            mock.patch.object(Trips, "inner", inner),
            self.assertLogs("django.request", "ERROR"),
        ):
            visit = self.visit("/async/")
        self.assertEqual(visit.status, 504)
        self.assertEqual(self.names()[-1], "end")

    @override_settings(CHANNEL_HTTP_TIMEOUT=0.01)
    def test_deadline_before_the_thread_begins(self):
        async def begin(exchange):
            await asyncio.Event().wait()

        with (
            mock.patch.object(asgi_exchange, "begin", begin),
            self.assertLogs("django.request", "ERROR"),
        ):
            visit = self.visit("/plain/")
        self.assertEqual(visit.status, 504)
        self.assertEqual(self.names(), ["started", "end"])

    def test_deadline_of_a_plain_view(self):
        """It can't be interrupted; its response is sent, and no other."""
        time_out = asgi_exchange.time_out

        async def go_on(exchange):
            waiting.go_on.set()
            await time_out(exchange)

        with (
            mock.patch.object(asgi_exchange, "deadline", DeadlineWhileRunning),
            mock.patch.object(asgi_exchange, "time_out", go_on),
        ):
            visit = self.visit("/waiting/")
        self.assertEqual((visit.status, visit.body), (200, b"somebody"))
        self.assertEqual(self.names().count("end"), 1)

    @override_settings(CHANNEL_HTTP_BACKEND=None)
    def test_off(self):
        with mock.patch.object(asgi_exchange, "handle") as handle:
            self.assertEqual(self.visit("/plain/").status, 200)
        handle.assert_not_called()

    def test_handlers_with_ways_of_their_own(self):
        """A subclass's methods, and those that a tool wraps, are called."""

        class Handler(ASGIHandler):
            async def run_get_response(self, request):
                note("own")
                return await super().run_get_response(request)

        wrapped = ASGIHandler.get_response_async

        async def wrapper(handler, request):
            note("own")
            return await wrapped(handler, request)

        self.visit("/plain/", application=Handler())
        self.assertIn("own", self.names())
        calls.clear()
        with mock.patch.object(ASGIHandler, "get_response_async", wrapper):
            self.visit("/plain/", application=ASGIHandler())
        self.assertIn("own", self.names())
        self.assertIs(Trips.of(ASGIHandler()).are_due, True)

    def test_replaced_after_a_request(self):
        """A test's patches hold from the next request on, as without channels."""
        handler = ASGIHandler()
        self.assertEqual(self.visit("/plain/", application=handler).status, 200)
        teapot = mock.Mock(return_value=HttpResponse(status=418))
        for name in ("process_request", "process_response"):
            with mock.patch.object(Login, name, teapot):
                visit = self.visit("/plain/", application=handler)
            self.assertEqual(visit.status, 418)
        match = mock.Mock(return_value=resolve("/fail/"))
        with (
            mock.patch.object(ASGIHandler, "resolve_request", match),
            self.assertLogs("django.request", "ERROR"),
        ):
            visit = self.visit("/plain/", application=handler)
        self.assertEqual(visit.status, 500)
