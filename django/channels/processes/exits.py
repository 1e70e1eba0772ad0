"""The exit statuses of a process, and leaving with one."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

# The status of a process that a signal ended is this and the signal's number,
# as in a shell: what ran wasn't finished.
FORCED = 128

# What a supervisor's process ends with in good order: it was told to stop, or
# has handled enough. Not 0, which is the status of one that a library or a
# consumer ended with os._exit(0), too.
IN_ORDER = 79

# Processes could not be started: EX_UNAVAILABLE of sysexits.h.
UNAVAILABLE = 69


def leave(status):
    """
    End the process at once, with this status. A thread that hangs, or one of
    an executor, which Python would wait for, doesn't keep it.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            # Nobody reads it any more.
            pass
    os._exit(status)


def leave_late(seconds, status):
    """
    Have the process leave() with this status if it's there yet so long after
    Python has begun to end it: that waits without end for threads that have
    something to finish, such as those of asyncio.to_thread().
    """
    # A thread with nothing to do ends as soon as Python begins to wait for such.
    executor = ThreadPoolExecutor(1, "channels-leaving")
    idle = executor.submit(threading.current_thread).result()

    def leave_then(executor):
        # While it has the executor, the idle thread isn't told to end.
        idle.join()
        threading.Event().wait(min(seconds, threading.TIMEOUT_MAX))
        leave(status)

    threading.Thread(target=leave_then, args=[executor], daemon=True).start()
