import threading
from functools import partial

from django.channels.request_signals import close, send_finished, send_started
from django.channels.thread_connections import has_connections, note_connection
from django.core.cache import caches
from django.core.signals import request_finished, request_started
from django.db import connection, connections, reset_queries
from django.db.backends.signals import connection_created
from django.http import HttpResponse, StreamingHttpResponse
from django.test import TransactionTestCase
from django.urls import get_urlconf, set_urlconf


class Handler:
    """What sends the signals."""


class RequestSignalsTests(TransactionTestCase):
    available_apps = []

    def in_thread(self, function):
        """Return what the function returns in a thread that nobody else has."""
        found = []

        def run():
            try:
                found.append(function())
            finally:
                connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        thread.join(10)
        (result,) = found
        return result

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
        self.in_thread(partial(send_started, Handler, environ=environ))
        expected = request_started, {"sender": Handler, "environ": environ}
        self.assertEqual(calls, [expected])

    def test_finished(self):
        calls = self.listen(request_finished)
        self.in_thread(partial(send_finished, Handler))
        self.assertEqual(calls, [(request_finished, {"sender": Handler})])

    def test_replaced_receiver(self):
        """One that stands for one of Django's is no less called."""
        calls = []

        def mine(**kwargs):
            calls.append(kwargs["sender"])

        self.replace(request_started, reset_queries, mine)
        self.in_thread(partial(send_started, Handler, environ={}))
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

        self.assertEqual(self.in_thread(run), (False, True, 2, 0))

    def test_known_late(self):
        """A thread may have had connections before it's asked."""

        def run():
            # As if it were opened before there was anyone to note it.
            connection_created.disconnect(note_connection)
            try:
                connection.ensure_connection()
            finally:
                connection_created.connect(note_connection)
            return has_connections()

        self.assertIs(self.in_thread(run), True)

    def test_caches_and_urlconf(self):
        """They're per thread too, and are as a finished request leaves them."""

        def run():
            cache = caches["default"]
            closed = []
            cache.close = partial(closed.append, True)
            set_urlconf("other")
            send_finished(Handler)
            return closed, get_urlconf()

        self.assertEqual(self.in_thread(run), ([True], None))

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
                self.assertEqual(
                    self.in_thread(partial(run, response)), ([1], True, [])
                )
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
