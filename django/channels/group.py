"""A group: a set of channels that one send reaches."""

from . import DEFAULT_CHANNEL_BACKEND_ALIAS, channel_backends, codec, names
from .channel import Channel, checked, name_of
from .exceptions import InvalidDelivery


class Group:
    """
    The group ``name`` on the backend ``alias``. Its members are channels, most
    often the reply channels of sockets.

    A socket's membership ends with the socket, by itself. A send reaches every
    member at most once, in the order of the sends; a member that is too slow
    is passed over, counted and logged.
    """

    def __init__(self, name, alias=DEFAULT_CHANNEL_BACKEND_ALIAS):
        self.name = names.validate(name, "group")
        self.alias = alias

    def __repr__(self):
        return f"<Group {self.name}>"

    @property
    def backend(self):
        return channel_backends[self.alias]

    def add(self, channel):
        """
        Make ``channel``, a Channel or its name, a member. Raise InvalidDelivery
        for a Channel on another backend.
        """
        self.backend.group_add(self.name, self._member(channel))

    def discard(self, channel):
        """End the membership of ``channel``; none is no error."""
        self.backend.group_discard(self.name, self._member(channel))

    def send(self, /, **content):
        """
        Send ``content``, plain values by key, to each member. Raise
        InvalidMessage for a value that can't be carried, and MessageTooLarge.
        """
        self.backend.group_send(self.name, self._carried(content))

    async def aadd(self, channel):
        await self.backend.agroup_add(self.name, self._member(channel))

    async def adiscard(self, channel):
        await self.backend.agroup_discard(self.name, self._member(channel))

    async def asend(self, /, **content):
        await self.backend.agroup_send(self.name, self._carried(content))

    def _member(self, channel):
        if isinstance(channel, Channel) and channel.alias != self.alias:
            raise InvalidDelivery(
                f"{channel!r} is on the backend {channel.alias!r} and {self!r} on "
                f"{self.alias!r}: what is sent to the group wouldn't reach it. Give "
                f"both the same alias."
            )
        return name_of(channel)

    def _carried(self, content):
        content = codec.plain(checked(content))
        self.backend.check_size(content)
        return content
