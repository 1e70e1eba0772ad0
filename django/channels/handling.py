"""One message's consumer, and what is done before and after it."""

import asyncio
import os
from time import sleep

from asgiref.sync import sync_to_async

from . import signals
from .exceptions import BackendUnavailable, ChannelError
from .progress import Progress
from .spare_threads import end_own_transactions
from .transactions import end_transactions

# Seconds between attempts to send a receipt while the backend is out of reach:
# without it, a socket's next message would never be sent.
RECEIPT_DELAYS = (0.1, 0.5, 1, 2, 5, 10, 10)


def run_consumer(worker, consumer, message):
    """
    Run the consumer, and see to the message's signals, lease and receipt.
    Return the consumer's exception, or None; it isn't logged here. What it has
    begun is finished by this thread's next receive(), or settle_up().
    """
    exception = None
    progress = _progress(worker, message)
    try:
        if message.signalled:
            _tell_start(worker, message)
        consumer(message)
    except BaseException as error:
        # SystemExit too: one message's code doesn't end the worker.
        exception = error
    if worker.forked:
        _leave(message)
    if worker.threads and not message.manages_connections:
        left = end_transactions()
        # Not "or": an exception may be false, as one without items is.
        exception = left if exception is None else exception
    if message.signalled or exception is not None:
        _tell_end(worker, message, exception)
    receipt = message.receipt(exception is not None)
    if message.durable:
        worker.leases.settle(message, exception, soon=True)
    if receipt is not None:
        _send_receipt(worker.backend, receipt)
    if progress is not None:
        progress.end(message)
    return exception


async def arun_consumer(worker, consumer, message):
    """Do what run_consumer() does, on the event loop of an async consumer."""
    exception = None
    progress = _progress(worker, message)
    try:
        if message.signalled:
            await _atell_start(worker, message)
        if message.durable:
            await worker.leases.acall(consumer, message)
        else:
            await consumer.acall(message)
    except BaseException as error:
        exception = error
    if worker.forked:
        _leave(message)
    if worker.threads and not message.manages_connections:
        left = await end_own_transactions()
        exception = left if exception is None else exception
    if message.signalled or exception is not None:
        await _atell_end(worker, message, exception)
    receipt = message.receipt(exception is not None)
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
    if worker.backend.process_local:
        # Who waits lives as long as its worker.
        return None
    progress = Progress.of(worker.backend, message)
    if progress is not None:
        progress.begin(message)
    return progress


def _tell_start(worker, message):
    signals.consumer_started.send(sender=type(worker), message=message)


def _tell_end(worker, message, exception):
    """A signal's receiver keeps nothing from being done about the message."""
    try:
        signals.consumer_finished.send_robust(
            sender=type(worker), message=message, exception=exception
        )
    except BaseException:
        # SystemExit, which isn't logged there.
        signals.logger.exception("A receiver of consumer_finished failed.")


async def _atell_start(worker, message):
    if _has_async_receiver(signals.consumer_started):
        await signals.consumer_started.asend(sender=type(worker), message=message)
    else:
        _tell_start(worker, message)


async def _atell_end(worker, message, exception):
    if not _has_async_receiver(signals.consumer_finished):
        return _tell_end(worker, message, exception)
    try:
        await signals.consumer_finished.asend_robust(
            sender=type(worker), message=message, exception=exception
        )
    except BaseException:
        signals.logger.exception("A receiver of consumer_finished failed.")


def _has_async_receiver(signal):
    """
    Tell whether send() would have to run one, which it can't on an event loop.
    Where there is none, asend() would only take plain ones to another thread.
    """
    return any(entry[-1] for entry in signal.receivers)


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
