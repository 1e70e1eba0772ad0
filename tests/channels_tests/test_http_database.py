"""Requests that workers in other processes answer, through a database."""

import hashlib
import http.client
from contextlib import closing
from unittest import mock

from django.channels import names
from django.channels.interfaces.server import InterfaceServer
from django.channels.watch import Watch
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections

from .backends.databases import ALIAS, APP, DatabaseTestCase, PostgreSQL, SQLite
from .running import PATIENCE
from .shared_http import PIECE, Body, HTTPTestCase

SIZE = 4_000_000


class DatabaseHTTPTests(HTTPTestCase):
    """The worker is a process; the edge is a handler, or the server, here."""

    options = {"LEASE": 1, "POLL_SECONDS": 0.01}

    def setUp(self):
        super().setUp()
        self.edge.flush()

    def channel_backends(self, **options):
        backend = "django.channels.backends.database.DatabaseChannelBackend"
        params = {"BACKEND": backend, "LOCATION": ALIAS, "OPTIONS": options}
        return {"default": params}

    def worker_settings(self):
        name = self.database_settings["NAME"]
        return {
            "CHANNEL_BACKENDS": self.channel_backends(**self.options),
            "DATABASES": {
                "default": {},
                ALIAS: {**self.database_settings, "NAME": str(name)},
            },
            "INSTALLED_APPS": [APP],
        }

    def test_requests(self):
        # One worker for all: a process takes longer to start than they do.
        self.start_process()
        for check in (self.check_bodies, self.check_server, self.check_outage):
            with self.subTest(check.__name__):
                check()

    def check_bodies(self):
        digest = hashlib.sha256(bytes(SIZE)).hexdigest().encode()
        pieces = b"".join(b"%d" % n * PIECE for n in range(9))
        self.assertEqual(self.call("/")[1], b"hello")
        for path in ("/digest/", "/adigest/"):
            with self.subTest(path=path):
                body = Body(bytes(SIZE))
                _, found = self.call(path, "post", body, CONTENT_LENGTH=str(SIZE))
                self.assertEqual(found, digest)
        for path in ("/stream/9/", "/astream/9/"):
            with self.subTest(path=path):
                self.assertEqual(self.call(path)[1], pieces)
        self.assertEqual(self.call(f"/large/{SIZE}/")[1], b"l" * SIZE)

    def check_server(self):
        """The edge is the interface server."""
        server = InterfaceServer(WSGIHandler())
        server.bind("127.0.0.1", 0)
        # Only the workers elsewhere.
        with mock.patch("django.channels.interfaces.workers.Workers.start"):
            server.start()
            self.addCleanup(server.stop)
        digest = hashlib.sha256(bytes(SIZE)).hexdigest().encode()
        with closing(
            http.client.HTTPConnection("127.0.0.1", server.port, PATIENCE)
        ) as client:
            for path, body, expected in (
                ("/", None, b"hello"),
                ("/digest/", bytes(SIZE), digest),
                ("/stream/9/", None, b"".join(b"%d" % n * PIECE for n in range(9))),
            ):
                with self.subTest(path=path):
                    client.request("GET" if body is None else "POST", path, body)
                    self.assertEqual(client.getresponse().read(), expected)

    def check_outage(self):
        """A new connection can't be made, so that nothing can be sent."""
        connection = connections[ALIAS]
        connection.close()
        error = connection.Database.OperationalError("refused")
        with mock.patch.object(connection, "get_new_connection", side_effect=error):
            self.assertStatus(503)
        self.assertEqual(self.call("/")[1], b"hello")

    def test_no_worker(self):
        self.assertStatus(503)
        self.assertEqual(self.edge.waiting(names.HTTP_REQUEST), 0)

    def test_killed(self):
        self.assertKilled(self.start_process())
        self.edge.part(Watch).forget()
        self.assertStatus(503)


class SQLiteTests(DatabaseHTTPTests, DatabaseTestCase):
    database = SQLite


class PostgreSQLTests(DatabaseHTTPTests, DatabaseTestCase):
    database = PostgreSQL


del DatabaseHTTPTests
