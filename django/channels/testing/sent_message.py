"""What a test may look at of a message that was sent."""

from django.channels import codec
from django.channels.delivery import Delivery
from django.channels.message import Message


class SentMessage:
    """
    A message that was sent: on ``channel``, or to ``group`` and ``channel`` is
    None; on the backend ``alias``; with a copy of its ``content``;
    ``delivery`` says how. See django.channels.delivery.Delivery.
    """

    def __init__(
        self, alias, message=None, group=None, content=None, delivery=Delivery()
    ):
        self.alias = alias
        self.delivery = delivery
        self.channel = None if message is None else message.channel
        self.group = group
        self._message = None
        if type(message) is Message:
            content = message.content
        elif message is not None:
            # Encoding a request reads its body, which is the view's to read.
            self._message = message
        self._content = None if content is None else codec.plain(content)

    def __repr__(self):
        to = f"group {self.group!r}" if self.group else f"channel {self.channel!r}"
        return f"<SentMessage on {to}: {self.content!r}>"

    @property
    def content(self):
        return self._content if self._message is None else self._message.content
