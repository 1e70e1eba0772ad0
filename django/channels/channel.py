"""A channel: a named queue of messages, to send to."""

import logging

from . import DEFAULT_CHANNEL_BACKEND_ALIAS, channel_backends, names
from .exceptions import InvalidMessage
from .message import Message
from .names import is_reply
from .registry import consumers

logger = logging.getLogger("django.channels")


class Channel:
    """
    The channel ``name`` on the backend ``alias`` of CHANNEL_BACKENDS.

    It needs no declaration: a channel is there as soon as something is sent
    on it or registered for it. Raise InvalidChannelName for a name that
    isn't 1 to 100 ASCII letters, digits, dots, underscores or hyphens.
    """

    def __init__(self, name, alias=DEFAULT_CHANNEL_BACKEND_ALIAS):
        self.name = names.canonical(name)
        self.alias = alias

    def __repr__(self):
        return f"<Channel {self.name}>"

    @property
    def backend(self):
        return channel_backends[self.alias]

    def send(self, /, **content):
        """
        Send a message with ``content``, plain values by key, and return at
        once. A consumer gets them as keyword arguments.

        The values are copied. Raise InvalidMessage, naming the key, for one
        that can't be carried, and ChannelFull when the channel is at capacity;
        nothing was sent then. Delivery is at most once.
        """
        self.backend.send(self._message(content))

    async def asend(self, /, **content):
        await self.backend.asend(self._message(content))

    @classmethod
    def new_name(cls, prefix):
        """Return a channel name that starts with ``prefix`` and is unique."""
        return names.new_name(prefix)

    @classmethod
    def consumer(cls, channels):
        """
        Return a decorator that registers a callable, plain or ``async def``,
        as the consumer of ``channels``, a name or a list of names. The
        callable itself is returned, unchanged. Raise ConsumerAlreadyRegistered
        where a channel has another consumer.
        """

        def register(function):
            consumers.register(channels, function)
            return function

        return register

    def as_view(self):
        """
        Return a view that forwards its request to this channel and answers
        with what comes on the reply channel. See django.channels.views.
        """
        from .views import forward_view

        return forward_view(self)

    def _message(self, content):
        message = Message.from_values(self.name, checked(content))
        backend = self.backend
        if backend.process_local and not backend.is_served(self.name):
            warn_unserved(self.name)
        return message


def checked(content):
    """Return ``content``, or raise InvalidMessage for a key that is taken."""
    if "channel" in content:
        raise InvalidMessage(
            "The message's key 'channel' is taken: a consumer's argument of that "
            "name is the channel it was sent on. Use another key."
        )
    return content


_unserved = set()


def warn_unserved(name):
    """Log, once per channel, that nobody in this process will handle it."""
    if is_reply(name) or name in _unserved:
        return
    _unserved.add(name)
    logger.warning(
        "A message was sent on channel %s, and no worker in this process receives "
        "from it: it expires unless one is started. runserver and runwsserver have "
        "workers; under another server, channels in memory have none.",
        name,
    )
