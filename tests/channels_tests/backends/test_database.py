"""The behaviour of the database backend, on each database it is for."""

import itertools
import threading
from functools import partial
from time import monotonic, sleep
from unittest import mock

from django.apps import apps
from django.channels.backends import lifetime
from django.channels.backends.database import DatabaseChannelBackend, notifications
from django.channels.backends.database.failures import is_read_only
from django.channels.backends.database.notifications import NotificationAlarm
from django.channels.backends.database.outage import Outage
from django.channels.backends.recovery import Recovery
from django.channels.delivery import Delivery
from django.channels.exceptions import BackendUnavailable, ChannelFull
from django.channels.message import Message
from django.channels.testing.backend_suite import SharedChannelBackendTests
from django.db import OperationalError, connections, transaction
from django.test import SimpleTestCase

from ..running import PATIENCE
from .database_suite import (
    AnnouncedTests,
    FullTests,
    OpenTransactionTests,
    OutageTests,
    ProcessTests,
    RaceTests,
    SweepTests,
    TransactionTests,
)
from .databases import ALIAS, DatabaseTestCase, MariaDB, PostgreSQL
from .encryption_suite import EncryptionTests

MODELS = ("Message", "DurableMessage", "Result", "Item", "Member", "Process")


class DatabaseBackend:
    """How tests make backends in a DatabaseTestCase's database."""

    poll_seconds = 0.02

    def setUp(self):
        self.made = []
        super().setUp()
        for model in MODELS:
            self.rows(model).delete()

    def rows(self, model):
        # The models can be imported where the app is installed only.
        return apps.get_model("django_channels", model).objects.using(ALIAS).all()

    def everything(self):
        return repr(
            [
                bytes(value) if isinstance(value, memoryview) else value
                for model in MODELS
                for row in self.rows(model).values_list()
                for value in row
            ]
        )

    def make_backend(self, *, OPTIONS={}, **params):
        options = {"POLL_SECONDS": self.poll_seconds, **OPTIONS}
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
    OpenTransactionTests,
    AnnouncedTests,
    RaceTests,
    ProcessTests,
    SweepTests,
    EncryptionTests,
    SharedChannelBackendTests,
):
    race_messages = 200

    def test_no_leases(self):
        """Where there are none, no connection is needed to renew them."""
        with mock.patch.object(self.backend, "_reaching") as reaching:
            self.assertEqual(self.backend.renew([]), [])
        reaching.assert_not_called()


