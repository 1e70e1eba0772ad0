"""
What one WebSocket may do when: a state machine without sockets or clock.

Its messages to the workers go through its ``relay``: one at a time, disconnect
last. What consumers send to the socket before the handshake is answered is
written after it. The states, and what changes them:

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

from django.channels import codec
from django.channels.lines import shown

from .close_codes import (
    GOING_AWAY,
    INTERNAL_ERROR,
    NORMAL,
    POLICY_VIOLATION,
    TRY_AGAIN_LATER,
    is_close_code,
)
from .relay import NOBODY, SENT, Relay

logger = logging.getLogger("django.channels.server")

CONNECTING = "connecting"
OPEN = "open"
REFUSED = "refused"
CLOSING = "closing"
LOST = "lost"
ENDED = "ended"

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
        Send a message to the workers; return what became of it, as ``relay``
        has it: SENT, FULL, UNAVAILABLE, TOO_LARGE, or NOBODY where the channel
        has no consumer. Or return PENDING, and call ``answered(order,
        outcome)`` when it's known: with one of the first four, and the
        message's ``order``.
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
        self.state = CONNECTING
        self._relay = Relay(self, edge, scope, frames, size)

    @property
    def busy(self):
        """The order of the message that the workers have, or None."""
        return self._relay.busy

    @property
    def values(self):
        """The socket's state: what its consumers have stored."""
        return self._relay.values

    def open(self):
        """The handshake was received: ask the connect consumer."""
        if self.state == CONNECTING:
            self._relay.connect(self.handshake)

    def unavailable(self):
        """There is no way to hear from the workers."""
        if self.state == CONNECTING:
            self._refuse(503)

    def received(self, content, binary):
        """A whole message has come in; ``content`` is str or bytes."""
        if self.state == OPEN:
            self._relay.receive(content, binary)

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
                shown(", ".join(sorted(content.keys() - _KEYS))),
            )
        state = content.get("state")
        if isinstance(state, dict):
            self.values.update(codec.plain(state))
        elif state is not None:
            logger.warning(
                "A message to a WebSocket has a state of type %s, not dict: it isn't "
                "kept.",
                type(state).__name__,
            )
        accept = content.get("accept")
        if accept is not None and self.state == CONNECTING:
            if not accept:
                self._refuse(403)
                return
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
        self.edge.forget()
        self._relay.disconnect(code, reason)

    def answered(self, order, outcome):
        """It's known what became of the message with this order."""
        self._relay.answered(order, outcome)

    def retry(self):
        """The time that retry() of the edge asked for is over."""
        self._relay.retry()

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
        self._relay.assume_sent()
        if self.state == OPEN:
            self._close(code, "")
        self._done(self.busy, failed=True)

    def shut_down(self):
        """The server stops."""
        if self.state == CONNECTING:
            self._refuse(503)
        elif self.state == OPEN:
            self._close(GOING_AWAY, "")

    # What the relay tells.

    def connect_settled(self, outcome):
        if outcome == NOBODY:
            self._accept(None)
        elif outcome == SENT:
            pass
        elif self.state == CONNECTING:
            self._refuse(503)
        elif self.state == LOST:
            self.finished()

    def frames_dropped(self, code):
        if self.state == OPEN:
            self._close(code, "")

    def finished(self):
        self.state = ENDED
        self.edge.end()

    def _done(self, order, failed):
        if not self._relay.done(order):
            return
        if self.state == CONNECTING:
            if failed:
                self._refuse(500)
            else:
                self._accept(None)
        elif failed and self.state == OPEN:
            self._close(INTERNAL_ERROR, "")
        self._relay.send_next()

    def _told_status(self, status):
        valid = type(status) is int and 400 <= status <= 599
        if not valid:
            logger.warning(
                "A WebSocket can't be refused with status %s: use an int from 400 to "
                "599.",
                _named(status),
            )
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
                logger.warning(
                    "A WebSocket can't be closed with code %s: use True, or an int "
                    "from 1000 to 1003, 1007 to 1014 or 3000 to 4999.",
                    _named(code),
                )
                code = NORMAL
            self._close(code, reason if isinstance(reason, str) else "")

    def _accept(self, subprotocol):
        if subprotocol is not None:
            if subprotocol not in self.handshake["subprotocols"]:
                logger.error(
                    "A subprotocol was chosen that the client did not offer: choose "
                    "one of the message's subprotocols, or leave it out."
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
        self.edge.close(code, reason)
        # Then, since the edge reads on, perhaps the peer's close.
        self._relay.clear()


def _named(value):
    """Return what a log line may say of a message's value."""
    # Content is never logged, and what is no number may be anything.
    return value if type(value) is int else f"of type {type(value).__name__}"
