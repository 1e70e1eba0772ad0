"""Many messages of one channel, sent at once."""

from contextlib import contextmanager

from .exceptions import ChannelError, InvalidMessage

# How many messages a server gets at a time, and of how many bytes: it does
# nothing else meanwhile, for a few milliseconds.
LARGEST = 100
LARGEST_BYTES = 1024 * 1024


def each(function, values):
    """
    Return a list of ``function(value)`` for each value. Where that raises
    InvalidMessage, say which value it was.
    """
    results = []
    for index, value in enumerate(values):
        try:
            results.append(function(value))
        except InvalidMessage as error:
            raise type(error)(f"Message {index}, counted from 0: {error}") from error
    return results


def batches(data):
    """Yield the items, which are bytes, in order, in lists to be sent at once."""
    batch, size = [], 0
    for item in data:
        if batch and (len(batch) == LARGEST or size + len(item) > LARGEST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += len(item)
    if batch:
        yield batch


@contextmanager
def sent_before(number):
    """For what is sent after ``number`` others: where it fails, say so."""
    try:
        yield
    except ChannelError as error:
        error.sent = number
        raise
