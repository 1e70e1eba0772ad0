"""A worker: threads that receive messages and run their consumers."""

import asyncio
import os
import threading
from contextvars import Context
from time import monotonic, sleep
from weakref import WeakSet

from asgiref.sync import async_to_sync, sync_to_async

from django.db import close_old_connections, connections, reset_queries

from . import signals
from .exceptions import BackendUnavailable, ChannelError
from .leases import Leases
from .loop import LoopThread
from .progress import Progress
from .registry import consumers

# How many messages may be with async consumers at once. Past it the worker
# receives no more, and the channels' capacity makes itself felt.
MAX_ASYNC = 10_000

# How many requests may be on their way to an async view at once. Each has a
# thread there, and with many that want to run, threads do little but take turns.
MAX_OPENING = 8

# Seconds between attempts to send a receipt while the backend is out of reach:
# without it, a socket's next message would never be sent.
RECEIPT_DELAYS = (0.1, 0.5, 1, 2, 5, 10, 10)

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
        self.channels = consumers.channels() if channels is None else list(channels)
        self.leases = Leases(backend)
        self.loop = LoopThread() if loop is None else loop
        self._async_slots = threading.BoundedSemaphore(MAX_ASYNC)
        self._opening = threading.BoundedSemaphore(MAX_OPENING)
        self._receiver = None
        self._pool = []
        # The channel of the message that each thread handles.
        self._handling = {}
        # Whether this is a copy, in a process that a consumer has forked.
        self.forked = False

    def start(self):
        """Start the threads; they are daemons. Return at once."""
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
        Return whether all ended by itself.
        """
        if self._receiver is None:
            return True
        self.leases.closing = True
        self._receiver.close()
        deadline = None if timeout is None else monotonic() + timeout
        for thread in self._pool:
            thread.join(_until(deadline))
        ended = self.loop.stop(_until(deadline))
        for thread in self._pool:
            if thread.is_alive():
                ended = False
                signals.log_abandoned(self._handling.get(thread))
        self.leases.close()
        signals.worker_stopped.send(sender=type(self), worker=self)
        return ended

    def handle(self, message):
        """Run the message's consumer; its exception is logged, not raised."""
        consumer = consumers.get(message.channel)
        if message.durable and not self.leases.begin(message, consumer):
            return
        if consumer is None:
            return
        if consumer.wants_loop(message):
            self._async_slots.acquire()
            if message.manages_connections:
                message.enter(self._opening)
            self.loop.run(self._handle_slot, consumer, message)
        else:
            _run(self, consumer, message)

    async def _handle_slot(self, consumer, message):
        try:
            await _arun(self, consumer, message)
        finally:
            self._async_slots.release()
            if message.manages_connections:
                message.leave()

    def _work(self):
        receive = self._receiver.receive
        thread = threading.current_thread()
        while (message := receive()) is not None:
            self._handling[thread] = message.channel
            try:
                if message.manages_connections:
                    # A new context costs a request a tenth of its time.
                    self.handle(message)
                else:
                    Context().run(self._handle_tidily, message)
            except BaseException:
                # A fault around the consumer, such as a signal's receiver.
                signals.logger.exception("A worker thread met an error and goes on.")
            del self._handling[thread]
        # Persistent ones, too: they're this thread's, which ends.
        connections.close_all()

    def _handle_tidily(self, message):
        reset_queries()
        close_old_connections()
        try:
            self.handle(message)
        finally:
            close_old_connections()


def _note_fork():
    for worker in _started_workers:
        worker.forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def _until(deadline):
    return None if deadline is None else max(0, deadline - monotonic())


def run_until(backend, channel, reply):
    """
    Be the worker: run in the caller's thread what waits on ``channel``, then
    what waits on any channel, until the Reply has arrived or nothing is left.
    """
    for channels in ([channel], consumers.channels()):
        while not reply.arrived and (message := take(backend, channels)):
            run_here(backend, message)


async def arun_until(backend, channel, reply):
    """Do what run_until() does, from a coroutine."""
    for channels in ([channel], consumers.channels()):
        while not reply.arrived and (message := take(backend, channels)):
            await arun_here(backend, message)


