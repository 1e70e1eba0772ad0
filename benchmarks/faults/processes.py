"""The processes of a site."""

import re
import signal
import threading

import psutil

from ..process import PIPE, started, tail

# In seconds. How long a process may take to start, to answer or to end.
PATIENCE = 120


class ProcessFailed(Exception):
    """Raised when a process of the site doesn't do what it should."""


class Process:
    """A command of the project's, which ends with the site at the latest."""

    # What a line begins with that says that it's ready.
    ready = "Ready"

    def __init__(self, site, *arguments):
        self.site = site
        self.name = arguments[0]
        self.ready_line = ""
        command, options = site.manage(*arguments)
        self.process = site.stack.enter_context(
            started(command, site.log, stdin=PIPE, stdout=PIPE, text=True, **options)
        )

    def wait_until_ready(self):
        """Return when it has said that it's ready."""
        while not self.ready_line.startswith(self.ready):
            self.ready_line = self.read()

    def read(self):
        """Return the next line that it prints."""
        # A process that says nothing is ended, so that its output is.
        timer = threading.Timer(PATIENCE, self.abort)
        timer.start()
        try:
            line = self.process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            status = self.process.wait(PATIENCE)
            raise self.failure(f"{self.name} ended with status {status}.")
        return line

    def ask(self, *words):
        """Have it do what a line with these words says; return its answer."""
        self.tell(*words)
        return self.read()

    def tell(self, *words):
        print(*words, file=self.process.stdin, flush=True)

    @property
    def pid(self):
        return self.process.pid

    @property
    def is_alive(self):
        return self.process.poll() is None

    def stop(self):
        """Stop it in good order, and return its exit status."""
        return self.end(signal.SIGTERM)

    def kill(self):
        """End it with no chance to tidy up."""
        return self.end(signal.SIGKILL)

    def end(self, number):
        self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE)
        except psutil.TimeoutExpired:
            self.abort()
            self.process.wait(PATIENCE)
            raise self.failure(f"{self.name} doesn't end.") from None

    def abort(self):
        """End it, and have it say where it was."""
        self.process.send_signal(signal.SIGABRT)

    def failure(self, what):
        """Return an error that says ``what``, and the processes' last lines."""
        return ProcessFailed(f"{what}\n{tail(self.site.log, lines=100)}")


class Worker(Process):
    """A ``runworker``."""

    ready = "Worker ready: "

    def __init__(self, site, *arguments):
        super().__init__(site, "runworker", *arguments)


class InterfaceServer(Process):
    """A ``runwsserver``, on a free port."""

    ready = "Serving "

    def __init__(self, site, *arguments):
        super().__init__(site, "runwsserver", *arguments, "127.0.0.1:0")

    @property
    def port(self):
        return int(re.search(r"//[^/ ]*:(\d+)/", self.ready_line)[1])

    @property
    def url(self):
        """Where its sockets are."""
        return f"ws://127.0.0.1:{self.port}/"
