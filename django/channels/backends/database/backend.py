"""The database backend: what SharedChannelBackend asks of a store."""

from contextlib import contextmanager, nullcontext
from functools import partial

from django.apps import apps
from django.channels.backends.shared import (
    FULL,
    GONE,
    PROCESS_MARK,
    SharedChannelBackend,
)
from django.db import DEFAULT_DB_ALIAS, connections, transaction

from .durable import DatabaseDurable
from .failures import DatabaseFailures

APP = "django.channels.backends.database"

# How many rows of a kind one sweep removes at most.
SWEEP_LIMIT = 100


class DatabaseChannelBackend(DatabaseDurable, DatabaseFailures, SharedChannelBackend):
    """
    Channels in tables of the database LOCATION, an alias of DATABASES.

    What is sent within an ``atomic()`` block of that database is sent when the
    block commits, and not at all when it's rolled back.
    """

    option_names = SharedChannelBackend.option_names | {"POLL_SECONDS"}

    # On the connection, and in the transaction, of the caller's other queries.
    thread_sensitive = True

    # Until the settings have been read.
    store = None
    poll_seconds = None

    def __init__(self, alias, params):
        super().__init__(alias, params)
        self.using = self.location or DEFAULT_DB_ALIAS
        self.store_name = f"database {self.using!r}"
        if "POLL_SECONDS" in self.options:
            self.poll_seconds = self._option("POLL_SECONDS", None)
        self.store = self._find_store()
        self.jobs, self.results = self._find_tables()
        self._start_anew()

    def receiver(self, channels):
        from .receiver import DatabaseReceiver

        return DatabaseReceiver(self, channels)

    def sweep(self):
        """
        Remove a few of the rows that nobody else will. Return whether there
        may be more.
        """
        rows = self.store.take_expired(SWEEP_LIMIT)
        for row in rows:
            self._expired(row.channel, row.content)
        for process in self.store.dead(SWEEP_LIMIT):
            self.store.remove_dead(process, PROCESS_MARK + process)
        self.store.remove_strays(SWEEP_LIMIT)
        return SWEEP_LIMIT in (len(rows), self.results.sweep(SWEEP_LIMIT))

    # See SharedChannelBackend.

    def _push(self, channel, data, capacity, expiry):
        with self._reaching():
            added = self._push_together(channel, data, capacity, expiry)
            if added < len(data):
                # Expired messages may be what takes the room.
                rows = self.store.take_expired(SWEEP_LIMIT, channel=channel)
                if rows:
                    rest = data[added:]
                    added += self._push_together(channel, rest, capacity, expiry)
                    for row in rows:
                        self._expired(row.channel, row.content)
        if added:
            self._notify(channel)
        return added

    def _push_together(self, channel, data, capacity, expiry):
        """Do it in one transaction, whatever has expired."""
        alone = len(data) == 1
        with nullcontext() if alone else transaction.atomic(self.using):
            for added, item in enumerate(data):
                if not self.store.add(channel, item, expiry, capacity):
                    return added
        return len(data)

    def _open_inbox(self, process):
        from .inbox import Inbox

        with self._reaching(connect=False):
            inbox = Inbox(self, process)
            inbox.open()
        self._inbox = inbox

    def _close_inbox(self, process):
        inbox, self._inbox = self._inbox, None
        with self._reaching(connect=False):
            inbox.close()

    def _post(self, processes, data, capacity):
        with self._reaching():
            posted = self.store.post(processes, data, capacity)
            refused = set(processes).difference(posted)
            living = self.store.living(refused) if refused else ()
        for process in posted:
            self._notify(self.store.inbox_name(process))
        return {name: FULL if name in living else GONE for name in refused}

    def _alive(self, processes):
        with self._reaching():
            return set(self.store.living(processes))

    def waiting(self, channel):
        with self._reaching():
            return self.store.waiting(channel)

    def _join(self, group, member, token):
        with self._reaching():
            self.store.join(group, member, token)
        if member == PROCESS_MARK + self.process:
            if self.store.connection.in_atomic_block:
                # A rollback takes the row, and says nothing: _beat() asks.
                self._uncertain.add(group)
                self._on_commit(self._uncertain.discard, group)

    def _leave(self, group, member):
        with self._reaching():
            self.store.leave(group, member)

    def _members(self, group):
        with self._reaching():
            return self.store.members(group)

    def _flush(self):
        with self._reaching():
            self.store.clear()
            self.jobs.clear()
            self.results.clear()

    def _close(self):
        self.watcher.join(timeout=10)

    def _forked(self):
        if self.store is not None:
            self.store.forked()
            self._start_anew()

    def _start_anew(self):
        from .watcher import Watcher

        self.watcher = Watcher(
            self.store, self.poll_seconds, self.sweep, self.describe, self.recovery
        )
        self._inbox = None
        # Groups that this process has joined in a transaction whose end isn't
        # known, and those of them that the last _beat() has seen.
        self._uncertain = set()
        self._uncertain_before = set()

    def _beat(self, lost):
        if self._uncertain & self._uncertain_before:
            self._groups.rejoin()
            self._uncertain -= self._uncertain_before
        self._uncertain_before = set(self._uncertain)
        super()._beat(lost)

    @contextmanager
    def _hurrying(self):
        with self._reaching(), self.store.hurrying():
            yield

    # The rest.

    def _find_store(self):
        if not apps.is_installed(APP):
            raise self._invalid(f"add {APP!r} to INSTALLED_APPS.")
        if self.using not in connections:
            raise self._invalid(
                f"LOCATION must be an alias of DATABASES, not {self.using!r}."
            )
        if not connections[self.using].settings_dict["AUTOCOMMIT"]:
            raise self._invalid(
                f"the database {self.using!r} has AUTOCOMMIT = False, so that nobody "
                f"would commit what threads of the backend write. LOCATION can be "
                f"another alias of the same database."
            )
        vendor = connections[self.using].vendor
        if vendor == "sqlite":
            from .sqlite import OLDEST
            from .sqlite import SQLiteStore as Store

            version = connections[self.using].Database.sqlite_version_info
            if version < OLDEST:
                wanted, found = (".".join(map(str, v)) for v in (OLDEST, version))
                raise self._invalid(f"SQLite {wanted} or later is needed, not {found}.")
        elif vendor == "postgresql":
            from .postgresql import PostgreSQLStore as Store
        elif vendor == "mysql":
            from .store import Store
        else:
            raise self._invalid(
                f"channels can't be in a database of {vendor}. Use PostgreSQL, "
                f"MySQL, MariaDB or SQLite: LOCATION can be another alias."
            )
        return Store(self.using)

    def _find_tables(self):
        from .jobs import Jobs
        from .results import Results

        return Jobs(self.store), Results(self.store)

    def _notify(self, name):
        """Wake who waits in this process, when the message is there."""
        if self.watcher.watches(name):
            self._on_commit(self.watcher.notify, name)

    def _on_commit(self, function, *args):
        connection = self.store.connection
        if not (connection.in_atomic_block or connection.get_autocommit()):
            # A transaction that isn't managed here: nobody would be told of its end,
            # and to look too early does no harm.
            function(*args)
            return
        transaction.on_commit(partial(function, *args), using=self.using, robust=True)
