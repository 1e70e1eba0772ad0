"""What goes wrong with the database, as errors of a channel backend."""

from contextlib import contextmanager

from django.channels.backends.shared_store import Busy
from django.channels.exceptions import BackendUnavailable
from django.db import (
    DatabaseError,
    Error,
    InterfaceError,
    InternalError,
    OperationalError,
    transaction,
)

# The codes of MySQL and MariaDB.
LOCK_WAIT_TIMEOUT, DEADLOCK = 1205, 1213


class DatabaseFailures:
    """The part of DatabaseChannelBackend that explains what happened."""

    def describe(self, error):
        """Return a text for the log, of one line, about a database's error."""
        explained = self._explained(error, self.store.connection.connection is None)
        if explained is not error:
            return str(explained)
        # Not the error's text, which may quote what is in a row.
        return f"{self}: {type(error).__name__} on the {self.store_name}."

    @contextmanager
    def _reaching(self, connect=True):
        """
        Raise errors of the database as those of a channel backend. What isn't
        for this thread's connection needs none, and may be on an event loop.
        """
        connected = not connect
        try:
            if connect:
                self.store.connection.ensure_connection()
                connected = True
            with transaction.mark_for_rollback_on_error(self.using):
                yield
        except Error as error:
            explained = self._explained(error, unsent=not connected)
            # Threads that have none but ours to look after it try again.
            self.store.release()
            if explained is error:
                raise
            raise explained from error

    def _explained(self, error, unsent=False):
        # Not where no connection was to be had: to try again takes as long again.
        if not unsent and isinstance(error, Error) and not self.store.has_tables():
            return self._invalid(
                f"the tables aren't in the database {self.using!r}. Run "
                f"manage.py migrate --database={self.using}."
            )
        if is_read_only(error):
            return BackendUnavailable(
                f"{self}: the {self.store_name} can't be written. Has another server "
                f"become the primary? The connection is to one that only reads. Or "
                f"may this process not write SQLite's file, and in its folder?",
                unsent=True,
            )
        # A lost connection is a bare DatabaseError of psycopg2's.
        if type(error) in (OperationalError, InterfaceError, DatabaseError):
            if is_busy(error):
                return Busy(
                    f"{self}: the {self.store_name} stayed locked by other changes. "
                    f"Keep transactions short, or let it wait longer for a lock.",
                    unsent=True,
                )
            if is_full(error):
                return BackendUnavailable(
                    f"{self}: the {self.store_name} is full, and nothing was written. "
                    f"Make room on its disk, or raise its limit.",
                    unsent=True,
                )
            if type(error.__cause__).__name__ == "PoolTimeout":
                return BackendUnavailable(
                    f"{self}: the pool of the {self.store_name} had no connection to "
                    f"give. Raise its max_size: a process needs one for each thread "
                    f"of a worker, and up to four more, an interface server eight.",
                    unsent=True,
                )
            return self._unavailable(f"{type(error).__name__}.", unsent)
        return error


def is_busy(error):
    """
    Tell whether the database is well, and only let go of a change that waited
    for another's, too long or in a circle. Nothing of it was written.
    """
    # SQLite; MySQL and MariaDB, by their codes; PostgreSQL, by psycopg's classes.
    return (
        "is locked" in str(error)
        or error.args[:1] in [(LOCK_WAIT_TIMEOUT,), (DEADLOCK,)]
        or type(error.__cause__).__name__ in ("LockNotAvailable", "DeadlockDetected")
    )


def is_read_only(error):
    """Tell whether no changes are taken, as a standby doesn't."""
    # PostgreSQL; MySQL, MariaDB; SQLite.
    return isinstance(error, (InternalError, OperationalError)) and any(
        words in str(error) for words in ("read-only", "readonly database")
    )


def is_full(error):
    """Tell whether there was no room for a change, of which nothing was made."""
    # SQLite, MySQL, MariaDB; PostgreSQL; MySQL.
    return any(
        words in str(error) for words in ("is full", "No space left", "Disk full")
    )
