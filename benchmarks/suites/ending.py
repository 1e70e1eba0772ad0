"""The time that a process takes, and what it uses of the processor."""

import os
import threading
import time


class Ending(threading.Thread):
    """
    Waits for a process to end and takes its usage from the system.

    ``wall_seconds`` and ``cpu_seconds`` (user and system, with all descendants
    that were waited for) are there when ``is_over`` is true, and ``status`` as
    subprocess has it. Nobody else may wait for the process before that, unless
    it is being stopped: then none of them is known.
    """

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.began = process, time.perf_counter()
        self.wall_seconds = self.cpu_seconds = self.status = None
        self.start()

    def run(self):
        try:
            _, status, usage = os.wait4(self.process.pid, 0)
        except ChildProcessError:
            return
        finally:
            # A Popen that finds nothing to wait for knows that it has ended.
            self.process.poll()
        self.wall_seconds = time.perf_counter() - self.began
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        self.status = os.waitstatus_to_exitcode(status)

    @property
    def is_over(self):
        return not self.is_alive()

    def wait(self, seconds):
        """Wait so long at most, and tell whether it is over."""
        self.join(seconds)
        return self.is_over
