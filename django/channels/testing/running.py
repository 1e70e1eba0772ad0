"""
The worker's step, in the test's own thread: one message after the other, in
the order in which they were sent. An exception of a consumer is the test's.
"""

import asyncio
from contextlib import contextmanager

from django.channels import channel_backends, consumers, names
from django.channels.inline import arun_here, run_here, take
from django.conf import settings

from . import isolation

# A consumer that sends to its own channel, on and on, is stopped here.
LIMIT = 1000


def run_messages(channels=(), all_consumed=True):
    """
    Run the messages that wait on ``channels``, by default on all, and those
    that they lead to. Return how many they were. Raise AssertionError for more
    than LIMIT and, with ``all_consumed``, for a channel without a consumer.
    """
    count = 0
    with one_by_one():
        while (found := _next(channels, all_consumed)) is not None:
            _raise(run_here(*found))
            count = _counted(count, found)
    return count


async def arun_messages(channels=(), all_consumed=True):
    count = 0
    with one_by_one():
        while (found := _next(channels, all_consumed)) is not None:
            _raise(await arun_here(*found))
            count = _counted(count, found)
    return count


def run_at_once():
    """Run what waits if the test wants it to run when it's sent."""
    if _is_due() and not has_loop():
        run_messages(all_consumed=False)


async def arun_at_once():
    if _is_due():
        await arun_messages(all_consumed=False)


@contextmanager
def one_by_one():
    """While consumers run, what they send waits for its turn."""
    test = isolation.current
    if test is None:
        # A client outside the tests of SimpleTestCase, as in a shell.
        yield
        return
    was, test.running = test.running, True
    try:
        yield
    finally:
        test.running = was


def _is_due():
    test = isolation.current
    return test is not None and test.at_once and not test.running


def has_loop():
    """Tell whether this thread's event loop would be blocked."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _next(channels, all_consumed):
    """Return the backend and the message that is next, or None."""
    for alias in settings.CHANNEL_BACKENDS:
        backend = channel_backends[alias]
        if not hasattr(backend, "channels_waiting"):
            continue
        waiting = [names.canonical(getattr(c, "name", c)) for c in channels]
        waiting = waiting or backend.channels_waiting()
        consumed = [name for name in waiting if consumers.get(name) is not None]
        if all_consumed and len(consumed) < len(waiting):
            raise AssertionError(_unconsumed(backend, {*waiting} - {*consumed}))
        message = take(backend, consumed) if consumed else None
        if message is not None:
            return backend, message
    return None


def _unconsumed(backend, missing):
    name = sorted(missing)[0]
    known = sorted({*consumers.channels()} - names.PROTOCOL_CHANNELS)
    return (
        f"{backend.waiting(name)} message(s) wait on the channel {name!r}, which has "
        f"no consumer. Channels with a consumer: {', '.join(known) or 'none'}."
    )


def _raise(exception):
    if exception is not None:
        raise exception


def _counted(count, found):
    if count >= LIMIT:
        raise AssertionError(
            f"There is no end of messages: {LIMIT} were run, the last one on the "
            f"channel {found[1].channel!r}. Does a consumer send to its own channel?"
        )
    return count + 1
