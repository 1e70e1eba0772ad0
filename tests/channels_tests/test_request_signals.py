from functools import partial
from types import SimpleNamespace
from unittest import mock

from django.channels.request_signals import close, send_finished, send_started
from django.channels.thread_connections import has_caches, has_connections
from django.core.cache import caches
from django.core.signals import request_finished, request_started
from django.db import OperationalError, connection, connections, reset_queries
from django.dispatch import Signal
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import TransactionTestCase
from django.urls import get_urlconf, set_urlconf

from .running import in_thread, printed_by


class Handler:
    """What sends the signals."""


class RequestSignalsTests(TransactionTestCase):
    available_apps = []

    def listen(self, signal):
        """Return the list of what comes by the signal, from now on."""
        calls = []

        def receiver(**kwargs):
            calls.append((kwargs.pop("signal"), kwargs))

        signal.connect(receiver)
        self.addCleanup(signal.disconnect, receiver)
        return calls

    def replace(self, signal, receiver, by):
        signal.disconnect(receiver)
        signal.connect(by)
        self.addCleanup(signal.connect, receiver)
        self.addCleanup(signal.disconnect, by)

    def test_started(self):
        """A project's receivers are called, whatever the thread has."""
        calls = self.listen(request_started)
        environ = {"a": 1}
        in_thread(partial(send_started, Handler, environ=environ))
        expected = request_started, {"sender": Handler, "environ": environ}
        self.assertEqual(calls, [expected])

    def test_finished(self):
        calls = self.listen(request_finished)
        in_thread(partial(send_finished, Handler))
        self.assertEqual(calls, [(request_finished, {"sender": Handler})])

    def test_replaced_receiver(self):
        """One that stands for one of Django's is no less called."""
        calls = []

        def mine(**kwargs):
            calls.append(kwargs["sender"])

        self.replace(request_started, reset_queries, mine)
        in_thread(partial(send_started, Handler, environ={}))
        self.assertEqual(calls, [Handler])

    def test_connections(self):
        """What was opened in the thread is looked after at both ends."""

        def run():
            before = has_connections()
            connection.ensure_connection()
            # That of a test's database in memory can't be closed.
            looked = []
            connections["default"].close_if_unusable_or_obsolete = partial(
                looked.append, True
            )
            connection.queries_log.append({})
            send_started(Handler, environ={})
            send_finished(Handler)
            return before, has_connections(), len(looked), len(connection.queries_log)

        self.assertEqual(in_thread(run), (False, True, 2, 0))

    def test_each_thread(self):
        """However a connection came to be there, and as long as it's there."""

        def run():
            found = [has_connections()]
            connections["default"] = shared
            found.append(has_connections())
            del connections["default"]
            return [*found, has_connections()]

        shared = connections["default"]
        self.assertEqual(in_thread(run), [False, True, False])

    def test_failed_connection(self):
        """What broke while it was opened is looked after, too."""

        def run():
            wrapper = connections["default"]
            fail = mock.Mock(side_effect=OperationalError)
            with mock.patch.object(wrapper, "init_connection_state", fail):
                with self.assertRaises(OperationalError):
                    wrapper.connect()
            return wrapper.connection is not None, has_connections()

        self.assertEqual(in_thread(run), (True, True))

    def test_caches(self):
        def run():
            return has_caches(), caches["default"], has_caches()

        before, _, after = in_thread(run)
        self.assertEqual((before, after), (False, True))

    def test_storage_of_another_kind(self):
        with mock.patch.object(connections, "_connections", SimpleNamespace()):
            self.assertIs(has_connections(), True)
        for storage in (SimpleNamespace(), SimpleNamespace(_storage=object())):
            with mock.patch.object(caches, "_connections", storage):
                self.assertIs(has_caches(), True)

    def test_caches_and_urlconf(self):
        """They're per thread too, and are as a finished request leaves them."""

        def run():
            cache = caches["default"]
            closed = []
            cache.close = partial(closed.append, True)
            set_urlconf("other")
            send_finished(Handler)
            return closed, get_urlconf()

        self.assertEqual(in_thread(run), ([True], None))

    def test_close(self):
        def run(response):
            closed = []
            response._resource_closers += [lambda: 1 / 0, lambda: closed.append(1)]
            response._handler_class = Handler
            close(response)
            return closed, response.closed, response._resource_closers

        for response in (HttpResponse(), StreamingHttpResponse()):
            with self.subTest(response=response):
                calls = self.listen(request_finished)
                self.assertEqual(in_thread(partial(run, response)), ([1], True, []))
                self.assertEqual(calls, [(request_finished, {"sender": Handler})])

    def test_own_close(self):
        class Response(HttpResponse):
            def close(self):
                closed.append(self)

        closed, response, wrapped = [], Response(), HttpResponse()
        wrapped.close = partial(closed.append, wrapped)
        close(response)
        close(wrapped)
        self.assertEqual(closed, [response, wrapped])

    def test_replaced_by_a_tool(self):
        """On the class, before or after a request, or on the signal itself."""
        own = mock.Mock()
        with mock.patch.object(HttpResponseBase, "close", own):
            close(HttpResponse())
        own.assert_called_once_with()
        for owner in (Signal, request_finished):
            own.reset_mock()
            with mock.patch.object(owner, "send", own):
                in_thread(partial(send_finished, Handler))
            own.assert_called_once_with(sender=Handler)

    def test_proxy_of_a_tool(self):
        """It looks like what it has replaced."""

        class Proxy:
            def __init__(self, function):
                self.__func__ = function

            def __get__(self, instance, owner=None):
                return self

            def __call__(self, *args, **kwargs):
                called.append(kwargs)

        called = []
        with mock.patch.object(HttpResponseBase, "close", Proxy(HttpResponse.close)):
            close(HttpResponse())
        with mock.patch.object(Signal, "send", Proxy(Signal.send)):
            in_thread(partial(send_finished, Handler))
        self.assertEqual(called, [{}, {"sender": Handler}])

    def test_replaced_before_the_first_request(self):
        """As a tool does when the apps are ready."""
        code = (
            "from django.conf import settings\n"
            "settings.configure()\n"
            "from django.dispatch import Signal\n"
            "from django.http.response import HttpResponseBase\n"
            "HttpResponseBase.close = lambda self: print('close')\n"
            "Signal.send = lambda self, **kwargs: print('send')\n"
            "from django.channels import request_signals\n"
            "request_signals.close(HttpResponseBase())\n"
            "request_signals.send_finished(None)"
        )
        self.assertEqual(printed_by(code), "close\nsend\n")
