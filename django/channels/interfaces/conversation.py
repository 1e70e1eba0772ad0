"""
What one WebSocket may do when: a state machine without sockets or clock.

The rules
- A connection has at most one message with the workers (``busy``). The next
  goes out when the worker has reported it done, so connect, receive* and
  disconnect are handled in order by any number of workers. Frames that come in
  meanwhile wait; past a few the socket is read no further.
- Where connect was sent, disconnect is sent: once, last.
- What consumers send to the socket before the handshake is answered is written
  after it.
- A message can be on its way for a while (``PENDING``) before it's known
  whether it was sent. It counts as one with the workers.

The states, and what changes them

    state       event                                   next
    CONNECTING  told accept; connect is done            OPEN      101
                told close                              REFUSED   403
                told a status                           REFUSED   that
                connect failed                          REFUSED   500
                connect could not be sent               REFUSED   503
                time is up                              REFUSED   504
    OPEN        told close                              CLOSING   its code
                told a status                           CLOSING   1008
                a consumer failed                       CLOSING   1011
                receive is too large for a message      CLOSING   1009
                receive found its channel full, often   CLOSING   1013
                no store to send receive to, for long   CLOSING   1013
                the worker with a message is gone       CLOSING   1011
                the workers did not report back         CLOSING   1013
                the server stops                        CLOSING   1001
    any         the socket is lost                      LOST
    LOST        disconnect is done, or was never due    ENDED

In CLOSING and REFUSED frames are neither taken nor written; what is left is to
wait for the socket's end. The messages that were with the workers by then are
still waited for, and disconnect follows them.
"""

import logging

from django.channels import codec, names

from .backlog import Backlog
from .close_codes import (
    GOING_AWAY,
    INTERNAL_ERROR,
    MESSAGE_TOO_BIG,
    NORMAL,
    POLICY_VIOLATION,
    TRY_AGAIN_LATER,
    is_close_code,
)

logger = logging.getLogger("django.channels.server")

CONNECTING = "connecting"
OPEN = "open"
REFUSED = "refused"
CLOSING = "closing"
LOST = "lost"
ENDED = "ended"

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

# The keys of a message that says what to write, and nothing else.
WRITES = frozenset({"content", "binary"})

_KEYS = frozenset(
    {
        "accept",
        "binary",
        "close",
        "content",
        "done",
        "error",
        "reason",
        "state",
        "status",
        "subprotocol",
    }
)


