"""The errors of the channel system. ``ChannelError`` is never raised itself."""

from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured


class ChannelError(Exception):
    """
    Base class of the errors a channel can answer with. ``sent`` says of
    send_many() how many of its messages were sent for certain: the first ones.
    """

    sent = 0


class ChannelFull(ChannelError):
    """
    Raised to the sender when a channel holds as many messages as its
    capacity allows, or when a socket's reader is too slow. Nothing was sent.
    """


class InvalidChannelName(ChannelError, ValueError):
    """Raised when a channel or a group has a name that can't be carried."""


class InvalidMessage(ChannelError, TypeError):
    """
    Raised to the sender when a message holds a value that can't be encoded.
    The text names the key.
    """


class MessageTooLarge(InvalidMessage):
    """
    Raised to the sender when a message is larger than its backend carries.
    Nothing was sent. The text names the size, the limit and the setting.
    """


class BackendUnavailable(ChannelError):
    """
    Raised when the server behind a backend can't be reached or doesn't answer.
    What was being sent may have arrived or not, but not twice; where
    ``unsent`` is true it has not.
    """

    def __init__(self, text="", unsent=False):
        self.unsent = unsent
        super().__init__(text)


@contextmanager
def nothing_sent():
    """For what is done before sending: where it fails, nothing was sent."""
    try:
        yield
    except BackendUnavailable as error:
        error.unsent = True
        raise


@contextmanager
def something_sent():
    """For what is done after something was sent: where it fails, that has arrived."""
    try:
        yield
    except BackendUnavailable as error:
        error.unsent = False
        raise


class NoWorker(BackendUnavailable):
    """
    Raised where a request would wait in vain: no worker process that answers
    requests is there. Nothing was sent.
    """

    def __init__(self, text=""):
        super().__init__(text, unsent=True)


class WorkerLost(ChannelError):
    """
    Raised where the worker process that had a request has died, or the backend
    between them has failed. How far it got isn't known.
    """


class IncompleteResponse(ChannelError):
    """
    Raised from a streamed response whose rest won't come: who sent it has failed.
    """


class ConsumerAlreadyRegistered(ChannelError, ValueError):
    """Raised when a second consumer is registered for a channel."""


class InvalidDelivery(ChannelError, ValueError):
    """
    Raised to the sender for a way of delivery that its channel or its backend
    doesn't have, and for a group's member on another backend. Nothing was sent.
    """


class ReplyTimeout(ChannelError):
    """Raised when a reply channel brought nothing before its deadline."""


class InvalidChannelBackend(ImproperlyConfigured):
    """Raised when CHANNEL_BACKENDS can't be made into a backend."""
