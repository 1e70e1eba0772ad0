"""All the WebSockets of one server: the sink of their reply channels."""

import logging
import threading

from django.channels import channel_backends, consumers, names
from django.channels.exceptions import ChannelFull
from django.channels.message import Message

from . import conversation
from .handshake import (
    HostNotAllowed,
    OriginNotAllowed,
    check_handshake,
    connect_content,
)
from .request import Refused

logger = logging.getLogger("django.channels.server")
security_logger = logging.getLogger("django.security.DisallowedHost")

WEBSOCKET_CHANNELS = (
    names.WEBSOCKET_CONNECT,
    names.WEBSOCKET_RECEIVE,
    names.WEBSOCKET_DISCONNECT,
)


class Sockets:
    """
    The WebSockets of one server, by the name of their reply channel.

    ``deliver()`` is called by the backend in the thread that sends; the rest
    runs in the reactor's thread. ``make_protocol(sockets, content)`` returns
    the protocol of one connection, and ``make_frame(content)`` what a message
    has it write, or None. A connection has a handshake and one fate; its name
    is listened to until its disconnect consumer has finished.
    """

    def __init__(self, backend, mailbox, access, limits, make_protocol, make_frame):
        self.backend = backend
        self.mailbox = mailbox
        self.access = access
        self.limits = limits
        self.make_protocol = make_protocol
        self.make_frame = make_frame
        self.by_name = {}
        # Called when the last socket has ended.
        self.when_empty = None
        self._lock = threading.Lock()
        self._warned = False

    # Any thread.

    def deliver(self, reply_names, message):
        """
        Hand a message on to the sockets with these names, with one hop for
        all of them. Return the names of those whose reader is too slow.
        """
        content = message.content
        counted = content.get("content") is not None
        full = []
        reached = []
        most = self.limits.messages_waiting
        # Two senders must not both find the last free place.
        with self._lock:
            for name in reply_names:
                socket = self.by_name.get(name)
                if socket is None:
                    continue
                if counted:
                    if socket.sent_to - socket.handed + len(socket.held) >= most:
                        full.append(name)
                        continue
                    socket.sent_to += 1
                reached.append(socket)
        if reached:
            self.mailbox.post(self._hand_out, reached, content)
        return full

    # The reactor's thread.

    def take_over(self, connection, head, rest):
        """Let a WebSocket have the HTTP connection, or refuse it."""
        content = connect_content(
            head,
            reply_channel=self.backend.reply_name("websocket"),
            scheme=connection.factory.scheme,
            client=connection.client,
            server=connection.server,
        )
        try:
            self._check(head, content)
        except Refused as refused:
            self.access.connect(content["path"], refused.status, connection)
            connection.refuse_upgrade(refused.status)
            return
        socket = self.make_protocol(self, content)
        connection.hand_over(socket, head.serialize() + rest)

    def listen(self, socket):
        self.backend.listen(socket.name, self)
        self.by_name[socket.name] = socket

    def leave_groups(self, socket):
        """Drop the socket from every group; its name stays."""
        if socket.name in self.by_name:
            self.backend.unlisten(socket.name)
            self.backend.listen(socket.name, self)

    def unlisten(self, socket):
        self.backend.unlisten(socket.name)
        self.by_name.pop(socket.name, None)
        if not self.by_name and self.when_empty is not None:
            self.when_empty()

    def send(self, channel, content):
        """Send to the workers; return one of the words of ``conversation``."""
        if consumers.get(channel) is None:
            return conversation.NOBODY
        try:
            self.backend.send(Message(channel, content))
        except ChannelFull:
            return conversation.FULL
        except Exception:
            # A backend that can't be reached is as good as a full one.
            logger.exception("A message for %s could not be sent.", channel)
            return conversation.FULL
        return conversation.SENT

    def _hand_out(self, sockets, content):
        try:
            frame = self.make_frame(content)
        except ValueError as error:
            logger.error("A message to a WebSocket was dropped: %s", error)
            frame = None
        counted = content.get("content") is not None
        for socket in sockets:
            if counted:
                socket.handed += 1
            socket.told(content, frame)

    def _check(self, head, content):
        try:
            check_handshake(head)
        except HostNotAllowed as error:
            security_logger.error("Invalid HTTP_HOST header: %r.", error.host)
            raise
        except OriginNotAllowed as error:
            security_logger.error(
                "WebSocket %s refused: its Origin %r isn't in ALLOWED_HOSTS.",
                content["path"],
                error.origin,
            )
            raise
        if not any(consumers.get(name) for name in WEBSOCKET_CHANNELS):
            if not self._warned:
                self._warned = True
                logger.warning(
                    "A WebSocket was refused: no consumer for websocket.connect, "
                    "websocket.receive or websocket.disconnect is registered."
                )
            raise Refused(404)


def default_backend():
    """Return the backend that sockets' messages go through."""
    return channel_backends["default"]
