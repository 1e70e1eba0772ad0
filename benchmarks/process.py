"""Processes pinned to a core, and stopped by their own id."""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from operator import attrgetter

import psutil

STOP_SECONDS = 10


def available_cores():
    """Return the numbers of the cores that a process can be pinned to."""
    can_pin = hasattr(os, "sched_getaffinity") and shutil.which("taskset")
    return sorted(os.sched_getaffinity(0)) if can_pin else []


def pinned(command, cores):
    """Return the command as it runs on those cores; none of them: on any."""
    command = [str(part) for part in command]
    numbers = ",".join(str(core) for core in cores)
    return ["taskset", "-c", numbers, *command] if cores else command


class Cores:
    """Which core what is measured runs on, and which one the load generator."""

    def __init__(self):
        cores = available_cores()
        self.are_pinned = len(cores) > 1
        self.server, self.load = (cores[0], cores[-1]) if cores else (None, None)

    def pin(self, command, core):
        """Return the command as it runs on that core."""
        return pinned(command, [] if core is None else [core])

    def move(self, pid, core):
        """Have a process that runs already go on on that core."""
        if core is not None:
            psutil.Process(pid).cpu_affinity([core])


@contextmanager
def started(command, log=None, **options):
    """
    Run the command in a process group of its own, stopped at the end.

    Yields a psutil.Popen. The command's complaints go to ``log``, a file.
    """
    process = psutil.Popen(command, stderr=log, start_new_session=True, **options)
    try:
        yield process
    finally:
        stop(process)


def stop(process):
    """End the process and its children: asked first, forced after a while."""
    signal_group(process, signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except psutil.TimeoutExpired:
        pass
    signal_group(process, signal.SIGKILL)
    process.wait(STOP_SECONDS)
    for stream in (process.stdin, process.stdout):
        if stream:
            stream.close()


def signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


class Usage:
    """What a process and its children have used."""

    def __init__(self, process):
        family = [process, *process.children(recursive=True)]
        times = [each.cpu_times() for each in family]
        self.cpu_seconds = sum(each.user + each.system for each in times)
        self.memory_mib = sum(each.memory_info().rss for each in family) / 2**20


def cpu_seconds(before, after):
    """
    Return the processor time from some Usages to others of the same processes:
    a tick at least, as it's counted.
    """
    spent = sum(map(attrgetter("cpu_seconds"), after))
    spent -= sum(map(attrgetter("cpu_seconds"), before))
    return max(spent, 0.01)


def unique_kib(process):
    """Return the memory that only this process and its children have (USS)."""
    family = [process, *process.children(recursive=True)]
    return sum(each.memory_full_info().uss for each in family) / 2**10


@contextmanager
def log_file():
    """Yield a file for a process's complaints, to be read with tail()."""
    with tempfile.TemporaryFile("w+") as file:
        yield file


def tail(file, lines=15):
    file.seek(0)
    return "".join(file.readlines()[-lines:]).strip() or "It said nothing."


__all__ = [
    "Cores",
    "DEVNULL",
    "PIPE",
    "Usage",
    "available_cores",
    "cpu_seconds",
    "log_file",
    "pinned",
    "started",
    "tail",
    "unique_kib",
]
DEVNULL, PIPE = subprocess.DEVNULL, subprocess.PIPE
