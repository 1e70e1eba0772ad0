"""What the end-to-end tests start things with, and Redis."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from unittest import mock

import django
from django.db import connections

# In seconds. Long, for machines that do much else; nothing waits that long
# unless it fails.
PATIENCE = 60

ROOT = Path(django.__file__).resolve().parent.parent


def missing(what):
    """
    Skip the test, or fail it under continuous integration, where whatever the
    tests need has to be there.
    """
    reason = f"{what} is needed, and isn't here."
    if os.environ.get("CI") == "true":
        raise AssertionError(reason)
    raise unittest.SkipTest(reason)


def enter_for_class(case, context):
    """TestCase.enterClassContext(), on Python 3.10 too."""
    stack = contextlib.ExitStack()
    case.addClassCleanup(stack.close)
    return stack.enter_context(context)


def free_port():
    """
    Return a free port below those that systems give to clients, and to who asks
    for any: one of theirs may be another's before the server has begun to listen.
    No port is returned twice, nor by two processes that run tests side by side.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 30_000)
        if port % SIDES != os.getpid() % SIDES or port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            _given.add(port)
            return port


# The processes of a parallel run are forked one after the other.
SIDES = 8
_given = set()


@contextlib.contextmanager
def without_thread(name):
    """Let no thread of that name be had within the block."""
    start = threading.Thread.start

    def start_others(thread):
        if thread.name == name:
            raise RuntimeError("can't start new thread")
        start(thread)

    with mock.patch.object(threading.Thread, "start", start_others):
        yield


def environment(*folders, **variables):
    """
    Return the environment of an interpreter that the tests start: its imports
    come from this tree and from the folders.
    """
    result = {**os.environ}
    # The settings of the suite that this test runs in.
    result.pop("DJANGO_SETTINGS_MODULE", None)
    # It takes several times as long to compile Django as to import it, which
    # hundreds of processes do.
    result.pop("PYTHONDONTWRITEBYTECODE", None)
    result["PYTHONPATH"] = os.pathsep.join(map(str, [ROOT, *folders]))
    return {**result, **variables}


def open_websocket(url, **options):
    """Connect a client that is as patient as the tests."""
    try:
        from websockets.sync.client import connect
    except ImportError:
        missing("websockets")
    patience = {"open_timeout": PATIENCE, "ping_interval": None, "proxy": None}
    return connect(url, **patience, **options)


def printed_by(code):
    """Return what an interpreter of its own prints that runs this code."""
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def in_thread(function):
    """Return what the function returns in a thread that nobody else has."""
    found = []

    def run():
        try:
            found.append(function())
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(PATIENCE)
    (result,) = found
    return result


def wait_for(condition, what):
    """Return what ``condition()`` returns as soon as it is true."""
    deadline = time.monotonic() + PATIENCE
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {PATIENCE} seconds in vain for {what}.")
        time.sleep(0.02)
    return result


class Server:
    """A process that listens on a free port of 127.0.0.1."""

    launch = staticmethod(subprocess.Popen)

    def start(self, command, name, **options):
        self.name = name
        self.output = tempfile.TemporaryFile()
        self.process = self.launch(
            command, stdout=self.output, stderr=subprocess.STDOUT, **options
        )
        wait_for(self.answers, f"{name} to start")

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} ended at once:\n{self.printed()}")
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def printed(self):
        self.output.seek(0)
        return self.output.read().decode(errors="replace")

    def stop(self):
        """End it as Ctrl-C does, and return its exit status."""
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} did not stop:\n{self.printed()}")
        finally:
            self.output.close()

    def crash(self):
        """End it with no chance to tidy up."""
        self.process.kill()
        self.process.wait()
        self.output.close()


class Redis(Server):
    """A Redis server of the test's own, which keeps nothing."""

    def __enter__(self):
        executable = shutil.which("redis-server") or missing("redis-server")
        self.port = free_port()
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.start([executable, "--port", str(self.port), *options], "redis-server")
        return self

    def __exit__(self, *exc_info):
        self.stop()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"
