"""The behaviour of the database backend, on each database it is for."""

import threading

from django.apps import apps
from django.channels.backends.database import DatabaseChannelBackend
from django.channels.exceptions import ChannelFull
from django.channels.testing.backend_suite import SharedChannelBackendTests
from django.db import connections

from .database_suite import (
    FullTests,
    OutageTests,
    ProcessTests,
    SweepTests,
    TransactionTests,
)
from .databases import ALIAS, DatabaseTestCase, MariaDB, PostgreSQL


class DatabaseBackend:
    """How tests make backends in a DatabaseTestCase's database."""

    def setUp(self):
        self.made = []
        super().setUp()
        for model in (
            "Message",
            "DurableMessage",
            "Result",
            "Item",
            "Member",
            "Process",
        ):
            self.rows(model).delete()

    def rows(self, model):
        # The models can be imported where the app is installed only.
        return apps.get_model("django_channels", model).objects.using(ALIAS).all()

    def make_backend(self, *, OPTIONS={}, **params):
        options = {"POLL_SECONDS": 0.01, **OPTIONS}
        params = {"LOCATION": ALIAS, "OPTIONS": options, **params}
        backend = DatabaseChannelBackend("default", params)
        self.made.append(backend)
        return backend

    def let_pass(self, seconds):
        for backend in self.made:
            backend.store.ahead += seconds

    def let_die(self, backend):
        backend._inbox.stop()

    def in_thread(self, function, *args):
        """A thread of the suite's closes its connection, as a worker's does."""

        def call():
            try:
                return function(*args)
            finally:
                connections.close_all()

        return super().in_thread(call)

    def receive(self, *args, **kwargs):
        try:
            return super().receive(*args, **kwargs)
        finally:
            if threading.current_thread() is not threading.main_thread():
                connections.close_all()


class DatabaseBackendTests(
    DatabaseBackend,
    TransactionTests,
    ProcessTests,
    SweepTests,
    SharedChannelBackendTests,
):
    race_messages = 200


class SQLiteBackendTests(FullTests, DatabaseBackendTests, DatabaseTestCase):
    pass


class ManyWritersTests(DatabaseBackendTests):
    """For a database whose writers don't wait for each other."""

    def test_capacity_in_a_race(self):
        """Senders at the same moment exceed the bound by one each at most."""
        backends = [self.make(CAPACITY=10) for _ in "1234"]

        def give(backend):
            sent = 0
            for _ in range(10):
                try:
                    self.send("a", backend)
                    sent += 1
                except ChannelFull:
                    pass
            return sent

        calls = [self.in_thread(give, backend) for backend in backends]
        sent = sum(call.result() for call in calls)
        self.assertIn(sent, range(10, 14))
        self.assertEqual(len(self.receive_all("a")), sent)


class PostgreSQLBackendTests(OutageTests, ManyWritersTests, DatabaseTestCase):
    database = PostgreSQL


class MariaDBBackendTests(ManyWritersTests, DatabaseTestCase):
    database = MariaDB
