"""
The caller as the worker: messages handled in its own thread, or on its loop.

A consumer sees the caller's context, and what it activates there is gone with
its message. A request is the exception: its handler sees to that.
"""

import asyncio
from contextvars import copy_context

from asgiref.sync import async_to_sync, sync_to_async

from .deadline import is_cancellation
from .handling import arun_consumer, run_consumer
from .registry import consumers
from .worker import Worker


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


def _begin(backend, message):
    """
    Return a worker for the message, its consumer or None, as it's not to run,
    and the message as that handles it.
    """
    consumer = consumers.get(message.channel)
    worker = Worker(backend, threads=0, channels=[message.channel])
    if message.durable:
        if not worker.leases.begin(message, consumer):
            return worker, None, message
        worker.leases.start()
    if consumer is not None:
        message = consumer.adopt(message)
    return worker, consumer, message


def run_here(backend, message):
    """
    Run the message's consumer in the caller's thread and, if it is ``async``,
    on the caller's event loop. Its exception is logged, and returned.
    """
    worker, consumer, message = _begin(backend, message)
    if consumer is None:
        return None
    try:
        if consumer.wants_loop(message):
            return _apart(async_to_sync(arun_consumer), worker, consumer, message)
        return _apart(_run, worker, consumer, message)
    finally:
        if message.durable:
            worker.leases.close()


async def arun_here(backend, message):
    """Do what run_here() does, from a coroutine."""
    worker, consumer, message = _begin(backend, message)
    if consumer is None:
        return None
    try:
        if consumer.wants_loop(message):
            run = arun_consumer(worker, consumer, message)
            if message.serve is None:
                # A task has a copy of the context.
                run = asyncio.create_task(run)
            exception = await run
            if is_cancellation(exception):
                # It was the caller who was cancelled.
                raise exception
            return exception
        return await sync_to_async(_apart)(_run, worker, consumer, message)
    finally:
        if message.durable:
            await sync_to_async(worker.leases.close)()


def _apart(run, worker, consumer, message):
    if message.serve is not None:
        return run(worker, consumer, message)
    return copy_context().run(run, worker, consumer, message)


def _run(worker, consumer, message):
    try:
        return run_consumer(worker, consumer, message)
    finally:
        # This thread won't receive again so soon.
        worker.backend.settle_up()
