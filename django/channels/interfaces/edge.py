"""The edge of a WebSocket: a conversation's, whatever carries the frames."""

import logging

from django.channels.lines import shown

from .conversation import Conversation
from .handshake import scope_of

logger = logging.getLogger("django.channels.server")


class SocketEdge:
    """
    One WebSocket of ``sockets``, from its handshake, whose ``content`` is what
    the connect consumer is told, to its end. It's what Sockets knows of a
    socket, and half of what a Conversation asks of its edge; the other half,
    and call_later(), is the subclass's.

    Written messages that the client is too slow for wait in ``held``, as do
    those before the handshake's answer. ``sent_to`` counts the messages that
    senders were allowed, ``handed`` those that have come here; each is written
    by one side only. The SocketWatch notes in ``asked_at`` when a message
    was last sent to the workers, in ``heard_at`` when a worker was last heard to
    have it, or None, both on the server's clock, and in ``misses`` how often in
    a row the message was seen neither with a worker nor waiting for one.
    """

    def __init__(self, sockets, content):
        self.sockets = sockets
        self.content = content
        self.name = content["reply_channel"]
        self.held = []
        self.sent_to = 0
        self.handed = 0
        self.asked_at = 0.0
        self.heard_at = None
        self.misses = 0
        self.conversation = Conversation(
            self,
            content,
            scope_of(content),
            frames=sockets.limits.frames_waiting,
            size=sockets.limits.bytes_waiting,
        )
        self._timer = None

    def call_later(self, delay, function):
        """
        Call ``function()`` in ``delay`` seconds, where this runs. Return what
        has a cancel().
        """
        raise NotImplementedError("Subclasses of SocketEdge must have call_later().")

    def ask_connect(self):
        """The handshake was received: have the connect consumer decide."""
        self._timer = self.call_later(
            self.sockets.limits.handshake_timeout, self._time_out
        )
        self.sockets.listen(self)

    def decided(self):
        """The handshake was answered, or the client has gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # The conversation's edge.

    def send(self, channel, values):
        return self.sockets.send(self, channel, values)

    def retry(self, delay):
        self.call_later(delay, self.conversation.retry)

    def forget(self):
        self.sockets.leave_groups(self)

    def end(self):
        self.sockets.unlisten(self)

    # What the server tells the conversation.

    def listening(self, error=None):
        """Its name is listened to, or can't be: ``error`` says why."""
        if error is not None:
            path = shown(self.content["path"])
            logger.error("WebSocket %s refused: %s", path, error)
            self.conversation.unavailable()
        else:
            self.conversation.open()

    def told(self, content, frame):
        if content.keys() == {"running"}:
            # Of a message that was given up, it means nothing.
            if content["running"] == self.conversation.busy:
                self.sockets.is_running(self)
        else:
            self.conversation.told(content, frame)

    def _time_out(self):
        self._timer = None
        logger.warning(
            "WebSocket %s refused: its connect consumer took longer than %s seconds.",
            shown(self.content["path"]),
            self.sockets.limits.handshake_timeout,
        )
        self.conversation.time_out()
