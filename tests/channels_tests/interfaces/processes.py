"""The commands of the project in ``served``, in processes of their own."""

import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import channels_tests
from channels_tests.interpreters import Interpreter
from channels_tests.running import PATIENCE, environment, wait_for

TESTS = Path(channels_tests.__file__).resolve().parent.parent


class Command:
    """
    A management command of the project, from when it has printed that it's
    ready until the ``with`` block's end. ``lines`` is what it has printed.
    """

    def __init__(self, *arguments, redis=None, **options):
        variables = {
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "channels_tests.interfaces.served.settings",
            **options.pop("environment", {}),
        }
        if redis is not None:
            variables["SERVED_REDIS"] = redis
        self.environment = environment(TESTS, *sys.path, **variables)
        self.arguments = arguments
        self.options = options
        self.lines = []

    def __enter__(self):
        self.process = Interpreter(
            ["-m", "django", *self.arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **self.options,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            wait_for(self._is_ready, f"{self.arguments} to be ready")
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *exc_info):
        if self.process.poll() is None:
            self.stop()
        self._finish()

    def stop(self, number=signal.SIGTERM):
        """End it in good order, and return its exit status."""
        self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.arguments} did not stop:\n{self.printed}")

    def kill(self):
        self.process.kill()
        self._finish()

    @property
    def printed(self):
        return "".join(self.lines)

    @property
    def port(self):
        """The first TCP port that it said it listens on."""
        return int(re.search(r"//[^/ ]*:(\d+)/", self.printed)[1])

    def _is_ready(self):
        if self.process.poll() is not None:
            self._reader.join()
            raise AssertionError(f"{self.arguments} ended:\n{self.printed}")
        return re.search(r"^(Serving|Worker ready)", self.printed, re.M)

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def _finish(self):
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()
