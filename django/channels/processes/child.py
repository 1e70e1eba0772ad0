"""A process of a supervisor's, as the supervisor sees it."""

import os
import signal
import subprocess
import threading
from time import monotonic

from . import parent, readiness
from .exits import IN_ORDER

# The kinds of events; the value is the Child.
READY = "ready"
ENDED = "ended"

# How long it may take to read that a process was ready which has ended, in
# seconds.
READY_PATIENCE = 1


class Child:
    """
    A process that runs ``command``, and puts two of the ``events``: READY when
    it does its work, ENDED when it has ended. Raise OSError where none can be
    started. ``kind`` is the word for what it is, such as "worker"; it inherits
    the ``descriptors`` of files.

    The command is run anew, as the reloader of ``runserver`` does it, rather
    than forked: a forked process has one of the parent's threads and all of
    its locks, shares its sockets, and isn't to be had on Windows. It's the
    whole command line, and not a function for ``multiprocessing`` to import,
    so that whatever the project's ``manage.py`` does is done there, too.

    The process is in a session of its own (on Windows: a group), so that a
    Ctrl-C in the terminal reaches the supervisor alone.
    """

    def __init__(self, command, kind, number, events, descriptors=()):
        self.kind = kind
        self.number = number
        self.ready = False
        self.started = monotonic()
        self._events = events
        if os.name == "nt":
            # Descriptors aren't passed on: a process counts as ready.
            self.process = _start(
                command,
                f"{number}::",
                creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,
            )
            events.put(READY, self)
            self._run_thread(self._watch_end)
        else:
            told = self._start_with_pipe(command, descriptors)
            self._run_thread(self._watch_end, told)

    def _start_with_pipe(self, command, descriptors):
        ready_pipe, theirs = os.pipe()
        inherited = ",".join(map(str, descriptors))
        try:
            self.process = _start(
                command,
                f"{self.number}:{theirs}:{inherited}",
                pass_fds=[theirs, *descriptors],
                start_new_session=True,
            )
        except BaseException:
            os.close(ready_pipe)
            raise
        finally:
            os.close(theirs)
        return self._run_thread(self._watch_ready, ready_pipe)

    def _run_thread(self, target, *args):
        thread = threading.Thread(
            target=target, args=args, name=f"channels-child-{self.number}", daemon=True
        )
        thread.start()
        return thread

    def _watch_ready(self, ready_pipe):
        with open(ready_pipe, "rb") as pipe:
            if pipe.read(1):
                self._events.put(READY, self)

    def _watch_end(self, told=None):
        self.process.wait()
        if told is not None:
            # It may have been ready just before. The pipe has an end then, unless
            # a copy that the process has forked keeps it open.
            told.join(READY_PATIENCE)
        self._events.put(ENDED, self)

    def stop(self):
        """Have it end in good order; return at once."""
        self.process.stdin.close()

    def kill(self):
        """End it at once, and return when it has ended."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()

    @property
    def status(self):
        """How it ended, as subprocess has it."""
        return self.process.returncode

    @property
    def in_order(self):
        """Whether it was ready, and ended since it was to. See Parent.end()."""
        return self.ready and self.status == IN_ORDER

    @property
    def ending(self):
        """How it ended, in words."""
        if self.status >= 0:
            return f"exit status {self.status}"
        try:
            return f"signal {-self.status} ({signal.Signals(-self.status).name})"
        except ValueError:
            return f"signal {-self.status}"

    def __str__(self):
        process = f"{self.kind} process {self.number} (pid {self.process.pid})"
        return process.capitalize()


def occupy_standard_files():
    """
    Open those of this process that are closed: what it opens next would be
    there instead, and couldn't be passed on to a Child, which has its own.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)


def _start(command, value, **options):
    environment = {**os.environ, parent.VARIABLE: value}
    # The supervisor speaks for the whole service.
    environment.pop(readiness.VARIABLE, None)
    return subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, **options)
