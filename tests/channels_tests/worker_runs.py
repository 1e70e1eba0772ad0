"""``manage.py runworker`` as the tests start it."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

from .interpreters import Interpreter
from .running import PATIENCE, environment

PROJECT = Path(__file__).resolve().parent / "jobs_project"


class WorkerRun:
    """
    The command, on a copy of the project of jobs, in a process group of its
    own. What it and its children print is read line by line.
    """

    def __init__(self, redis_url, *arguments, folders=(), **variables):
        self.redis_url = redis_url
        self.arguments = arguments
        self.folders = folders
        self.variables = variables
        self.lines = []
        self._changed = threading.Condition()
        self._closed = False

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp())
        shutil.copytree(
            PROJECT,
            self.folder,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(str(self.folder / "notices"))
        self.notices.settimeout(PATIENCE)
        variables = {
            "JOBS_REDIS_URL": self.redis_url,
            "NOTIFY_SOCKET": str(self.folder / "notices"),
            **self.variables,
        }
        self.process = Interpreter(
            ["manage.py", "runworker", *self.arguments],
            cwd=self.folder,
            env=environment(*self.folders, **variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *exc_info):
        # Children end with their parent.
        self.process.kill()
        self.process.wait()
        self._reader.join(PATIENCE)
        self.notices.close()
        shutil.rmtree(self.folder)

    def _read(self):
        with self.process.stdout as output:
            for line in output:
                self._add(line.rstrip())
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _add(self, line):
        with self._changed:
            self.lines.append(line)
            self._changed.notify_all()

    def seen(self, text, times=1, timeout=PATIENCE):
        """Return whether so many lines with the text are printed in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.count(text) >= times, timeout)

    def wait_for(self, text, times=1):
        if not self.seen(text, times):
            raise AssertionError(f"There is no line {text!r}:\n{self.printed()}")

    def count(self, text):
        return sum(text in line for line in self.lines)

    def printed(self):
        return "\n".join(self.lines)

    def wait_for_notice(self):
        """Return what the service manager is told next."""
        return self.notices.recv(100).decode()

    def signal(self, number):
        self.process.send_signal(number)

    def signal_group(self, number):
        """Do what a terminal does at Ctrl-C."""
        os.killpg(self.process.pid, number)

    def status(self):
        """Return the exit status, once it has ended with all its children."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._closed, PATIENCE):
                raise AssertionError(f"It goes on:\n{self.printed()}")
        return self.process.wait(PATIENCE)

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.status()
