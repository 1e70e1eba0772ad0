"""
What one WebSocket sends to the workers: one message at a time, in order.

- The next message goes out when the worker has reported the one before it done,
  so connect, receive* and disconnect are handled in order by any number of
  workers. Frames that come in meanwhile wait; past a few the socket is read no
  further.
- Where connect was sent, disconnect is sent: once, last.
- A message can be on its way for a while (``PENDING``) before it's known
  whether it was sent. It counts as one with the workers.
- One that finds its channel full, or no store, is sent again and again for a
  while, and what comes after it waits.
"""

import logging

from django.channels import codec, names

from .backlog import Backlog
from .close_codes import MESSAGE_TOO_BIG, TRY_AGAIN_LATER

logger = logging.getLogger("django.channels.server")

# What send() of an edge answers with.
SENT = "sent"
FULL = "full"
NOBODY = "nobody"
UNAVAILABLE = "unavailable"
TOO_LARGE = "too large"
PENDING = "pending"

# Delays in seconds between attempts to send a frame to a full channel, before
# the socket is closed. Those for disconnect, and for a frame while the store is
# out of reach, go on with the last for a minute.
RETRY_DELAYS = (0.1, 0.2, 0.5, 1.0, 2.0)
PATIENT_ATTEMPTS = 32


class Relay:
    """
    The messages of a Conversation's socket, sent through its ``edge``. The
    conversation is told what comes of them:

    ``connect_settled(outcome)``
        Connect was sent, or wasn't: any outcome but PENDING.
    ``frames_dropped(code)``
        The frames that waited could not be sent, for the reason ``code``.
    ``finished()``
        Nothing is left to be sent: the socket has ended, and disconnect is
        done, could not be sent, or was never due.

    ``values`` is the socket's state, which goes with each message, as does the
    ``scope``. ``busy`` is the order of the message with the workers, or None.
    """

    __slots__ = (
        "busy",
        "scope",
        "values",
        "_attempts",
        "_connected",
        "_conversation",
        "_disconnected",
        "_edge",
        "_farewell",
        "_order",
        "_paused",
        "_pending",
        "_retrying",
        "_waiting",
    )

    def __init__(self, conversation, edge, scope, frames, size):
        self._conversation = conversation
        self._edge = edge
        self.scope = scope
        self.values = {}
        self.busy = None
        self._order = 0
        self._waiting = Backlog(frames, size)
        self._paused = False
        self._attempts = 0
        self._retrying = False
        # The channel of a message of which it isn't known yet.
        self._pending = None
        self._connected = False
        # What disconnect is to say, from the socket's end until it's sent.
        self._farewell = None
        self._disconnected = False

    def connect(self, handshake):
        """Send connect, the first message."""
        self._send(names.WEBSOCKET_CONNECT, handshake, {})

    def receive(self, content, binary):
        """Send a frame in its turn."""
        self._waiting.add(content, binary)
        self.send_next()
        if self._waiting.is_full:
            self._pause()

    def disconnect(self, code, reason):
        """Send disconnect in its turn: the socket has ended."""
        self._farewell = {"code": code, "reason": reason}
        if self._connected:
            self.send_next()
        elif self._pending is None:
            self._conversation.finished()

    def clear(self):
        """Forget the frames that wait."""
        self._waiting.clear()
        self._resume()

    def answered(self, order, outcome):
        """It's known what became of the message with this order."""
        # The workers may have been faster, and then it's settled.
        if self._pending is not None and order == self.busy:
            self._settle_pending(outcome)
            self.send_next()

    def retry(self):
        """The time that retry() of the edge asked for is over."""
        self._retrying = False
        self.send_next()

    def done(self, order):
        """
        The message with this order is done. Return whether it was with the
        workers until now, and something is left: send_next() then sends it.
        """
        if order is None or order != self.busy:
            return False
        self.assume_sent()
        self.busy = None
        if self._disconnected:
            self._conversation.finished()
        return not self._disconnected

    def assume_sent(self):
        """The message with the workers was sent; that may be said later."""
        if self._pending is not None:
            self._settle_pending(SENT)

    def send_next(self):
        """Send what waits, if nothing is with the workers."""
        while self.busy is None and not self._retrying:
            if self._waiting:
                self._send(names.WEBSOCKET_RECEIVE, self.scope, self._waiting.first)
            elif self._farewell is not None and self._connected:
                self._send(names.WEBSOCKET_DISCONNECT, self.scope, self._farewell)
            else:
                return

    def _send(self, channel, scope, own):
        # A consumer may change what it gets.
        state = codec.plain(self.values) if self.values else {}
        outcome = self._edge.send(
            channel, {**scope, **own, "order": self._order, "state": state}
        )
        if outcome == PENDING:
            self.busy = self._order
            self._pending = channel
        else:
            self._settle(channel, outcome)

    def _settle_pending(self, outcome):
        channel, self._pending = self._pending, None
        self.busy = None
        self._settle(channel, outcome)

    def _settle(self, channel, outcome):
        """Act on what became of a message to the workers."""
        if outcome == SENT:
            self.busy = self._order
            self._order += 1
        if channel == names.WEBSOCKET_CONNECT:
            self._connected = outcome in (SENT, NOBODY)
            self._conversation.connect_settled(outcome)
        elif channel == names.WEBSOCKET_RECEIVE:
            self._settle_receive(outcome)
        else:
            self._settle_disconnect(outcome)

    def _settle_receive(self, outcome):
        if not self._waiting:
            # The socket was closed meanwhile.
            self._attempts = 0
        elif outcome == TOO_LARGE:
            self._drop_frames(MESSAGE_TOO_BIG)
        elif outcome in (FULL, UNAVAILABLE):
            attempts = len(RETRY_DELAYS) if outcome == FULL else PATIENT_ATTEMPTS
            if self._attempts < attempts:
                self._pause()
                self._try_again()
            else:
                logger.warning("A WebSocket was closed: its frames could not be sent.")
                self._drop_frames(TRY_AGAIN_LATER)
        else:
            self._attempts = 0
            self._waiting.drop_first()
            if self._paused and self._waiting.is_half_empty:
                self._resume()

    def _drop_frames(self, code):
        self._attempts = 0
        self._waiting.clear()
        self._conversation.frames_dropped(code)

    def _settle_disconnect(self, outcome):
        if outcome in (FULL, UNAVAILABLE):
            if self._attempts < PATIENT_ATTEMPTS:
                self._try_again()
                return
            logger.error("A websocket.disconnect was dropped: it could not be sent.")
        if outcome == TOO_LARGE and self.values:
            # It's the state that is: the consumer runs without it.
            self.values = {}
            return
        self._farewell = None
        self._attempts = 0
        if outcome == SENT:
            self._disconnected = True
        else:
            self._conversation.finished()

    def _try_again(self):
        delay = RETRY_DELAYS[min(self._attempts, len(RETRY_DELAYS) - 1)]
        self._attempts += 1
        self._retrying = True
        self._edge.retry(delay)

    def _pause(self):
        if not self._paused:
            self._paused = True
            self._edge.pause()

    def _resume(self):
        if self._paused:
            self._paused = False
            self._edge.resume()
