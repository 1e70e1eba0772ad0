"""
What is behind the backends: private servers, which keep nothing.

They are those of the channels' tests, and serve the project's processes here.
"""

import sys
import time
from contextlib import ExitStack, contextmanager

from ..environment import ROOT

# No channel gets full and no message expires, however slow the machine.
LIMITS = {"CAPACITY": 1_000_000, "EXPIRY": 3600}


# With which Redis loses nothing that it has answered. It says so itself of
# "always" alone: else it may answer first, and write later.
KEEPING = ("--appendonly", "yes", "--appendfsync", "always")


class ServerFailed(Exception):
    """Raised when a server can't be had."""


class RedisServer:
    """A Redis server. ``node`` is its process, to be stopped and started."""

    title = "Redis"
    # The apps that the project needs besides its own, and the commands of its
    # manage.py to begin with.
    apps = ()
    commands = ()
    # The project's database where it's not a SQLite file of its own.
    database = None
    backend = "django.channels.backends.redis.RedisChannelBackend"

    def __init__(self):
        from channels_tests.backends.redis_servers import Node, redis_executable

        self.node = Node(redis_executable())

    @contextmanager
    def running(self):
        with self.node:
            yield self

    @property
    def location(self):
        return self.node.url

    def channel_backends(self, options):
        """The setting CHANNEL_BACKENDS of those that use it."""
        return channel_backends(self.backend, self.location, options)

    def restart(self, seconds, kept):
        """
        Kill it, and start it again after so many seconds. Say whether what it
        has from then on is ``kept`` on its disk for the next time.
        """
        self.node.crash()
        time.sleep(seconds)
        self.node.options = KEEPING if kept else ()
        self.node.serve()

    def be_silent(self, seconds):
        """Have it answer nothing: it is stopped with SIGSTOP meanwhile."""
        with self.node.stuck():
            time.sleep(seconds)

    def connections(self):
        """Return how many clients are connected, besides this one."""
        return self.node.connections()

    def version(self):
        return self.node.command("INFO", "server")["redis_version"]


class DatabaseServer:
    """A database: a file of SQLite's, or a server with one."""

    apps = ("django.channels.backends.database",)
    commands = (["migrate", "--verbosity", "0"],)
    backend = "django.channels.backends.database.DatabaseChannelBackend"

    def __init__(self):
        from channels_tests.backends import databases

        self.service = getattr(databases, self.title)()

    @contextmanager
    def running(self):
        with self.service as settings:
            self.database = {**settings, "NAME": str(settings["NAME"])}
            yield self

    def channel_backends(self, options):
        return channel_backends(self.backend, "default", options)


class SQLite(DatabaseServer):
    title = "SQLite"

    def connections(self):
        """Return 0: they're files, which count as descriptors."""
        return 0

    def version(self):
        import sqlite3

        return sqlite3.sqlite_version


class PostgreSQL(DatabaseServer):
    title = "PostgreSQL"

    def connections(self):
        counted = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = %s"
        return self.ask(counted, "client backend") - 1

    def version(self):
        return self.ask("SELECT current_setting(%s)", "server_version").split()[0]

    def ask(self, query, *params):
        import psycopg

        names = {"dbname": "NAME", "user": "USER", "host": "HOST"}
        options = {name: self.database[key] for name, key in names.items()}
        with psycopg.connect(**options) as connection:
            return connection.execute(query, params).fetchone()[0]


class MariaDB(DatabaseServer):
    title = "MariaDB"

    def connections(self):
        return int(self.ask("SHOW STATUS LIKE 'Threads_connected'")[1]) - 1

    def version(self):
        return self.ask("SELECT version()")[0].partition("-")[0]

    def ask(self, query):
        import MySQLdb

        names = {"db": "NAME", "user": "USER", "unix_socket": "HOST"}
        options = {name: self.database[key] for name, key in names.items()}
        connection = MySQLdb.connect(**options)
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchone()
        finally:
            connection.close()


def channel_backends(backend, location, options):
    params = {"BACKEND": backend, "LOCATION": location, **LIMITS, "OPTIONS": options}
    return {"default": params}


BACKENDS = {
    "redis": RedisServer,
    "sqlite": SQLite,
    "postgresql": PostgreSQL,
    "mariadb": MariaDB,
}


@contextmanager
def make_server(name):
    """
    Yield what is behind a backend, running. Raise ServerFailed where it can't
    be had; where it isn't installed that's SkipTest, unless under CI.
    """
    if str(ROOT / "tests") not in sys.path:
        sys.path.append(str(ROOT / "tests"))
    with ExitStack() as stack:
        try:
            server = stack.enter_context(BACKENDS[name]().running())
        except AssertionError as error:
            raise ServerFailed(str(error)) from error
        yield server
