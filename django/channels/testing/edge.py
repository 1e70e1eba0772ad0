"""
The server's end of a WebSocket in a test.

It's what the interface server has: the checks of the handshake and the sink of
the reply channel (interfaces.sockets), and the state machine of one connection
(interfaces.conversation). What is missing is the network. The edge is its own
connection, and what it would write it keeps.
"""

from threading import get_ident

from django.channels import channel_backends
from django.channels.inline import take
from django.channels.interfaces.access import NoAccessLog
from django.channels.interfaces.admission import WEBSOCKET_CHANNELS
from django.channels.interfaces.close_codes import ABNORMAL
from django.channels.interfaces.edge import SocketEdge
from django.channels.interfaces.limits import Limits
from django.channels.interfaces.mailbox import Mailbox
from django.channels.interfaces.payload import payload_of, truncated
from django.channels.interfaces.request import Refused, RequestHead
from django.channels.interfaces.sockets import Sockets
from django.http import HttpResponse


class Edge(SocketEdge):
    """
    One connection. ``status`` is what answered the handshake, None before,
    101 if it was accepted; ``inbox`` holds what the client has to receive.

    settle() does what is due and returns the next message for a consumer. The
    caller runs it, and calls settle() again.
    """

    def __init__(self, secure, client):
        self.scheme = "https" if secure else "http"
        self.client = client
        self.server = ["testserver", 443 if secure else 80]
        self.conversation = None
        self.status = None
        self.subprotocol = None
        self.close_code = None
        self.close_reason = None
        self.inbox = []
        # Called, from any thread, when something has come.
        self.wake = None
        # Calls for when the conversation has returned.
        self._later = []
        # Set by a thread that isn't the one that drives.
        self._due = None
        self._inside = False
        self._thread = None
        self.sockets = Sockets(
            channel_backends["default"],
            Mailbox(self._summon),
            NoAccessLog(),
            Limits.from_settings(),
            self._make_protocol,
            message_of,
        )

    @property
    def backend(self):
        return self.sockets.backend

    @property
    def response(self):
        """The answer to the handshake, as an HttpResponse."""
        if self.status is None:
            return None
        if self.status == 101:
            return HttpResponse(status=101)
        headers = {"Retry-After": "1"} if self.status == 503 else {}
        return HttpResponse(
            status=self.status, headers=headers, content_type="text/plain"
        )

    def open(self, target, headers):
        """Hand the handshake's request to the server."""
        try:
            head = RequestHead("GET", target, "1.1", headers)
        except Refused as refused:
            self.refuse(refused.status)
        else:
            self.enter(self.sockets.take_over, self, head, b"")

    def enter(self, function, *args):
        """
        Make a call into the conversation. One ends before the next begins:
        what others post meanwhile, or from other threads, comes after it.
        """
        self._thread = get_ident()
        self._inside = True
        try:
            function(*args)
            self._call_due()
        finally:
            self._inside = False

    def settle(self):
        """Do what is due; return the next message for a consumer, or None."""
        while True:
            self.enter(self._call_due)
            message = take(self.backend, WEBSOCKET_CHANNELS)
            if message is not None or not self._later:
                return message
            self.enter(*self._later.pop(0))

    def hang_up(self, code, reason):
        """The client has ended the connection."""
        self.close_code, self.close_reason = code, reason
        self.enter(self.conversation.lost, code, reason)

    @property
    def is_with_worker(self):
        """Whether a worker's thread is at a message of this socket."""
        if self.conversation is None or self.conversation.busy is None:
            return False
        return any(map(self.backend.is_served, WEBSOCKET_CHANNELS))

    @property
    def is_due(self):
        return self._due is not None

    # The connection that take_over() and its ``factory`` speak to.

    @property
    def factory(self):
        return self

    def refuse_upgrade(self, status):
        self.refuse(status)

    def hand_over(self, protocol, data):
        self.sockets.listen(self)

    def seen(self, head):
        return self.client, self.scheme

    def listening(self, error=None):
        if error is not None:
            raise error
        self.conversation.open()

    # The conversation's edge. Nothing is ever held.

    def accept(self, subprotocol):
        self.subprotocol = subprotocol
        self.status = 101

    def refuse(self, status):
        self.inbox.clear()
        self.status = status
        if self.conversation is not None:
            self._later.append((self.conversation.lost, ABNORMAL, ""))

    def write(self, frame):
        self.inbox.append(frame)
        self._wake()

    def close(self, code, reason):
        # The client answers with the same code.
        self.close_code = code
        self.close_reason = (truncated(reason, 123) or b"").decode()
        self._later.append((self.conversation.lost, code, self.close_reason))
        self._wake()

    def pause(self):
        pass

    def resume(self):
        pass

    def retry(self, delay):
        # Consumers run first, and make room.
        self._later.append((self.conversation.retry,))

    def _make_protocol(self, sockets, content):
        super().__init__(sockets, content)
        return self

    def _summon(self, function):
        if get_ident() == self._thread and not self._inside:
            self.enter(function)
        else:
            self._due = function
            self._wake()

    def _call_due(self):
        while self._due is not None:
            due, self._due = self._due, None
            due()

    def _wake(self):
        wake = self.wake
        if wake is not None:
            wake()


def message_of(content):
    """Return what a client receives of a channel message, or None."""
    found = payload_of(content)
    if found is None:
        return None
    payload, binary = found
    return payload if binary else payload.decode()