class Conversation:
    """
    One WebSocket. ``edge`` does what it decides:

    ``send(channel, values)``
        Send a message to the workers; return SENT, FULL, UNAVAILABLE,
        TOO_LARGE, or NOBODY where the channel has no consumer. Or return
        PENDING, and call ``answered(order, outcome)`` when it's known: with one
        of the first four, and the message's ``order``.
    ``accept(subprotocol)``, ``refuse(status)``
        Answer the handshake.
    ``write(frame)``, ``close(code, reason)``
        Write a message to the peer; begin the closing handshake.
    ``pause()``, ``resume()``
        Read the socket no further; read on.
    ``retry(delay)``
        Call ``retry()`` in so many seconds.
    ``forget()``, ``end()``
        Leave all groups; nothing more comes, release the reply channel.

    ``handshake`` is the content of connect, ``scope`` the part of it that goes
    with every other message. At most ``frames`` frames with at most ``size``
    bytes in them wait before the socket is paused.
    """

    def __init__(self, edge, handshake, scope, frames=16, size=1024 * 1024):
        self.edge = edge
        self.handshake = handshake
        self.scope = scope
        self.state = CONNECTING
        self.values = {}
        self.order = 0
        self.busy = None
        self._waiting = Backlog(frames, size)
        self._paused = False
        self._attempts = 0
        self._retrying = False
        # The channel of a message of which it isn't known yet.
        self._pending = None
        # What disconnect is to say, from the socket's end until it's sent.
        self._farewell = None
        self._connected = False

    def open(self):
        """The handshake was received: ask the connect consumer."""
        if self.state == CONNECTING:
            self._send(names.WEBSOCKET_CONNECT, self.handshake, {})

    def unavailable(self):
        """There is no way to hear from the workers."""
        if self.state == CONNECTING:
            self._refuse(503)

    def received(self, content, binary):
        """A whole message has come in; ``content`` is str or bytes."""
        if self.state != OPEN:
            return
        self._waiting.add(content, binary)
        self._send_next()
        if self._waiting.is_full:
            self._pause()

    def heard(self, frame):
        """A message has come on the reply channel that is to be written only."""
        if self.state == OPEN or self.state == CONNECTING:
            self.edge.write(frame)

    def told(self, content, frame):
        """
        A message has come on the reply channel. ``frame`` is what to write for
        its ``content``, None where it has none.
        """
        if "done" in content:
            self._done(content["done"], bool(content.get("error")))
            return
        if not content.keys() <= _KEYS:
            logger.warning(
                "A message to a WebSocket has keys that mean nothing there: %s.",
                ", ".join(sorted(content.keys() - _KEYS)),
            )
        if isinstance(content.get("state"), dict):
            self.values.update(codec.plain(content["state"]))
        if content.get("accept") and self.state == CONNECTING:
            self._accept(content.get("subprotocol"))
        if frame is not None:
            self.heard(frame)
        if content.get("status") is not None:
            self._told_status(content["status"])
            return
        close = content.get("close")
        if close is not None and close is not False:
            self._told_close(close, content.get("reason"))

    def lost(self, code, reason):
        """The socket has ended, with this close code."""
        if self.state in (LOST, ENDED):
            return
        self.state = LOST
        self._farewell = {"code": code, "reason": reason}
        self.edge.forget()
        if self._connected:
            self._send_next()
        elif self._pending is None:
            self._end()

    def answered(self, order, outcome):
        """It's known what became of the message with this order."""
        # The workers may have been faster, and then it's settled.
        if self._pending is not None and order == self.busy:
            self._settle_pending(outcome)
            self._send_next()

    def retry(self):
        """The time that retry() of the edge asked for is over."""
        self._retrying = False
        self._send_next()

    def time_out(self):
        """The handshake had its time."""
        if self.state == CONNECTING:
            self._refuse(504)

    def give_up(self, code=TRY_AGAIN_LATER):
        """
        The workers had their time with the message that they have; or, with
        INTERNAL_ERROR, the one that had it is gone.
        """
        if self.busy is None:
            return
        logger.warning("A WebSocket's message was not reported done; it's closed.")
        if self._pending is not None:
            self._settle_pending(SENT)
        if self.state == OPEN:
            self._close(code, "")
        self._done(self.busy, failed=True)

    def shut_down(self):
        """The server stops."""
        if self.state == CONNECTING:
            self._refuse(503)
        elif self.state == OPEN:
            self._close(GOING_AWAY, "")

    def _done(self, order, failed):
        if order is None or order != self.busy:
            return
        if self._pending is not None:
            # It was sent, then; that will be said later.
            self._settle_pending(SENT)
        self.busy = None
        if self._farewell is None and self.state == LOST:
            self._end()
            return
        if self.state == CONNECTING:
            if failed:
                self._refuse(500)
            else:
                self._accept(None)
        elif failed and self.state == OPEN:
            self._close(INTERNAL_ERROR, "")
        self._send_next()

    def _told_status(self, status):
        valid = type(status) is int and 400 <= status <= 599
        if not valid:
            logger.warning("A WebSocket can't be refused with status %r.", status)
        if self.state == CONNECTING:
            self._refuse(status if valid else 403)
        elif self.state == OPEN:
            self._close(POLICY_VIOLATION, "")

    def _told_close(self, code, reason):
        if self.state == CONNECTING:
            self._refuse(403)
        elif self.state == OPEN:
            if code is True:
                code = NORMAL
            elif not is_close_code(code):
                logger.warning("A WebSocket can't be closed with code %r.", code)
                code = NORMAL
            self._close(code, reason if isinstance(reason, str) else "")

    def _accept(self, subprotocol):
        if subprotocol is not None:
            if subprotocol not in self.handshake["subprotocols"]:
                logger.error(
                    "The client did not offer the subprotocol %r.", subprotocol
                )
                self._refuse(500)
                return
        self.state = OPEN
        self.edge.accept(subprotocol)

    def _refuse(self, status):
        self.state = REFUSED
        self.edge.refuse(status)

    def _close(self, code, reason):
        self.state = CLOSING
        self._waiting.clear()
        self._resume()
        self.edge.close(code, reason)

    def _end(self):
        self.state = ENDED
        self.edge.end()

    def _send_next(self):
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
        outcome = self.edge.send(
            channel, {**scope, **own, "order": self.order, "state": state}
        )
        if outcome == PENDING:
            self.busy = self.order
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
            self.busy = self.order
            self.order += 1
        if channel == names.WEBSOCKET_CONNECT:
            self._settle_connect(outcome)
        elif channel == names.WEBSOCKET_RECEIVE:
            self._settle_receive(outcome)
        else:
            self._settle_disconnect(outcome)

    def _settle_connect(self, outcome):
        if outcome in (FULL, UNAVAILABLE, TOO_LARGE):
            if self.state == CONNECTING:
                self._refuse(503)
            elif self.state == LOST:
                self._end()
            return
        self._connected = True
        if outcome == NOBODY:
            self._accept(None)

    def _settle_receive(self, outcome):
        if not self._waiting:
            # The socket was closed meanwhile.
            self._attempts = 0
            return
        if outcome == TOO_LARGE:
            self._drop_frames(MESSAGE_TOO_BIG)
            return
        if outcome in (FULL, UNAVAILABLE):
            self._receive_failed(outcome)
            return
        self._attempts = 0
        self._waiting.drop_first()
        if self._paused and self._waiting.is_half_empty:
            self._resume()

    def _receive_failed(self, outcome):
        attempts = len(RETRY_DELAYS) if outcome == FULL else PATIENT_ATTEMPTS
        if self._attempts < attempts:
            self._pause()
            self._try_again()
            return
        logger.warning("A WebSocket was closed: its frames could not be sent.")
        self._drop_frames(TRY_AGAIN_LATER)

    def _drop_frames(self, code):
        self._attempts = 0
        self._waiting.clear()
        if self.state == OPEN:
            self._close(code, "")

    def _settle_disconnect(self, outcome):
        if outcome in (FULL, UNAVAILABLE):
            if self._attempts < PATIENT_ATTEMPTS:
                self._try_again()
                return
            logger.error("A websocket.disconnect was dropped: it could not be sent.")
        self._farewell = None
        self._attempts = 0
        if outcome != SENT:
            self._end()

    def _try_again(self):
        delay = RETRY_DELAYS[min(self._attempts, len(RETRY_DELAYS) - 1)]
        self._attempts += 1
        self._retrying = True
        self.edge.retry(delay)

    def _pause(self):
        if not self._paused:
            self._paused = True
            self.edge.pause()

    def _resume(self):
        if self._paused:
            self._paused = False
            self.edge.resume()
