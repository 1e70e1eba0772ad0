"""A worker's durable messages: their leases, and what becomes of them."""

import asyncio
import threading
import traceback
from functools import partial
from time import monotonic, sleep

from django.db import connections

from . import signals
from .deadline import deadline
from .exceptions import BackendUnavailable
from .policy import Policy
from .registry import consumers

logger = signals.logger

# The most that is kept of a traceback: its end, in characters.
LONGEST_ERROR = 20_000

# Seconds between attempts to tell the backend what became of a message.
DELAYS = (0.1, 0.5, 1, 2, 4)

NO_END = (
    "No attempt came to its end: its worker was killed, or the consumer took longer "
    "than its timeout."
)

# How long a message waits that came to a worker without its consumer.
NO_CONSUMER_DELAY = 60


class Leases:
    """
    The leases of the messages that a worker has. A thread renews them three
    times while they last, but not beyond their consumers' timeout: the
    message is then another worker's.
    """

    def __init__(self, backend):
        self._backend = backend
        self._lock = threading.Lock()
        # When the consumer's time is over, or None, by message.
        self._held = {}
        self._stopped = threading.Event()
        self._thread = None
        self.closing = False

    def start(self):
        """Start the thread, if the backend has leases."""
        if self._backend.durable:
            self._thread = threading.Thread(
                target=self._run, name="channels-leases", daemon=True
            )
            self._thread.start()

    def begin(self, message, consumer):
        """
        Begin to renew the message's lease. Return False, being done with the
        message, if there is nothing to run: it has no consumer here, or was
        tried often enough.
        """
        policy = policy_of(consumer)
        if consumer is None:
            self._tell(message, self._backend.release, NO_CONSUMER_DELAY, False)
            logger.error("%r has no consumer here and goes back.", message)
        elif message.attempt > policy.retries + 1:
            self._tell(message, self._bury, NO_END, False)
        else:
            timeout = policy.timeout
            if timeout and consumer.wants_loop(message):
                # There acall() interrupts, save who blocks the loop or won't be
                # cancelled.
                timeout += self._backend.message_lease
            with self._lock:
                self._held[message] = timeout and monotonic() + timeout
            return True
        return False

    async def acall(self, consumer, message):
        """Run an async consumer, cancelling it when its time is over."""
        async with deadline(policy_of(consumer).timeout):
            await consumer.acall(message)

    def settle(self, message, exception, soon=False):
        """
        Tell the backend what became of the message. Never raise. ``soon``: it
        needn't be acknowledged before the thread receives again.
        """
        if self.closing and isinstance(exception, asyncio.CancelledError):
            # close() gives it back.
            return
        # First: a lease that is settled isn't lost.
        self._end(message)
        if exception is not None:
            self._tell(message, self._fail, exception)
        elif soon:
            self._tell(message, self._acknowledge_soon)
        else:
            self._tell(message, self._acknowledge)

    def close(self, ending=()):
        """
        Give back at once what has not been finished, but the messages ``ending``,
        whose consumers stop the worker: they would stop the next one, too.
        """
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            held, self._held = [m for m in self._held if m not in ending], {}
        for message in held:
            logger.warning("%r goes back to its queue: the worker stops.", message)
            try:
                self._backend.release(message, counted=False)
            except BackendUnavailable as error:
                logger.warning("%s", error)
                # The others' leases end by themselves, too.
                break

    def _run(self):
        try:
            interval = wait = self._backend.message_lease / 3
            while not self._stopped.wait(wait):
                begun = monotonic()
                self._renew()
                # What it took is part of the time that a lease has.
                wait = max(0, interval - (monotonic() - begun))
        finally:
            # This thread's, where the backend is a database.
            connections.close_all()

    def _renew(self):
        try:
            for message in self._backend.renew(self._renewable()):
                if self._end(message):
                    logger.error(
                        "The lease of %r is over: another worker may have it.",
                        message,
                    )
        except BackendUnavailable as error:
            logger.warning("Leases could not be renewed: %s", error)
        except Exception:
            logger.exception("Leases could not be renewed.")

    def _renewable(self):
        now = monotonic()
        with self._lock:
            late = [m for m, end in self._held.items() if end and end <= now]
            for message in late:
                del self._held[message]
            held = list(self._held)
        for message in late:
            logger.error(
                "The consumer of %r is over its timeout and can't be interrupted: "
                "another worker will have the message.",
                message,
            )
        return held

    def _end(self, message):
        """Renew the lease no more. Return whether it was held yet."""
        with self._lock:
            return self._held.pop(message, self) is not self

    def _tell(self, message, function, *args):
        for delay in (*DELAYS, None):
            try:
                return function(message, *args)
            except BackendUnavailable as error:
                if delay is not None:
                    sleep(delay)
                    continue
                logger.error(
                    "What became of %r could not be noted; it will be handled again. "
                    "%s",
                    message,
                    error,
                )
            except Exception:
                logger.exception("What became of %r could not be noted.", message)
                return

    def _acknowledge(self, message):
        self._acknowledged(message, self._backend.acknowledge(message))

    def _acknowledge_soon(self, message):
        self._backend.acknowledge_soon(message, partial(self._acknowledged, message))

    def _acknowledged(self, message, answer):
        if isinstance(answer, Exception):
            self._tell(message, self._acknowledge)
        elif not answer:
            logger.warning(
                "%r was handled, but its lease was over: it may be handled twice.",
                message,
            )

    def _fail(self, message, exception):
        policy = policy_of(consumers.get(message.channel))
        try:
            delay = policy.delay(message.attempt, exception)
        except BaseException:
            # SystemExit too: the message would come back when its lease is over.
            logger.exception("The backoff of %r failed: no more attempts.", message)
            delay = None
        if delay is None:
            text = "".join(
                traceback.format_exception(
                    type(exception), exception, exception.__traceback__
                )
            )
            self._bury(message, text[-LONGEST_ERROR:])
        else:
            self._backend.release(message, delay)
            logger.info("%r is tried again in %.1f seconds.", message, delay)

    def _bury(self, message, error, counted=True):
        self._backend.bury(message, error, counted)
        logger.error(
            "%r was given up after %d attempt(s): see manage.py deadletters.",
            message,
            message.attempt - (not counted),
        )


def policy_of(consumer):
    """Return the Policy of a Consumer that was sent a durable message."""
    # Its sender's word is enough to make it durable.
    return (consumer and consumer.policy) or Policy()