class SQLiteBackendTests(FullTests, DatabaseBackendTests, DatabaseTestCase):
    def steps(self, function, *args):
        """Return what it returns, and how many instructions SQLite's machine took."""
        count = itertools.count()
        connection = connections[ALIAS].connection
        connection.set_progress_handler(lambda: next(count) and None, 1)
        try:
            return function(*args), next(count)
        finally:
            connection.set_progress_handler(None, 1)

    def test_fork(self):
        # A new process finds for ever locked what a thread that polls has locked:
        # none is to look before the fork, nor by chance at the same time.
        self.poll_seconds = 10
        self.backend = self.make()
        super().test_fork()

    def test_file_that_is_only_read(self):
        for send in (
            partial(self.send, "a"),
            partial(self.backend.add, Message("b", {}), Delivery(durable=True)),
        ):
            with connections[ALIAS].cursor() as cursor:
                cursor.execute("PRAGMA query_only = ON")
            self.addCleanup(connections[ALIAS].close)
            with self.assertRaisesMessage(
                BackendUnavailable, "may this process not write SQLite's file"
            ) as caught:
                send()
            self.assertIs(caught.exception.unsent, True)

    def test_fork_without_the_database(self):
        """A backend that settings don't have any more disturbs no other."""
        gone = type(self.backend.store)("no_such_database")
        backends = mock.Mock(_forked=gone.forked), mock.Mock()
        with mock.patch.object(lifetime, "_backends", backends):
            lifetime._after_fork()
        backends[1]._forked.assert_called_once_with()

    def test_looking_among_many(self):
        """It costs no more to see that something waits where much does."""
        look = partial(self.steps, self.backend.store.changed, ["a", "b"])
        self.add("a")
        found, few = look()
        self.add_all("a", *range(300))
        self.assertEqual(found, {"a"})
        self.assertLess(look()[1], few + 100)

    def test_taking_from_many(self):
        """It costs no more to take the first of many than of some."""
        take = partial(self.steps, self.backend.jobs.take, "a", 10)
        self.add_all("a", *range(30))
        _, few = take()
        self.add_all("a", *range(30, 300))
        taken, many = take()
        self.assertEqual(taken.channel, "a")
        self.assertLess(many, 2 * few)


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

    def execute(self, statement):
        table = self.rows("Message").model._meta.db_table
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(statement.format(table=table))

    def test_group_joined_in_a_long_transaction(self):
        """Meanwhile the process hears what is sent to it, and others may join."""
        here = self.make(OPTIONS={"LEASE": 4.5})
        name, sink = self.listen(here)
        joined, go = threading.Event(), threading.Event()
        self.addCleanup(go.set)

        def join(backend, first, second):
            with transaction.atomic(ALIAS):
                backend.group_add(first, name)
                joined.set()
                go.wait(PATIENCE)
                backend.group_add(second, name)

        for backend, first, second in ((here, "a", "b"), (self.backend, "c", "d")):
            with (
                self.subTest(here=backend is here),
                self.assertNoLogs("django.channels", "ERROR"),
            ):
                joined.clear()
                go.clear()
                call = self.in_thread(join, backend, first, second)
                self.assertIs(joined.wait(PATIENCE), True)
                other, _ = self.listen(here)
                # A thread of the process waits for another's transaction.
                calls = [call]
                if backend is not here:
                    calls.append(self.in_thread(here.group_add, first, other))
                # All groups are looked after, again and again.
                end = monotonic() + here.lease
                while monotonic() < end:
                    here._groups.rejoin()
                    begun = len(sink.contents)
                    self.send(name, n=1)
                    sink.wait_for(begun + 1)
                    sleep(0.2)
                if backend is here:
                    here.group_add("e", other)
                go.set()
                for call in calls:
                    call.result()
            before = len(sink.contents)
            self.backend.group_send(second, {"n": 2})
            sink.wait_for(before + 1)

    def test_lock_that_is_not_given(self):
        """Whoever waits in vain for another's change is told that it's locked."""
        locked, go = threading.Event(), threading.Event()
        self.addCleanup(go.set)

        def lock():
            with transaction.atomic(ALIAS):
                self.execute(self.lock)
                locked.set()
                go.wait(PATIENCE)

        call = self.in_thread(lock)
        self.assertIs(locked.wait(PATIENCE), True)
        self.execute(self.be_impatient)
        self.addCleanup(connections[ALIAS].close)
        with self.assertRaisesMessage(BackendUnavailable, "stayed locked") as caught:
            self.send("a")
        self.assertIs(caught.exception.unsent, True)
        go.set()
        call.result()
        self.send("a", n=1)
        self.assertEqual(self.receive_all("a"), [{"n": 1}])


class PoolTimeout(Exception):
    """As psycopg_pool has it."""


