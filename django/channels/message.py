"""A message: a channel's name and a flat dict of plain values."""

from . import codec


class Message:
    """
    What travels on a channel.

    ``channel`` is the channel's canonical name. ``content`` is a flat dict of
    plain values (see ``django.channels.codec``); a consumer gets it as keyword
    arguments. Two of its keys have a meaning everywhere:

    ``reply_channel``
        Name of the channel that leads back to the request or the socket.
    ``order``
        An int. Whoever sent the message waits for its consumer: the worker
        sends ``{"done": order, "error": bool}`` to the reply channel when the
        consumer has finished.

    ``expires`` is set by the backend: the time on its clock, in seconds, after
    which the message is dropped rather than handled.
    """

    __slots__ = ("channel", "content", "expires")

    # Whether the consumer itself closes old database connections, as the
    # request signals do.
    manages_connections = False

    # How a message answers itself, where it brings all that it needs to.
    serve = None

    def __init__(self, channel, content):
        self.channel = channel
        self.content = content
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

    def receipt(self, error):
        """
        Return what the worker answers with when the consumer has finished
        (``error``: it raised), or None where nobody waits for that.
        """
        reply_channel = self.content.get("reply_channel")
        order = self.content.get("order")
        if reply_channel is None or (order is None and not error):
            return None
        return Message(reply_channel, {"done": order, "error": error})
