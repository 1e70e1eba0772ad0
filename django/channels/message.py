"""A message: a channel's name and a flat dict of plain values."""

from . import codec, names
from .exceptions import InvalidChannelName

# What as_view() sends on any channel. In another process nothing else tells a
# request that was forwarded.
FORWARDED = frozenset({"method", "headers", "url_args", "url_kwargs"})


class Message:
    """
    What travels on a channel.

    ``channel`` is the channel's canonical name. ``content`` is a flat dict of
    plain values (see ``django.channels.codec``); a consumer gets it as keyword
    arguments. Its key ``reply_channel`` means the same everywhere: the name of
    the channel that leads back to the request or the socket.

    The messages of a socket are numbered by ``order``, an int. Their sender
    waits for the consumer: the worker sends ``{"done": order, "error": bool}``
    to the reply channel when it has finished.

    ``backend`` is what carries the message, once it was sent. ``expires`` is
    the time on the backend's clock, in seconds, after which the message is
    dropped rather than handled.
    """

    __slots__ = ("channel", "content", "backend", "expires")

    # Whether it's delivered at least once. See DurableMessage.
    durable = False

    # Which attempt to handle it this is, from 1.
    attempt = 1

    # Whether the consumer itself closes old database connections, as the
    # request signals do.
    manages_connections = False

    # Whether consumer_started and consumer_finished are sent around it.
    signalled = True

    # How a message answers itself, where it brings all that it needs to.
    serve = None

    # What wakes the thread that the message is for, where that isn't to be done
    # at once.
    wakeups = None

    def __init__(self, channel, content):
        self.channel = channel
        self.content = content
        self.backend = None
        self.expires = None

    def __repr__(self):
        # No values: content is never logged.
        return f"<{type(self).__name__} {self.channel}>"

    @classmethod
    def from_values(cls, channel, values):
        """
        Return a message with a copy of ``values``. Raise InvalidMessage if
        one of them can't be carried.
        """
        return cls(channel, codec.plain(values))

    def enter(self, semaphore):
        """
        Be about to go to an event loop: wait for a place among those that are
        on their way, if this takes one.
        """

    def leave(self):
        """Give back what enter() took, if that wasn't done."""

    @property
    def made_by_django(self):
        """Whether its keys are Django's choice, not its sender's."""
        return self.channel in names.PROTOCOL_CHANNELS or (
            self.content.keys() >= FORWARDED
        )

    def receipt(self, error):
        """
        Return what is to be sent when the consumer has finished (``error``: it
        raised, or there is none to come), or None where nobody waits for that.
        """
        reply_channel = self.content.get("reply_channel")
        # In a project's own message the key is the project's.
        order = self.content.get("order") if self.made_by_django else None
        if reply_channel is None or (order is None and not error):
            return None
        try:
            name = names.canonical(reply_channel)
        except InvalidChannelName:
            # A project can send anything by this key.
            return None
        return Message(name, {"done": order, "error": error})


class SocketMessage(Message):
    """
    A message of a socket's whose consumer runs in this process. ``wakeups`` are
    those of the socket's loop, or None.
    """

    __slots__ = ("wakeups",)

    def __init__(self, channel, content, wakeups):
        super().__init__(channel, content)
        self.wakeups = wakeups

    def receipt(self, error):
        content = self.content
        return Message(
            content["reply_channel"], {"done": content["order"], "error": error}
        )


class DurableMessage(Message):
    """
    A message that is delivered at least once, as it was received.

    ``id``, a str, tells it from all others of its backend. ``attempt`` counts
    from 1. ``lease`` tells this time that it was received from others: what is
    done with a lease that is over changes nothing.
    """

    __slots__ = ("id", "attempt", "lease")

    durable = True

    def __init__(self, channel, content, id, attempt, lease):
        super().__init__(channel, content)
        self.id = id
        self.attempt = attempt
        self.lease = lease

    def __repr__(self):
        return f"<{type(self).__name__} {self.id} {self.channel}>"

    def receipt(self, error):
        # Whoever sent it doesn't wait, and there may be further attempts.
        return None
