"""A site: the processes that one script starts, on the project."""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from ..environment import ROOT
from ..process import PIPE, log_file, started, tail

PROJECT = Path(__file__).resolve().parent / "project"

# In seconds. How long a process may take to start or end, and how long there
# may be no progress before nothing more is expected.
PATIENCE = 120
STALL = 30


class SiteFailed(Exception):
    """Raised when a process of the site doesn't do what it should."""


class Site:
    """
    Processes that share a server. What the jobs of the project note is in
    ``folder``: a file for each process, a line for each message.
    """

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(TemporaryDirectory()))
            self.log = stack.enter_context(log_file())
            self.stack = stack.pop_all()
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "settings",
            "FAULTS_APPS": json.dumps(self.server.apps),
            "FAULTS_CHANNEL_BACKENDS": json.dumps(self.server.channel_backends),
            "FAULTS_FOLDER": str(self.folder),
            "PYTHONPATH": str(ROOT),
        }
        for command in self.server.commands:
            self.run(*command)
        return self

    def __exit__(self, *exc_info):
        self.stack.close()

    def manage(self, *arguments):
        """Return the command, and how it's started."""
        command = [sys.executable, "manage.py", *map(str, arguments)]
        return command, {"cwd": PROJECT, "env": self.environment}

    def run(self, *arguments):
        """Run a command of the project's to its end."""
        command, options = self.manage(*arguments)
        if subprocess.run(command, stderr=self.log, **options).returncode:
            raise SiteFailed(f"{arguments[0]} failed.\n{tail(self.log)}")

    def start_workers(self, number, *arguments):
        """Start as many ``runworker``, and return them once all are ready."""
        workers = [Worker(self, *arguments) for _ in range(number)]
        for worker in workers:
            worker.wait_until_ready()
        return workers

    def send(self, first, number, *channels):
        """
        Send messages numbered from ``first``, on channels that take turns;
        return when they're sent.
        """
        self.run("send_jobs", first, number, *channels)

    def handled(self):
        """Return the numbers of the messages that each process handled."""
        return [
            [int(line) for line in file.read_text().splitlines()]
            for file in sorted(self.folder.glob("handled-*"))
        ]

    def wait_until_handled(self, number):
        """Return when so many are handled, or when nothing happens any more."""
        known, deadline = -1, time.monotonic() + STALL
        while known < number and time.monotonic() < deadline:
            time.sleep(0.1)
            now = sum(
                file.read_bytes().count(b"\n") for file in self.folder.glob("handled-*")
            )
            if now != known:
                known, deadline = now, time.monotonic() + STALL


class Worker:
    """A ``runworker`` of a site's, with its processes."""

    def __init__(self, site, *arguments):
        self.site = site
        command, options = site.manage("runworker", *arguments)
        self.process = site.stack.enter_context(
            started(command, site.log, stdout=PIPE, text=True, **options)
        )

    def wait_until_ready(self):
        # A process that says nothing is ended, so that its output is.
        timer = threading.Timer(PATIENCE, self.process.kill)
        timer.start()
        ready = any(line.startswith("Worker ready: ") for line in self.process.stdout)
        timer.cancel()
        if not ready:
            raise SiteFailed(f"A worker doesn't start.\n{tail(self.site.log)}")

    def stop(self):
        """Stop it in good order, and return its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        except psutil.TimeoutExpired:
            raise SiteFailed(f"A worker doesn't stop.\n{tail(self.site.log)}") from None
