"""A group: a set of channels that one send reaches."""

from . import DEFAULT_CHANNEL_BACKEND_ALIAS, channel_backends, codec, names
from .channel import checked, name_of


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
        """Make ``channel``, a Channel or its name, a member."""
        self.backend.group_add(self.name, name_of(channel))

    def discard(self, channel):
        """End the membership of ``channel``; none is no error."""
        self.backend.group_discard(self.name, name_of(channel))

    def send(self, /, **content):
        """
        Send ``content``, plain values by key, to each member. Raise
        InvalidMessage for a value that can't be carried, and MessageTooLarge.
        """
        self.backend.group_send(self.name, self._carried(content))

    async def aadd(self, channel):
        await self.backend.agroup_add(self.name, name_of(channel))

    async def adiscard(self, channel):
        await self.backend.agroup_discard(self.name, name_of(channel))

    async def asend(self, /, **content):
        await self.backend.agroup_send(self.name, self._carried(content))

    def _carried(self, content):
        content = codec.plain(checked(content))
        self.backend.check_size(content)
        return content
