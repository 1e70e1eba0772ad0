"""Hearing PostgreSQL's notifications (LISTEN)."""

import secrets
import selectors
import socket
from time import monotonic

from django.db import Error, connections
from django.db.backends.postgresql.psycopg_any import is_psycopg3

from .alarm import Alarm

# The name that PostgreSQL knows the notifications by. A notification holds the
# origin, that of one store, and the name of what has changed.
TOPIC = "django_channels"

# How many seconds a notification may take, where it's tried whether one comes.
TRIAL = 2


class NotificationAlarm(Alarm):
    """Hears what others notify, on the connection of the watcher's thread."""

    # For what is notified while the connection is lost, or loses it: a pooler
    # between here and the database may.
    poll_seconds = 5.0

    def __init__(self, store):
        super().__init__()
        self._store = store
        self._connection = None
        self._heard = set()
        self._bell, self._clapper = socket.socketpair()

    def open(self):
        self._execute(f"LISTEN {TOPIC}")
        self._connection = self._store.connection.connection
        if is_psycopg3:
            # For those that come with the answer to a query.
            self._connection.add_notify_handler(self._hear)
        self.deaf = self._is_pooled() and not self._hears()
        kind = Alarm if self.deaf else NotificationAlarm
        self.poll_seconds = kind.poll_seconds

    def _is_pooled(self):
        """Tell whether the server is another than the one we connected to."""
        with self._store.connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return cursor.fetchone()[0] != self._connection.info.backend_pid

    def _hears(self):
        """
        Tell whether a notification comes through: a pooler may give the session
        that listens to others between our transactions.
        """
        name = f"?{secrets.token_hex(6)}"
        other = connections.create_connection(self._store.using)
        try:
            with other.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, %s)", [TOPIC, f" {name}"])
        finally:
            other.close()
        deadline = monotonic() + TRIAL
        heard = set()
        while name not in heard and (left := deadline - monotonic()) > 0:
            heard |= self.wait(left)
            if self.rung.is_set():
                break
        # What else came is for the next one who waits.
        self._heard |= heard - {name}
        return name in heard

    def wait(self, seconds):
        self._collect()
        if not self._heard and not self.rung.is_set():
            with selectors.DefaultSelector() as selector:
                selector.register(self._bell, selectors.EVENT_READ)
                selector.register(self._connection.fileno(), selectors.EVENT_READ)
                selector.select(seconds)
            self._collect()
        heard, self._heard = self._heard, set()
        return heard

    def ring(self):
        super().ring()
        self._clapper.send(b"\0")

    def close(self):
        try:
            # The connection may go back to a pool.
            if self._connection is not None:
                self._execute("UNLISTEN *")
        except Error:
            pass
        self._bell.close()
        self._clapper.close()

    def _execute(self, statement):
        with self._store.connection.cursor() as cursor:
            cursor.execute(statement)

    def _collect(self):
        """Take over what has arrived."""
        with self._store.connection.wrap_database_errors:
            if is_psycopg3:
                pgconn = self._connection.pgconn
                pgconn.consume_input()
                while (notification := pgconn.notifies()) is not None:
                    self._add(notification.extra.decode())
            else:
                self._connection.poll()
                while self._connection.notifies:
                    self._hear(self._connection.notifies.pop(0))

    def _hear(self, notification):
        self._add(notification.payload)

    def _add(self, payload):
        origin, _, name = payload.partition(" ")
        # Whom this process has a message for was woken when it was sent.
        if origin != self._store.origin:
            self._heard.add(name)
