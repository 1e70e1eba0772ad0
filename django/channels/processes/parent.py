"""The supervisor, as a process that it started sees it."""

import multiprocessing
import os
import sys
import threading

from .exits import IN_ORDER

# Its presence tells a process that a supervisor started it. The value, with
# colons between: the process's number, from 0; the descriptor to tell that it's
# ready, or nothing where descriptors aren't passed on; others that are passed
# on, separated by commas.
VARIABLE = "DJANGO_CHANNELS_CHILD"

STDIN = 0


class Parent:
    """
    The supervisor that started this process, and the ``descriptors`` of files
    that this process has from it.

    The standard input is a pipe whose other end it alone holds. That end is
    closed when this process shall stop, and also when the supervisor has died,
    by whatever means: so no process is left behind on any system.
    """

    # That of this process, once it's found.
    current = None

    def __init__(self, number, ready_pipe, descriptors, lifeline):
        self.number = number
        self.descriptors = descriptors
        self._ready_pipe = ready_pipe
        self._lifeline = lifeline

    @classmethod
    def find(cls, kind):
        """
        Return the parent of this process, or None. Works once.

        A process that has one is called by its ``kind`` and number, such as
        "worker-0", which is the ``processName`` of what it logs.
        """
        # What this process starts has another parent.
        value = os.environ.pop(VARIABLE, None)
        if value is None:
            return None
        number, ready_pipe, passed_on = value.split(":")
        ready_pipe = int(ready_pipe) if ready_pipe else None
        descriptors = [int(each) for each in passed_on.split(",") if each]
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        if ready_pipe is not None:
            os.set_inheritable(ready_pipe, False)
        multiprocessing.current_process().name = f"{kind}-{number}"
        lifeline = os.dup(STDIN)
        with open(os.devnull) as nothing:
            os.dup2(nothing.fileno(), STDIN)
        Parent.current = cls(int(number), ready_pipe, descriptors, lifeline)
        return Parent.current

    def tell_ready(self):
        """Tell the supervisor that this process does its work."""
        pipe, self._ready_pipe = self._ready_pipe, None
        if pipe is None:
            return
        try:
            os.write(pipe, b"1")
        except OSError:
            # It has died, which watch() notices.
            pass
        finally:
            os.close(pipe)

    def end(self):
        """End this process, as one that has finished all that it had to do."""
        sys.exit(IN_ORDER)

    def watch(self, gone):
        """Call ``gone()``, in another thread, when this process shall stop."""
        threading.Thread(
            target=self._watch, args=[gone], name="channels-parent", daemon=True
        ).start()

    def _watch(self, gone):
        # Nothing is ever written: it returns at the end.
        os.read(self._lifeline, 1)
        gone()
