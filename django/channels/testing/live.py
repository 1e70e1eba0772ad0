"""A test case with a live interface server: HTTP and WebSocket."""

import unittest
from unittest import mock

from django.channels.interfaces.development import missing_package
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.test.testcases import (
    LiveServerTestCase,
    LiveServerThread,
    _MediaFilesHandler,
)
from django.utils.functional import classproperty

# Worker threads of the server, and how many seconds they have at its end.
THREADS = 4
GRACE = 5.0


class InterfaceServerThread(LiveServerThread):
    """Stands where LiveServerTestCase has its thread, with other servers."""

    def start(self):
        from django.channels.interfaces.server import InterfaceServer

        application = self.static_handler(_MediaFilesHandler(WSGIHandler()))
        try:
            self.server = InterfaceServer(application, threads=THREADS)
            self.server.bind(self.host, self.port)
            self.port = self.server.port
            self.server.start()
        except Exception as error:
            self.error = error
        finally:
            self.is_ready.set()

    def terminate(self):
        if self.error is None:
            self.server.stop(GRACE)


class ChannelsLiveServerTestCase(LiveServerTestCase):
    """
    LiveServerTestCase with the interface server: requests, static files and
    WebSockets on one port, and workers that run every consumer.

    Consumers must be registered before the class is set up: those of the
    project's ``consumers`` modules are. Skipped where Twisted, Autobahn or
    httptools is missing.
    """

    server_thread_class = InterfaceServerThread
    _shares_channel_backends = True

    @classproperty
    def live_server_websocket_url(cls):
        return f"ws://{cls.host}:{cls.server_thread.port}"

    @classmethod
    def setUpClass(cls):
        missing = missing_package()
        if missing is not None:
            raise unittest.SkipTest(f"{missing} is not installed: no live server.")
        if settings.CHANNEL_HTTP_BACKEND is None:
            raise ImproperlyConfigured(
                "ChannelsLiveServerTestCase serves requests through channels, and "
                "CHANNEL_HTTP_BACKEND is None."
            )
        super().setUpClass()

    @classmethod
    def _start_server_thread(cls):
        # The server's threads come and go; whichever asks for a database in
        # memory first gets the test's connection.
        override = cls._make_connections_override()
        create = connections.create_connection

        def create_connection(alias):
            return override.get(alias) or create(alias)

        patch = mock.patch.object(connections, "create_connection", create_connection)
        cls.enterClassContext(patch)
        super()._start_server_thread()
