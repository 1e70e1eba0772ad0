"""All the WebSockets of one server: the sink of their reply channels."""

import logging
import threading
from functools import partial

from django.channels import consumers
from django.channels.exceptions import (
    BackendUnavailable,
    ChannelError,
    ChannelFull,
    MessageTooLarge,
    nothing_sent,
)
from django.channels.message import Message, SocketMessage

from . import relay
from .admission import Admission
from .conversation import WRITES
from .handshake import connect_content
from .request import Refused
from .watch import SocketWatch

logger = logging.getLogger("django.channels.server")


class Sockets:
    """
    The WebSockets of one server, by the name of their reply channel.

    ``deliver()`` is called by the backend in the thread that sends; the rest
    runs in the reactor's thread. ``make_protocol(sockets, content)`` returns
    the protocol of one connection, and ``make_frame(content)`` what a message
    has it write, or None. A connection has a handshake and one fate; its name
    is listened to until its disconnect consumer has finished.

    With ``outbox``, what is asked of the backend is asked there, in order for
    each socket: for a backend on which the reactor's thread would have to
    wait. ``clock`` is the reactor; without an outbox it isn't used, since the
    workers are in this process and can't get lost.
    """

    def __init__(
        self,
        backend,
        mailbox,
        access,
        limits,
        make_protocol,
        make_frame,
        outbox=None,
        clock=None,
        wakeups=None,
    ):
        self.backend = backend
        self.mailbox = mailbox
        self.clock = clock
        self.access = access
        self.limits = limits
        self.make_protocol = make_protocol
        self.make_frame = make_frame
        self.by_name = {}
        # Whether no more are taken: the others have been told to go.
        self.stopping = False
        # Called when the last socket has ended.
        self.when_empty = None
        self._outbox = outbox
        self._wakeups = wakeups
        self._watch = None
        if outbox is not None:
            self._watch = SocketWatch(
                self.by_name, backend, outbox, clock, limits.message_timeout
            )
        self._is_out = False
        self._lock = threading.Lock()
        self._admission = Admission()

    # Any thread.

    def deliver(self, reply_names, message):
        """
        Hand a message on to the sockets with these names, with one hop for
        all of them. Return the names of those whose reader is too slow.
        """
        content = message.content
        reached = [s for s in map(self.by_name.get, reply_names) if s is not None]
        full = []
        if content.get("content") is not None:
            reached, full = self._admit(reached)
        if reached:
            self.mailbox.post(self._hand_out, reached, content)
        return full

    def _admit(self, sockets):
        """
        Return those of the sockets that a message may be handed to, and the
        names of the others.
        """
        most = self.limits.messages_waiting
        free, full = [], []
        # Two senders must not both find the last free place.
        with self._lock:
            for socket in sockets:
                if socket.sent_to - socket.handed + len(socket.held) < most:
                    socket.sent_to += 1
                    free.append(socket)
                else:
                    full.append(socket.name)
        return free, full

    # The reactor's thread.

    def take_over(self, connection, head, rest):
        """Let a WebSocket have the HTTP connection, or refuse it."""
        client, scheme = connection.seen(head)
        content = connect_content(
            head,
            reply_channel=self.backend.reply_name("websocket"),
            scheme=scheme,
            client=client,
            server=connection.server,
        )
        try:
            if self.stopping:
                raise Refused(503)
            self._admission.check(head, content)
        except Refused as refused:
            self.access.connect(content["path"], refused.status, connection)
            connection.refuse_upgrade(refused.status)
            return
        socket = self.make_protocol(self, content)
        # A client may split them (RFC 6455 section 9.1); Autobahn takes one.
        head = head.serialize(joined=["sec-websocket-extensions"])
        connection.hand_over(socket, head + rest)

    def listen(self, socket):
        """Listen for the socket; it's told by listening() how that went."""
        self.by_name[socket.name] = socket
        self._ask(socket, self._listen, socket.name, then=socket.listening)
        if self._watch is not None:
            self._watch.start()

    def leave_groups(self, socket):
        """Drop the socket from every group; its name stays."""
        if socket.name in self.by_name:
            self._ask(socket, self.backend.leave_groups, socket.name)

    def unlisten(self, socket):
        self._ask(socket, self.backend.unlisten, socket.name)
        self.by_name.pop(socket.name, None)
        if not self.by_name:
            if self._watch is not None:
                self._watch.stop()
            if self.when_empty is not None:
                self.when_empty()

    def send(self, socket, channel, content):
        """Send to the workers; return one of the words of ``relay``."""
        if consumers.get(channel) is None:
            return relay.NOBODY
        if self._outbox is None:
            return self._send(SocketMessage(channel, content, self._wakeups))
        message = Message(channel, content)
        self._watch.sent(socket)
        answered = partial(socket.conversation.answered, content["order"])
        self._ask(socket, self._send, message, then=answered)
        return relay.PENDING

    def is_running(self, socket):
        """A worker has said that it has the socket's message."""
        if self._watch is not None:
            self._watch.heard(socket)

    def _ask(self, socket, function, *args, then=None):
        if self._outbox is not None:
            self._outbox.post(socket.name, function, *args, then=then)
            return
        result = function(*args)
        if then is not None:
            then(result)

    # The reactor's thread, or the outbox's.

    def _listen(self, name):
        """Return the error that it came to, or None."""
        try:
            self.backend.listen(name, self)
        except ChannelError as error:
            return error

    def _send(self, message):
        try:
            with nothing_sent():
                self.backend.renew_inbox()
            self.backend.send(message)
        except ChannelFull:
            return relay.FULL
        except MessageTooLarge as error:
            logger.warning("A message for %s was dropped: %s", message.channel, error)
            return relay.TOO_LARGE
        except BackendUnavailable as error:
            # One line for an outage, not one for each of many sockets.
            log = logger.debug if self._is_out else logger.warning
            self._is_out = True
            log("A message for %s: %s", message.channel, error)
            # It must not come twice. If it was lost, nobody reports it done,
            # and the watch ends the socket.
            return relay.UNAVAILABLE if error.unsent else relay.SENT
        except Exception:
            # What can't be sent is as good as sent to a full channel.
            logger.exception("A message for %s could not be sent.", message.channel)
            return relay.FULL
        self._is_out = False
        return relay.SENT

    # The reactor's thread.

    def _hand_out(self, sockets, content):
        try:
            frame = self.make_frame(content)
        except ValueError as error:
            logger.error("A message to a WebSocket was dropped: %s", error)
            frame = None
        counted = content.get("content") is not None
        only_written = frame is not None and content.keys() <= WRITES
        for socket in sockets:
            if counted:
                socket.handed += 1
            if only_written:
                # The common case: it's what a group's members get.
                socket.conversation.heard(frame)
            else:
                socket.told(content, frame)
