import threading
from unittest import mock

from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, connections, reset_queries
from django.test import SimpleTestCase
from django.test.testcases import (
    LiveServerTestCase,
    LiveServerThread,
    _MediaFilesHandler,
)

from .relying import relied_on

LIVE = "django/channels/testing/live.py"
WORKER = "django/channels/worker.py"


class LiveServerTests(SimpleTestCase):
    """LiveServerTestCase's steps, of which ours replaces the thread."""

    @relied_on(
        LIVE,
        "the thread is made with host, static_handler, "
        "connections_override and port, and keeps them.",
    )
    def test_thread(self):
        thread = LiveServerThread("localhost", list, connections_override={}, port=8000)
        kept = (thread.host, thread.static_handler, thread.port, thread.error)
        self.assertEqual(kept, ("localhost", list, 8000, None))
        self.assertEqual(thread.connections_override, {})
        self.assertIs(thread.is_ready.is_set(), False)

    @relied_on(
        LIVE,
        "the thread is started, waited for by is_ready, asked for its "
        "port, and terminated at the class's end.",
    )
    def test_start(self):
        steps = []

        class Thread(LiveServerThread):
            def start(self):
                steps.append("start")
                self.port = 8000
                self.is_ready.set()

            def terminate(self):
                steps.append("terminate")

        class Case(LiveServerTestCase):
            server_thread_class = Thread

            @classmethod
            def _make_connections_override(cls):
                steps.append("override")
                return {}

        Case._start_server_thread()
        self.assertEqual(Case.live_server_url, "http://localhost:8000")
        Case.doClassCleanups()
        self.assertEqual(steps, ["override", "start", "terminate"])

    @relied_on(LIVE, "an error of the thread's is raised by setUpClass().")
    def test_error(self):
        class Thread(LiveServerThread):
            def start(self):
                self.error = LookupError("no port")
                self.is_ready.set()

            def terminate(self):
                pass

        class Case(LiveServerTestCase):
            server_thread_class = Thread
            _make_connections_override = classmethod(lambda cls: {})

        self.addCleanup(Case.doClassCleanups)
        with self.assertRaisesMessage(LookupError, "no port"):
            Case._start_server_thread()

    @relied_on(LIVE, "static_handler and _MediaFilesHandler take an application.")
    def test_handlers(self):
        with self.settings(MEDIA_URL="/media/", STATIC_URL="/static/"):
            core = WSGIHandler()
            media = _MediaFilesHandler(core)
            handler = LiveServerTestCase.static_handler(media)
            self.assertIs(handler.application.application, core)
            self.assertIs(handler._should_handle("/static/a"), True)
            self.assertIs(media._should_handle("/media/a"), True)


class DatabaseTests(SimpleTestCase):
    databases = {"default"}

    @relied_on(
        LIVE,
        "a thread's first use of a database asks the attribute "
        "create_connection of 'connections'.",
    )
    def test_create_connection(self):
        found, given = [], object()
        with mock.patch.object(connections, "create_connection", lambda alias: given):
            thread = threading.Thread(
                target=lambda: found.append(connections["default"])
            )
            thread.start()
            thread.join()
        self.assertEqual(found, [given])

    @relied_on(WORKER, "all(initialized_only=True) has the caller's connections.")
    def test_all(self):
        found = [[*connections.all(initialized_only=True)]]
        thread = threading.Thread(
            target=lambda: found.append(connections.all(initialized_only=True))
        )
        thread.start()
        thread.join()
        self.assertIn(connections["default"], found[0])
        self.assertEqual(found[1], [])

    @relied_on(WORKER, "reset_queries() empties the log of the caller's connections.")
    def test_reset_queries(self):
        connection.queries_log.append({"sql": "", "time": ""})
        reset_queries()
        self.assertEqual([*connection.queries_log], [])
