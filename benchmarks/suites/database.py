"""The databases that the suites run on."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from ..environment import install_package
from ..process import STOP_SECONDS, log_file, signal_group, started, tail
from .ending import Ending

USER = "django"
# Who runs the server where this is root, which PostgreSQL refuses.
SERVER_USERS = ("postgres", "nobody")
# Nothing of it has to outlive the run.
OPTIONS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}
START_SECONDS = 60
POLL_SECONDS = 0.1


class DatabaseFailed(Exception):
    """Raised when there is no database to run on; says what to do about it."""


class SQLite:
    """In memory, as upstream's tests/test_sqlite.py has it."""

    name, title = "sqlite", "SQLite"

    def prepare(self):
        pass

    def version(self):
        import sqlite3

        return sqlite3.sqlite_version

    @contextmanager
    def running(self, share):
        """Yield a suite's variables, and no server's end."""
        yield {}, None


class PostgreSQL:
    """A server of its own for each suite, behind a socket in a new folder."""

    name, title = "postgresql", "PostgreSQL"

    def prepare(self):
        if not self.programs():
            install_package("postgresql")
        if not self.programs():
            raise DatabaseFailed(
                "PostgreSQL's server is missing: install it with the system's "
                "package manager ('sudo apt-get install postgresql') and run this "
                "again, or run on SQLite."
            )

    def programs(self):
        """Return the folder of the newest server's programs, or None."""
        folders = Path("/usr/lib/postgresql").glob("*/bin")
        found = [folder for folder in folders if (folder / "initdb").exists()]
        if found:
            return max(found, key=lambda folder: float(folder.parent.name))
        initdb = shutil.which("initdb")
        return initdb and Path(initdb).resolve().parent

    def version(self):
        command = [self.programs() / "postgres", "--version"]
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        return run.stdout.split()[2]

    @contextmanager
    def running(self, share):
        """
        Yield a suite's variables, and the server's end.

        The server has the suite's share of the cores, and is over at the end.
        """
        owner = server_user()
        with folder_of(owner) as folder, log_file() as log:
            options = {"stdout": log, "cwd": folder, **owner}
            self.create(folder / "data", stderr=log, **options)
            command = [self.programs() / "postgres", "-D", folder / "data"]
            command += ["-k", folder]
            for name, value in OPTIONS.items():
                command += ["-c", f"{name}={value}"]
            with started(share.pin(command), log, **options) as process:
                ending = Ending(process)
                try:
                    self.wait(folder, ending, log)
                    yield {"SUITE_SOCKET": str(folder)}, ending
                finally:
                    # To started()'s signal it would wait for its clients.
                    signal_group(process, signal.SIGINT)
                    ending.wait(STOP_SECONDS)

    def create(self, data, **options):
        """Make the files of a server, whose superuser is USER."""
        command = [self.programs() / "initdb", "--pgdata", data, "--username", USER]
        command += ["--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8"]
        if subprocess.run([*command, "--no-sync"], **options).returncode:
            raise DatabaseFailed(f"initdb failed.\n{tail(options['stdout'])}")

    def wait(self, folder, ending, log):
        """Wait until the server answers."""
        command = [self.programs() / "pg_isready", "--quiet", "--host", folder]
        deadline = time.monotonic() + START_SECONDS
        while subprocess.run(command).returncode:
            if ending.wait(POLL_SECONDS) or time.monotonic() > deadline:
                raise DatabaseFailed(f"PostgreSQL doesn't answer.\n{tail(log)}")


def server_user():
    """Return a process's options that make it nobody's with rights."""
    if os.geteuid():
        return {}
    for name in SERVER_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise DatabaseFailed(
        f"PostgreSQL refuses to be run by root, and there is no user "
        f"{' or '.join(SERVER_USERS)}: add one, or don't run this as root."
    )


@contextmanager
def folder_of(owner):
    """Yield a new folder of the server's user, where all find its socket."""
    with tempfile.TemporaryDirectory(prefix="postgresql-") as name:
        if owner:
            os.chown(name, owner["user"], owner["group"])
        os.chmod(name, 0o755)
        yield Path(name)


DATABASES = {database.name: database for database in (SQLite(), PostgreSQL())}
