"""
Interpreters that the tests start, without most of what a start costs.

That is the import of Django, Twisted and Redis's client, a hundred times: it
was a third of what these tests took. So a process of tests has one interpreter
that has imported them and forks what it's asked for: a process with arguments,
an environment, descriptors and an exit status of its own, in which nothing of
a project is imported yet and no reactor is installed. What that one starts
itself begins with Python, as ever.
"""

import atexit
import inspect
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from .running import environment

FORKER = Path(__file__).with_name("forker.py")


class Interpreter(subprocess.Popen):
    """
    Python with these arguments: a script or -m and a module, and theirs. The
    options are those of Popen that say where it runs, with what, and what its
    files are. How Popen starts a process and waits for its end is in methods of
    its own, which this fills in; the rest is Popen's.
    """

    def _execute_child(self, *args):
        signature = inspect.signature(subprocess.Popen._execute_child)
        given = signature.bind(self, *args).arguments
        files = {number: number for number in (0, 1, 2, *given["pass_fds"])}
        for number, name in enumerate(("p2cread", "c2pwrite", "errwrite")):
            if given[name] != -1:
                files[number] = given[name]
        request = {
            "arguments": [*map(str, given["args"])],
            "environment": given["env"],
            "folder": str(given["cwd"] or os.getcwd()),
            "files": [*files],
            "session": given["start_new_session"],
        }
        self._told = Forker.of_process().fork(request, files.values())
        self.pid = int(self._told.readline())
        self._child_created = True
        pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(given[name] for name in pipes))

    def _try_wait(self, wait_flags):
        # select() knows no descriptor beyond 1023.
        told = select.poll()
        told.register(self._told, select.POLLIN)
        if wait_flags & os.WNOHANG and not told.poll(0):
            return 0, 0
        with self._told:
            return self.pid, int(self._told.read())

    def _internal_poll(self, _deadstate=None):
        with self._waitpid_lock:
            if self.returncode is None:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)
        return self.returncode


class Forker:
    """The process that forks, as a process of tests knows it."""

    _forker = None

    @classmethod
    def of_process(cls):
        if cls._forker is None or cls._forker.pid != os.getpid():
            cls._forker = cls()
        return cls._forker

    def __init__(self):
        self.pid = os.getpid()
        self.lock = threading.Lock()
        self.control, control = socket.socketpair()
        with control:
            self.process = subprocess.Popen(
                [sys.executable, FORKER, str(control.fileno())],
                stdout=subprocess.DEVNULL,
                pass_fds=[control.fileno()],
                env=environment(),
            )
        atexit.register(self.close)

    def fork(self, request, files):
        """Return the file that tells a process's id and, once it ended, how."""
        reading, writing = os.pipe()
        with tempfile.TemporaryFile() as file:
            file.write(json.dumps(request).encode())
            file.seek(0)
            with self.lock:
                sent = [file.fileno(), writing, *files]
                socket.send_fds(self.control, [b"\0"], sent)
        os.close(writing)
        # Unbuffered: what is there to be read is what poll() sees.
        return os.fdopen(reading, "rb", 0)

    def close(self):
        if self.pid == os.getpid():
            self.control.close()
            self.process.wait()