class PoolerTests:
    """What PostgreSQL's notifications come to behind a pooler."""

    def watch(self, **options):
        """Return the alarm of a backend that has begun to watch."""
        backend = DatabaseChannelBackend("default", {"LOCATION": ALIAS, **options})
        self.addCleanup(backend.close)
        note, noted = backend.watcher._note, threading.Event()
        backend.watcher._note = lambda alarm: (note(alarm), noted.set())
        call = self.in_thread(self.open("a", backend=backend).receive)
        self.assertIs(noted.wait(PATIENCE), True)
        self.send("a", n=1)
        self.assertEqual(call.result().content, {"n": 1})
        return backend.watcher._alarm

    def pooled(self):
        return mock.patch.object(NotificationAlarm, "_is_pooled", return_value=True)

    def deafened(self):
        """Have its session be another's, as in PgBouncer's transaction mode."""
        execute = NotificationAlarm._execute

        def execute_elsewhere(alarm, statement):
            if not statement.startswith("LISTEN"):
                execute(alarm, statement)
            else:
                execute(alarm, "SELECT 1")

        return mock.patch.multiple(
            NotificationAlarm,
            _execute=execute_elsewhere,
            _is_pooled=lambda alarm: True,
        )

    def test_no_pooler(self):
        with mock.patch.object(NotificationAlarm, "_hears") as hears:
            alarm = self.watch()
        self.assertEqual((alarm.deaf, alarm.poll_seconds), (False, 5))
        hears.assert_not_called()

    def test_pooler_that_keeps_sessions(self):
        with self.pooled(), self.assertNoLogs("django.channels", "WARNING"):
            alarm = self.watch()
        self.assertEqual((alarm.deaf, alarm.poll_seconds), (False, 5))

    def test_pooler_that_does_not(self):
        """It's noticed, said, and made up for."""
        with (
            self.deafened(),
            mock.patch.object(notifications, "TRIAL", 0.1),
            self.assertLogs("django.channels", "WARNING") as logs,
        ):
            alarm = self.watch()
        self.assertEqual((alarm.deaf, alarm.poll_seconds), (True, 0.1))
        self.assertEqual(len(logs.output), 1)
        self.assertIn("every 0.1 seconds instead", logs.output[0])

    def test_pool_that_is_too_small(self):
        """Django's own, in the process."""
        error = OperationalError("couldn't get a connection")
        error.__cause__ = PoolTimeout()
        connection = connections[ALIAS]
        connection.close()
        with mock.patch.object(
            connection, "get_new_connection", side_effect=error
        ) as connect:
            with self.assertRaisesMessage(BackendUnavailable, "max_size") as caught:
                self.send("a")
            self.assertIn("max_size", self.backend.describe(error))
        self.assertIs(caught.exception.unsent, True)
        # Each time takes as long as the pool lets its users wait.
        connect.assert_called_once()

    def test_pooler_that_is_known(self):
        with (
            self.deafened(),
            mock.patch.object(notifications, "TRIAL", 0.1),
            self.assertNoLogs("django.channels", "WARNING"),
        ):
            self.watch(OPTIONS={"POLL_SECONDS": 0.01})


class PostgreSQLBackendTests(
    PoolerTests, OutageTests, ManyWritersTests, DatabaseTestCase
):
    database = PostgreSQL
    lock = "LOCK TABLE {table} IN EXCLUSIVE MODE"
    be_impatient = "SET lock_timeout = '10ms'"

    def test_server_that_only_reads(self):
        """Such as one whose standby has taken its place."""

        def let(only_read):
            with connections[ALIAS].cursor() as cursor:
                cursor.execute(f"SET default_transaction_read_only = {only_read}")

        durable = Delivery(durable=True)
        let("on")
        self.addCleanup(let, "off")
        for send in (
            partial(self.send, "a"),
            partial(self.backend.add, Message("jobs", {}), durable),
        ):
            with self.assertRaisesMessage(BackendUnavailable, "primary") as caught:
                send()
            self.assertIs(caught.exception.unsent, True)


class MariaDBBackendTests(ManyWritersTests, DatabaseTestCase):
    database = MariaDB
    lock = "LOCK TABLES {table} WRITE"
    be_impatient = "SET SESSION lock_wait_timeout = 0"
    race_messages = 100


class ReadOnlyTests(SimpleTestCase):
    def test_mysql(self):
        error = OperationalError(
            1290,
            "The MySQL server is running with the --read-only option so it cannot "
            "execute this statement",
        )
        self.assertIs(is_read_only(error), True)
        self.assertIs(is_read_only(OperationalError(2006, "Gone away")), False)


class OutageLogTests(SimpleTestCase):
    """What a thread logs that goes on while the database can't be reached."""

    def setUp(self):
        self.outage = Outage(mock.Mock(using="channels"), str, Recovery())

    def note(self, *args):
        self.outage.failed(OperationalError(*args))

    def test_lock_before_an_outage(self):
        with self.assertLogs("django.channels", "INFO") as logs:
            self.note("database table is locked")
            self.note("The connection is lost.")
            self.note("The connection is lost.")
            self.outage.over()
        self.assertEqual(
            [record.getMessage() for record in logs.records],
            [
                "The connection is lost. It is tried again.",
                "The database 'channels' is back.",
            ],
        )

    def test_lock(self):
        with self.assertNoLogs("django.channels", "INFO"):
            self.note("database is locked")
            self.note(1213, "Deadlock found when trying to get lock")
            self.outage.over()