def take(backend, channels):
    """
    Return the oldest message that waits on any of the channels, or None. No
    receiver stays open: a consumer may itself wait for a message's reply.
    """
    receiver = backend.receiver(channels)
    try:
        return receiver.receive(timeout=0)
    finally:
        receiver.close()


def run_here(backend, message):
    """
    Run the message's consumer in the caller's thread and, if it is ``async``,
    on the caller's event loop. Its exception is logged, and returned.
    """
    consumer = consumers.get(message.channel)
    worker = Worker(backend, threads=0, channels=[message.channel])
    if message.durable and not worker.leases.begin(message, consumer):
        return None
    if consumer is None:
        return None
    if consumer.wants_loop(message):
        return async_to_sync(_arun)(worker, consumer, message)
    return _run(worker, consumer, message)


async def arun_here(backend, message):
    """Do what run_here() does, from a coroutine."""
    consumer = consumers.get(message.channel)
    worker = Worker(backend, threads=0, channels=[message.channel])
    if message.durable and not worker.leases.begin(message, consumer):
        return None
    if consumer is None:
        return None
    if consumer.wants_loop(message):
        exception = await _arun(worker, consumer, message)
        if isinstance(exception, asyncio.CancelledError):
            # It was the caller who was cancelled.
            raise exception
        return exception
    return await sync_to_async(_run)(worker, consumer, message)


def _run(worker, consumer, message):
    exception = None
    progress = _progress(worker, message)
    try:
        _started(message)
        consumer(message)
    except BaseException as error:
        # SystemExit too: one message's code doesn't end the worker.
        exception = error
    if worker.forked:
        _leave(message)
    receipt = _finished(message, exception)
    if message.durable:
        worker.leases.settle(message, exception)
    if receipt is not None:
        _send_receipt(worker.backend, receipt)
    if progress is not None:
        progress.end(message)
    return exception


async def _arun(worker, consumer, message):
    exception = None
    progress = _progress(worker, message)
    try:
        _started(message)
        if message.durable:
            await worker.leases.acall(consumer, message)
        else:
            await consumer.acall(message)
    except BaseException as error:
        exception = error
    if worker.forked:
        _leave(message)
    receipt = _finished(message, exception)
    if message.durable:
        # Where the backend is a database: on the connection of the consumer's
        # other queries, which is looked after.
        thread_sensitive = worker.backend.thread_sensitive
        await sync_to_async(worker.leases.settle, thread_sensitive=thread_sensitive)(
            message, exception
        )
    if receipt is not None:
        await _asend_receipt(worker.backend, receipt)
    if progress is not None:
        progress.end(message)
    return exception


def _progress(worker, message):
    progress = Progress.of(worker.backend, message)
    if progress is not None:
        progress.begin(message)
    return progress


def _started(message):
    if not message.manages_connections:
        signals.consumer_started.send(sender=Worker, message=message)


def _finished(message, exception):
    """
    Tell of the consumer's end, and return the receipt that is due. A signal's
    receiver keeps nothing from being done about the message.
    """
    if exception is not None or not message.manages_connections:
        try:
            signals.consumer_finished.send_robust(
                sender=Worker, message=message, exception=exception
            )
        except BaseException:
            # SystemExit, which isn't logged there.
            signals.logger.exception("A receiver of consumer_finished failed.")
    return message.receipt(exception is not None)


def _leave(message):
    """
    End a process that a consumer has forked: the message is its parent's, and
    so are those that wait.
    """
    signals.logger.error(
        "The consumer of %s forked, and its new process came back: it ends. End it "
        "with os._exit(), or start it with subprocess or multiprocessing.",
        message.channel,
    )
    os._exit(1)


def _send_receipt(backend, receipt):
    for delay in RECEIPT_DELAYS:
        try:
            return backend.send(receipt)
        except BackendUnavailable as error:
            failure = error
            sleep(delay)
        except ChannelError as error:
            # The peer reads too slowly; its edge closes it.
            failure = error
            break
    signals.logger.warning("A receipt could not be sent: %s", failure)


async def _asend_receipt(backend, receipt):
    for delay in RECEIPT_DELAYS:
        try:
            return await backend.asend(receipt)
        except BackendUnavailable as error:
            failure = error
            await asyncio.sleep(delay)
        except ChannelError as error:
            failure = error
            break
    signals.logger.warning("A receipt could not be sent: %s", failure)
