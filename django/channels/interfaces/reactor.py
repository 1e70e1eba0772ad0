"""
The process's one reactor: in a thread of its own, or in the caller's.

A Twisted reactor runs once in a process's life. What needs it for a while (a
test's live server) has it run in a background thread, which stays; a server
that is all that the process does runs it in its own thread.
"""

import logging
import os
import select
import sys
import threading
import warnings
from concurrent.futures import Future
from time import monotonic

from twisted.internet.main import installReactor
from twisted.internet.task import LoopingCall
from twisted.logger import globalLogBeginner

from django.channels.processes.events import SLICE

logger = logging.getLogger("django.channels.server")


def _find():
    """Return the process's reactor. Where there is none yet, choose its kind."""
    if hasattr(select, "epoll") and "twisted.internet.reactor" not in sys.modules:
        from .epoll import Reactor

        installReactor(Reactor())
    from twisted.internet import reactor

    if not reactor.getDelayedCalls():
        # Twisted's own clock is the machine's, and jumps with it: all limits and
        # deadlines would be over at once, or not be kept for as long. Calls that
        # are due by that clock already would never come by this one.
        reactor.seconds = monotonic
    return reactor


reactor = _find()

_lock = threading.Lock()
_started = threading.Event()


def run_here():
    """Run the reactor in the caller's thread until stop() is called."""
    begin_logging()
    # The handlers of signals are the caller's, and run when the reactor wakes.
    LoopingCall(lambda: None).start(SLICE)
    reactor.run(installSignalHandlers=False)


def ensure_running():
    """Have the reactor run in a background thread, if it runs nowhere yet."""
    with _lock:
        if reactor.running or _started.is_set():
            return
        begin_logging()
        running = threading.Event()
        reactor.callWhenRunning(running.set)
        threading.Thread(
            target=reactor.run,
            kwargs={"installSignalHandlers": False},
            name="channels-reactor",
            daemon=True,
        ).start()
        running.wait()
        _started.set()


def call(function, *args):
    """Call in the reactor's thread, which isn't this one; return its result."""
    result = Future()

    def run():
        try:
            result.set_result(function(*args))
        except BaseException as error:
            result.set_exception(error)

    reactor.callFromThread(run)
    return result.result()


def begin_logging():
    """
    Send Twisted's log events of level warn and above to Django's logger.
    Until somebody begins logging, Twisted keeps them in memory.
    """
    if not getattr(begin_logging, "done", False):
        begin_logging.done = True
        # Of Python's warnings; Twisted would have them as events.
        showwarning = warnings.showwarning
        globalLogBeginner.beginLoggingTo(
            [_observe], discardBuffer=True, redirectStandardIO=False
        )
        warnings.showwarning = showwarning


def _observe(event):
    level = event["log_level"].name
    if level not in ("warn", "error", "critical"):
        return
    failure = event.get("log_failure")
    exc_info = None
    if failure is not None:
        exc_info = (type(failure.value), failure.value, failure.getTracebackObject())
    text = event.get("log_format") or event.get("log_text") or "Twisted: {log_system}"
    try:
        text = text.format(**event)
    except Exception:
        # A log line that can't be made is still one to see.
        pass
    number = logging.WARNING if level == "warn" else logging.ERROR
    logger.log(number, "%s", text, exc_info=exc_info)


def _begin_anew():
    """
    In a process that was just forked, have what wakes the loop for itself: the
    parent's would wake either of them, such as test processes side by side.
    """
    if not _started.is_set() and not reactor.running:
        reactor.__init__()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
