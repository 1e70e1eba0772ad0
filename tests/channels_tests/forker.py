"""
What tests fork interpreters from: python forker.py DESCRIPTOR.

See interpreters.py, whose requests come in through a socket. Each comes with
files: what is asked for, in JSON; where to tell the id and the exit status;
and what the process has open, by the numbers in the request. This process ends
when the socket is closed.
"""

import contextlib
import fcntl
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
from importlib import import_module

# What needs no settings, and installs no reactor.
IMPORTED = [
    "django.channels.backends.redis.backend",
    "django.channels.interfaces.websocket_factory",
    "django.contrib.staticfiles.management.commands.runserver",
    "django.core.management.commands.runworker",
    "django.core.management.commands.runwsserver",
    "django.db.models",
    "django.template.backends.django",
    "redis.cluster",
    "twisted.internet.endpoints",
    "twisted.internet.epollreactor",
]
# Beyond any number that a test's descriptor has.
BEYOND = 500


def next_request(control):
    """Return a request, in a process of its own."""
    wakeups, wakeup = socket.socketpair()
    for end in (wakeups, wakeup):
        end.setblocking(False)
    signal.set_wakeup_fd(wakeup.fileno())
    signal.signal(signal.SIGCHLD, lambda *args: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    told = {}
    while True:
        ready = select.select([control, wakeups], [], [])[0]
        if wakeups in ready:
            wakeups.recv(1000)
            tell_ends(told)
        if control in ready:
            data, files, *_ = socket.recv_fds(control, 1, 100)
            if not data:
                sys.exit()
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                for end in (control, wakeups, wakeup):
                    end.close()
                for file in told.values():
                    os.close(file)
                return files
            request, told[pid], *others = files
            os.write(told[pid], b"%d\n" % pid)
            for file in (request, *others):
                os.close(file)


def tell_ends(told):
    while told:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            break
        with contextlib.suppress(BrokenPipeError):
            os.write(told[pid], b"%d" % status)
        os.close(told.pop(pid))


def become(request, *files):
    """Be the process that is asked for, save what it runs."""
    with os.fdopen(request) as file:
        request = json.load(file)
    os.close(files[0])
    if request["session"]:
        os.setsid()
    os.chdir(request["folder"])
    path = os.environ["PYTHONPATH"].split(os.pathsep)
    path = [place for place in sys.path[1:] if place not in path]
    os.environ.clear()
    os.environ.update(request["environment"])
    # None may lie where another one is to be.
    moved = [fcntl.fcntl(file, fcntl.F_DUPFD, BEYOND) for file in files[1:]]
    for file in files[1:]:
        os.close(file)
    for file, number in zip(moved, request["files"], strict=True):
        os.dup2(file, number)
        os.close(file)
    if "PYTHONUNBUFFERED" in os.environ:
        sys.stdout.reconfigure(write_through=True)
    sys.path[:] = [*os.environ["PYTHONPATH"].split(os.pathsep), *path]
    return request["arguments"]


def run(first, *others):
    if first == "-m":
        sys.path.insert(0, os.getcwd())
        sys.argv[:] = others
        runpy.run_module(others[0], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, os.path.dirname(os.path.abspath(first)))
        sys.argv[:] = [first, *others]
        runpy.run_path(first, run_name="__main__")


if __name__ == "__main__":
    for name in IMPORTED:
        import_module(name)
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as control:
        files = next_request(control)
    run(*become(*files))
