"""A WebSocket of an ASGI server's: two tasks as a conversation's edge."""

import asyncio
import logging

from .close_codes import (
    ABNORMAL,
    GOING_AWAY,
    INVALID_DATA,
    MESSAGE_TOO_BIG,
    NO_CODE,
    NORMAL,
)
from .edge import SocketEdge
from .payload import payload_of, truncated

logger = logging.getLogger("django.channels.server")


def event_of(content):
    """Return the event that sends what payload_of() finds, or None."""
    found = payload_of(content)
    if found is None:
        return None
    payload, binary = found
    if binary:
        return {"type": "websocket.send", "bytes": payload}
    return {"type": "websocket.send", "text": payload.decode()}


class ASGISocket(SocketEdge):
    """
    One WebSocket. What is written waits in ``held`` for a task that sends,
    which goes on when the server has taken an event: a server that waits for
    its client thereby has senders find the socket full.
    """

    def __init__(self, sockets, content):
        super().__init__(sockets, content)
        self._loop = asyncio.get_running_loop()
        self._answer = self._loop.create_future()
        self._refused = False
        self._last = None
        self._due = asyncio.Event()
        self._readable = asyncio.Event()
        self._readable.set()
        self._ended = asyncio.Event()
        self._closing = None

    async def run(self, connection, receive, send):
        """Be the socket until its conversation has ended."""
        self.connection = connection
        self._reader = self._loop.create_task(self._read(receive))
        tasks = [self._reader, self._loop.create_task(self._write(send))]
        try:
            self.ask_connect()
            await self._ended.wait()
        except asyncio.CancelledError:
            # The server stops, or has given the socket up.
            self._gone(GOING_AWAY)
            await self._end_soon()
            raise
        finally:
            self.decided()
            if self._closing is not None:
                self._closing.cancel()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def shut_down(self):
        self.conversation.shut_down()

    def call_later(self, delay, function):
        return self.sockets.clock.callLater(delay, function)

    # The conversation's edge.

    def accept(self, subprotocol):
        self.decided()
        self._settle([{"type": "websocket.accept", "subprotocol": subprotocol}])

    def refuse(self, status):
        self.decided()
        self.held.clear()
        self._refused = True
        self._settle(self.connection.refusal(status))
        self._end_later(ABNORMAL)

    def write(self, frame):
        if self._last is None:
            self.held.append(frame)
            self._due.set()

    def close(self, code, reason):
        if self._last is not None:
            return
        self._last = {"type": "websocket.close", "code": code}
        reason = truncated(reason, 123)
        if reason and self.connection.takes_reason:
            self._last["reason"] = reason.decode()
        self._due.set()
        self._end_later(code)

    def pause(self):
        self._readable.clear()

    def resume(self):
        self._readable.set()

    def end(self):
        super().end()
        # It may end after the server has.
        if self._loop.is_running():
            self._ended.set()

    # The tasks.

    async def _read(self, receive):
        while True:
            await self._readable.wait()
            try:
                event = await receive()
            except Exception as error:
                logger.debug("An ASGI server failed in receive(): %r", error)
                self._gone(ABNORMAL)
                return
            if event["type"] == "websocket.receive":
                self._received(event.get("text"), event.get("bytes"))
            else:
                # WWW, "Disconnect": both keys are optional.
                code = event.get("code")
                self._gone(NO_CODE if code is None else int(code), event.get("reason"))
                return

    def _received(self, text, data):
        content, binary = (data, True) if text is None else (text, False)
        try:
            size = len(content if binary else content.encode())
        except (TypeError, UnicodeEncodeError):
            # Neither of them, which WWW, "Receive", rules out; or text that is
            # no UTF-8 (RFC 6455 section 8.1), which the server didn't look at.
            self.close(INVALID_DATA, "")
            return
        if size > self.sockets.limits.message_size:
            self.close(MESSAGE_TOO_BIG, "")
        elif self._last is None:
            self.conversation.received(content, binary)

    async def _write(self, send):
        try:
            events = await self._answer
            if self._refused:
                self._reader.cancel()
            for event in events:
                await send(event)
            if not self._refused:
                await self._write_messages(send)
        except OSError as error:
            # WWW, "Disconnected Client - send exception": receive() tells, where
            # it's still asked.
            logger.debug("A WebSocket's client has left: %r", error)
            if self._refused or self._last is not None:
                self._gone(ABNORMAL)
        except Exception as error:
            logger.debug("An ASGI server failed in send(): %r", error)
            self._gone(ABNORMAL)
        else:
            if self._refused:
                self._gone(ABNORMAL)

    async def _write_messages(self, send):
        while True:
            while self.held:
                await send(self.held.pop(0))
            if self._last is not None:
                # The closing handshake is the server's; nobody waits for it
                # here, and Granian closes no socket that is received from.
                self._reader.cancel()
                await self._write_close(send)
                self._gone(self._last["code"])
                return
            self._due.clear()
            await self._due.wait()

    async def _write_close(self, send):
        try:
            await send(self._last)
        except OSError:
            raise
        except Exception as error:
            # Daphne has no code from 1001 to 2999, and would leave it open.
            logger.debug("An ASGI server didn't close a WebSocket: %r", error)
            await send({**self._last, "code": NORMAL})

    def _settle(self, events):
        if not self._answer.done():
            self._answer.set_result(events)

    def _gone(self, code, reason=None):
        self.decided()
        self.held.clear()
        # Nothing is written any more, and nobody is waited for.
        self._readable.set()
        self.conversation.lost(code, reason or "")
        if not self.sockets.backend.process_local:
            # Who stops may wait for this, and perhaps no worker process is there.
            # Without run(), the conversation goes on to its end.
            if self._closing is not None:
                self._closing.cancel()
            timeout = self.sockets.limits.close_timeout
            self._closing = self.call_later(timeout, self._ended.set)

    def _end_later(self, code):
        """Don't wait for ever for a client that doesn't read."""
        self._closing = self.call_later(
            self.sockets.limits.close_timeout, lambda: self._gone(code)
        )

    async def _end_soon(self):
        ending = self._loop.create_task(self._ended.wait())
        try:
            await asyncio.wait([ending], timeout=self.sockets.limits.close_timeout)
        finally:
            ending.cancel()
