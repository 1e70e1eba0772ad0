"""A site: the processes that one script starts, on the project."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from ..environment import ROOT
from ..process import log_file, tail
from .processes import InterfaceServer, Process, ProcessFailed, Worker

PROJECT = Path(__file__).resolve().parent / "project"

# In seconds: how long there may be no progress before nothing more is expected.
STALL = 30


class Site:
    """
    Processes that share a server. What those of the project note is in
    ``folder``: a file for each kind of note and each thread, a line for each
    message. ``options`` are those of the channel backend.
    """

    def __init__(self, server, options=None):
        self.server = server
        self.options = options or {}
        self._sender = None

    def __enter__(self):
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(TemporaryDirectory()))
            self.log = stack.enter_context(log_file())
            self.stack = stack.pop_all()
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "settings",
            "FAULTS_APPS": json.dumps(self.server.apps),
            "FAULTS_CHANNEL_BACKENDS": json.dumps(
                self.server.channel_backends(self.options)
            ),
            "FAULTS_DATABASE": json.dumps(self.server.database),
            "FAULTS_FOLDER": str(self.folder),
            # A crash isn't silent then, and SIGABRT shows what threads do.
            "PYTHONFAULTHANDLER": "1",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
        }
        try:
            for command in self.server.commands:
                self.run(*command)
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *exc_info):
        self.stack.close()

    def connect_to(self, location):
        """Have processes from now on find the server of the channels there."""
        backends = self.server.channel_backends(self.options)
        backends["default"]["LOCATION"] = location
        self.environment["FAULTS_CHANNEL_BACKENDS"] = json.dumps(backends)

    def manage(self, *arguments):
        """Return the command, and how it's started."""
        command = [sys.executable, "manage.py", *map(str, arguments)]
        return command, {"cwd": PROJECT, "env": self.environment}

    def run(self, *arguments):
        """Run a command of the project's to its end."""
        command, options = self.manage(*arguments)
        status = subprocess.run(command, stderr=self.log, **options).returncode
        if status:
            raise ProcessFailed(
                f"{arguments[0]} failed with status {status}.\n{tail(self.log)}"
            )

    def start(self, *arguments):
        """
        Start a command of the project's that is told what to do, line by line;
        return it once it's ready.
        """
        (process,) = self._ready([Process(self, *arguments)])
        return process

    def start_workers(self, number, *arguments):
        """Start as many ``runworker``, and return them once all are ready."""
        return self._ready([Worker(self, *arguments) for _ in range(number)])

    def start_servers(self, number, *arguments):
        """Do the same with ``runwsserver``; by default no consumer runs there."""
        arguments = arguments or ["--no-worker"]
        return self._ready([InterfaceServer(self, *arguments) for _ in range(number)])

    def _ready(self, processes):
        for process in processes:
            process.wait_until_ready()
        return processes

    def send(self, first, number, *channels):
        """
        Send messages numbered from ``first``, on channels that take turns;
        return when they're sent.
        """
        if self._sender is None:
            self._sender = self.start("send_jobs")
        self._sender.ask(first, number, *channels)

    def stop_sender(self):
        """End the process that send() has started."""
        self._sender.stop()
        self._sender = None

    def notes(self, kind):
        """Return the numbers noted, in order, by process id and thread id."""
        return {
            tuple(map(int, file.name.split("-")[1:])): [
                int(line) for line in file.read_text().splitlines()
            ]
            for file in self.folder.glob(f"{kind}-*")
        }

    def count(self, kind):
        """Return how many notes of the kind there are."""
        files = self.folder.glob(f"{kind}-*")
        return sum(file.read_bytes().count(b"\n") for file in files)

    def handled(self):
        """Return the numbers of the messages that each process handled."""
        shares = {}
        for (pid, _), numbers in sorted(self.notes("handled").items()):
            shares.setdefault(pid, []).extend(numbers)
        return list(shares.values())

    def times_handled(self):
        """Return how often each message was handled, by number."""
        return Counter(number for share in self.handled() for number in share)

    def wait_until_handled(self, number):
        """
        Return when so many are handled, or when nothing happens any more.
        """
        self.wait_until(lambda known: known >= number)

    def wait_until(self, condition):
        """
        Return whether ``condition()``, given how many messages are handled,
        gets true while there is progress.
        """
        known, deadline = -1, time.monotonic() + STALL
        while not condition(now := self.count("handled")):
            if now != known:
                known, deadline = now, time.monotonic() + STALL
            elif time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True
