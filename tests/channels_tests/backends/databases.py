"""Databases of the tests' own: a SQLite file, and servers that are started."""

import os
import shutil
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.test import SimpleTestCase, override_settings

from ..running import PATIENCE, enter_for_class, missing, wait_for

APP = "django.channels.backends.database"

# The alias of the database, in the tests and in the processes they start.
ALIAS = "channels"


class Database:
    """
    A database, as a context that yields its settings for DATABASES. What it
    needs is in a folder that is gone at the end.
    """

    # Where the folder is made; None for where the tests' own are.
    parent = None

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(dir=self.parent))
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, *exc_info):
        try:
            self.stop()
        finally:
            self.remove()

    def stop(self):
        pass

    def remove(self):
        shutil.rmtree(self.folder)


class SQLite(Database):
    def start(self):
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": self.folder / "db.sqlite3",
            "OPTIONS": {
                "timeout": PATIENCE,
                "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF",
            },
        }


class Service(Database):
    """A database server of the tests' own, which keeps nothing."""

    # The tests' own folder can be closed to that user, and too deep for the path
    # of a socket.
    parent = "/tmp"

    # Who runs it where the tests run as root, which the servers refuse.
    user = "nobody" if os.name == "posix" and os.geteuid() == 0 else None

    def start(self):
        if self.user is not None:
            # Theirs and ours: root may have no more rights than its group.
            shutil.chown(self.folder, self.user, os.getgid())
            self.folder.chmod(0o775)
        self.prepare()
        self.restart()
        return self.settings()

    def restart(self):
        self.process = self.popen(self.command())
        try:
            wait_for(self.answers, type(self).__name__)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def stop(self):
        self.process.send_signal(self.stop_signal)
        self.process.wait(PATIENCE)

    def remove(self):
        if self.user is not None:
            # What the server has made is closed to others.
            command = ["find", str(self.folder), "-mindepth", "1", "-delete"]
            subprocess.run(command, cwd="/", user=self.user, check=True)
        super().remove()

    def run(self, *command):
        process = self.popen(command)
        if process.wait(PATIENCE):
            raise AssertionError(self.printed())

    def popen(self, command):
        with open(self.folder / "log", "wb") as log:
            return subprocess.Popen(
                command,
                cwd=self.folder,
                env={**os.environ, "TMPDIR": str(self.folder)},
                user=self.user,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def printed(self):
        return (self.folder / "log").read_text(errors="replace")

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(self.printed())
        return self.ready in self.printed()


class PostgreSQL(Service):
    stop_signal = signal.SIGINT
    ready = "ready to accept connections"

    def executable(self, name):
        # Debian keeps the server's programs out of the PATH.
        folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        path = os.pathsep.join([os.environ["PATH"], *map(str, folders)])
        return shutil.which(name, path=path) or missing("PostgreSQL")

    def prepare(self):
        self.run(
            self.executable("initdb"),
            *("--pgdata", self.folder / "data", "--username", "django"),
            *("--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync"),
        )

    def command(self):
        return [
            self.executable("postgres"),
            *("-D", self.folder / "data", "-k", self.folder),
            *("-c", "listen_addresses=", "-c", "fsync=off"),
        ]

    def crash(self):
        """End all sessions, and tidy up at the next start."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(PATIENCE)

    def settings(self):
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "USER": "django",
            "HOST": str(self.folder),
            "CONN_MAX_AGE": None,
        }


class MariaDB(Service):
    stop_signal = signal.SIGTERM
    ready = "ready for connections"

    def executable(self, name):
        path = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
        return shutil.which(name, path=path) or missing("MariaDB")

    def prepare(self):
        if find_spec("MySQLdb") is None:
            missing("mysqlclient")
        self.run(
            self.executable("mariadb-install-db"),
            *("--no-defaults", f"--datadir={self.folder / 'data'}"),
            *("--skip-test-db", "--auth-root-authentication-method=normal"),
        )
        (self.folder / "init.sql").write_text(
            "CREATE DATABASE channels CHARACTER SET utf8mb4;"
        )

    def command(self):
        return [
            self.executable("mariadbd"),
            "--no-defaults",
            f"--datadir={self.folder / 'data'}",
            f"--socket={self.folder / 'socket'}",
            f"--init-file={self.folder / 'init.sql'}",
            f"--pid-file={self.folder / 'pid'}",
            *("--skip-networking", "--innodb-flush-log-at-trx-commit=0"),
        ]

    def settings(self):
        return {
            "ENGINE": "django.db.backends.mysql",
            "NAME": "channels",
            "USER": "root",
            "HOST": str(self.folder / "socket"),
            "CONN_MAX_AGE": None,
        }


class DatabaseTestCase(SimpleTestCase):
    """
    Tests with a database of their own, ``ALIAS``, in which the channels'
    tables are.
    """

    database = SQLite
    migrated = True

    @classmethod
    def setUpClass(cls):
        cls.service = cls.database()
        cls.database_settings = enter_for_class(cls, cls.service)
        add_connection(cls.database_settings)
        cls.addClassCleanup(remove_connection)
        # Not before: the test runner looks for it.
        cls.databases = {ALIAS}
        super().setUpClass()
        apps = [*settings.INSTALLED_APPS, APP]
        enter_for_class(cls, override_settings(INSTALLED_APPS=apps))
        if not cls.migrated:
            return
        # Not the command: it wants the tables of other apps, too.
        executor = MigrationExecutor(connections[ALIAS])
        executor.migrate(executor.loader.graph.leaf_nodes("django_channels"))


def add_connection(database_settings):
    given = {DEFAULT_DB_ALIAS: settings.DATABASES[DEFAULT_DB_ALIAS]}
    given[ALIAS] = database_settings
    connections.databases[ALIAS] = connections.configure_settings(given)[ALIAS]


def remove_connection():
    connections[ALIAS].close()
    del connections[ALIAS]
    del connections.databases[ALIAS]
