"""
Signals of the channel system, the log lines that hang on them, and the reset
of what was made from settings.

``consumer_started`` and ``consumer_finished`` are sent by a worker around each
message but the requests of its own process, which have ``request_started`` and
``request_finished``. Their sender is the Worker's class; both carry
``message``, the second also ``exception``, None where the consumer returned.
"""

import logging

from django.core.signals import setting_changed
from django.dispatch import Signal, receiver

from .deadline import is_cancellation

logger = logging.getLogger("django.channels.worker")

consumer_started = Signal(use_caching=True)
consumer_finished = Signal(use_caching=True)
worker_started = Signal()
worker_stopped = Signal()


@receiver(setting_changed)
def reset_channels(*, setting, **kwargs):
    from . import channel_backends, consumers
    from .tasks import queues

    if setting == "CHANNEL_BACKENDS":
        channel_backends.reset()
    elif setting == "INSTALLED_APPS":
        consumers.forget_discovery()
    elif setting == "TASKS":
        queues.forget(consumers)
        consumers.forget_discovery()


@receiver(consumer_finished)
def log_consumer_finished(sender, message, exception, **kwargs):
    if exception is None:
        logger.debug("%s handled.", message.channel)
    elif is_cancellation(exception):
        logger.warning(
            "The consumer of %s was cancelled before it ended.", message.channel
        )
    else:
        logger.error(
            "The consumer of %s raised %s; the worker goes on.",
            message.channel,
            type(exception).__name__,
            exc_info=exception,
        )


@receiver(worker_started)
def log_worker_started(sender, worker, **kwargs):
    logger.info(
        "Worker started: %d threads, %d channels.",
        worker.threads,
        len(worker.channels),
    )


@receiver(worker_stopped)
def log_worker_stopped(sender, worker, **kwargs):
    logger.info("Worker stopped.")


def log_abandoned(message):
    """
    Log that a worker has ended while one of its threads hasn't, which handles
    the message, or None.
    """
    if message is None:
        logger.warning("A thread of the worker was abandoned before it ended.")
    else:
        logger.warning(
            "The consumer of %s was abandoned before it ended.", message.channel
        )
