"""A worker: threads that receive messages and run their consumers."""

import os
import threading
from contextvars import Context
from functools import partial
from time import monotonic, sleep
from weakref import WeakSet

from django.conf import settings
from django.db import close_old_connections, connections, reset_queries

from . import names, signals
from .handling import arun_consumer, run_consumer
from .leases import Leases
from .loop import LoopThread
from .registry import consumers
from .script_prefix import set_default_prefix
from .thread_connections import has_connections
from .thread_context import ThreadContext

# How many messages may be with async consumers at once. Past it the worker
# receives no more, and the channels' capacity makes itself felt.
MAX_ASYNC = 10_000

# How many requests may be on their way to an async view at once. Each has a
# thread there, and with many that want to run, threads do little but take turns.
MAX_OPENING = 8

# The longest wait for the end, in seconds: a thread can't wait for longer than
# some 292 years.
LONGEST_WAIT = 2**32

# How many seconds a thread waits after an error of the backend's.
FAULT_DELAY = 1

# The workers that were started in this process.
_started_workers = WeakSet()


class Worker:
    """
    Runs the consumers of ``channels`` (names; by default of every channel that
    has one) for messages of ``backend``.

    Plain consumers run in one of ``threads`` threads, ``async def`` consumers
    on one event loop: ``loop``, by default a LoopThread. Each message, but a
    request, whose handler sees to it, has a context of its own (PEP 567): a
    language or time zone that a consumer activates is gone with it. A
    consumer's exception is logged and ends nothing but its message. Database
    connections are closed around each message as around a request.
    """

    def __init__(self, backend, threads=1, channels=None, loop=None):
        self.backend = backend
        self.threads = threads
        if channels is None:
            channels = consumers.channels()
        # One name is no list of letters.
        self.channels = [channels] if isinstance(channels, str) else list(channels)
        self.leases = Leases(backend)
        self.loop = LoopThread() if loop is None else loop
        self._async_slots = threading.BoundedSemaphore(MAX_ASYNC)
        self._opening = threading.BoundedSemaphore(MAX_OPENING)
        self._receiver = None
        self._pool = []
        # The message that each thread handles.
        self._handling = {}
        # Those whose consumers have called stop().
        self._stopping = set()
        # Whether this is a copy, in a process that a consumer has forked.
        self.forked = False

    def start(self):
        """Start the threads; they are daemons. Return at once."""
        if self._receiver is not None:
            # It was stopped, and so were these.
            self.leases = Leases(self.backend)
        self.channels = [names.canonical(name) for name in self.channels]
        self._stopping = set()
        self._receiver = self.backend.receiver(self.channels)
        self.leases.start()
        self._pool = [
            threading.Thread(
                target=self._work, name=f"channels-worker-{i}", daemon=True
            )
            for i in range(self.threads)
        ]
        self.forked = False
        _started_workers.add(self)
        for thread in self._pool:
            thread.start()
        signals.worker_started.send(sender=type(self), worker=self)

    def stop(self, timeout=None):
        """
        Receive nothing more, and wait up to ``timeout`` seconds for what runs.
        What is left then is cancelled, or in a thread abandoned, and logged.
        Return whether all ended by itself. A plain consumer may call it: its
        own thread isn't waited for, which ends with it.
        """
        if self._receiver is None:
            return True
        self.leases.closing = True
        self._receiver.close()
        deadline = None if timeout is None else monotonic() + timeout
        # Nor does one wait for another that does the same.
        self._stopping.add(threading.current_thread())
        others = [thread for thread in self._pool if thread not in self._stopping]
        for thread in others:
            thread.join(_until(deadline))
        ended = self.loop.stop(_until(deadline))
        for thread in others:
            if thread.is_alive():
                ended = False
                signals.log_abandoned(self._handling.get(thread))
        self.leases.close({self._handling.get(thread) for thread in self._stopping})
        signals.worker_stopped.send(sender=type(self), worker=self)
        return ended

    def handle(self, consumer, message):
        """
        Run the Consumer, or None where the channel has none; its exception is
        logged, not raised.
        """
        if message.durable and not self.leases.begin(message, consumer):
            return
        if consumer is None:
            return
        if consumer.wants_loop(message):
            self._async_slots.acquire()
            try:
                message.enter(self._opening)
                # In an empty context: what is in this thread's, such as its
                # caches, isn't for what runs beside it.
                Context().run(self.loop.run, self._handle_slot, consumer, message)
            except BaseException as error:
                self._async_slots.release()
                message.leave()
                # It fails as if its consumer had: somebody may wait for its end.
                run_consumer(self, partial(_fail, error), message)
        else:
            run_consumer(self, consumer, message)

    async def _handle_slot(self, consumer, message):
        if settings.FORCE_SCRIPT_NAME:
            set_default_prefix()
        try:
            await arun_consumer(self, consumer, message)
        finally:
            self._async_slots.release()
            message.leave()

    def _work(self):
        set_default_prefix(anew=True)
        while not self.leases.closing:
            try:
                self._handle_all()
                break
            except Exception:
                signals.logger.exception("A worker thread can't receive and retries.")
                sleep(FAULT_DELAY)
        # Persistent ones, too: they're this thread's, which ends.
        connections.close_all()

    def _handle_all(self):
        receive = self._receiver.receive
        thread = threading.current_thread()
        context = ThreadContext()
        while (message := receive()) is not None:
            self._handling[thread] = message
            try:
                consumer = consumers.get(message.channel)
                if consumer is not None:
                    message = consumer.adopt(message)
                if message.manages_connections:
                    # A new context costs a request a tenth of its time.
                    self.handle(consumer, message)
                else:
                    context.run(self._handle_tidily, consumer, message)
            except BaseException:
                # A fault around the consumer, such as a signal's receiver.
                signals.logger.exception("A worker thread met an error and goes on.")
            del self._handling[thread]

    def _handle_tidily(self, consumer, message):
        if settings.FORCE_SCRIPT_NAME:
            set_default_prefix()
        if has_connections():
            reset_queries()
            close_old_connections()
        try:
            self.handle(consumer, message)
        finally:
            if has_connections():
                close_old_connections()


def _note_fork():
    for worker in _started_workers:
        worker.forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def _fail(error, message):
    raise error


def _until(deadline):
    if deadline is None:
        return None
    return max(0, min(deadline - monotonic(), LONGEST_WAIT))
