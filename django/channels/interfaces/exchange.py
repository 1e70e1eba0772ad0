"""One HTTP request and its response."""

import logging

from asgiref.sync import sync_to_async

from django.channels.flow import Flow
from django.channels.pieces import apieces, pieces

from . import head

logger = logging.getLogger("django.server")

# How many bytes of a streamed response may wait for the client.
WINDOW = 256 * 1024

# Size in bytes of the pieces that a file is read in.
FILE_BLOCK = 128 * 1024


class ContentTooShort(Exception):
    """Raised when a streamed response ends before its Content-Length."""


class Exchange:
    """
    A request that came in on a connection, and the way its response goes out.

    The thread that ran the view calls ``respond()``, the event loop it ran on
    awaits ``arespond()``: once, whatever has become of the client by then. The
    response's bytes are made there, written by the reactor's thread, and the
    response is closed in the end. A late or unwanted response is closed
    without being sent.

    ``gone`` is set by the reactor's thread when nobody waits any more: the
    client went or the deadline passed. ``deadline`` is when it passes, on the
    reactor's clock, None for never. ``body_file`` is the request's body where
    it's too big for memory, open at 0.
    """

    __slots__ = (
        "connection",
        "content",
        "keep_alive",
        "body_file",
        "deadline",
        "begun",
        "gone",
        "flow",
        "ends_by_close",
        "_when_gone",
    )

    def __init__(self, connection, content, keep_alive, body_file=None):
        self.connection = connection
        self.content = content
        self.keep_alive = keep_alive
        self.body_file = body_file
        self.deadline = None
        self.begun = False
        self.gone = False
        self.flow = None
        self.ends_by_close = False
        self._when_gone = []

    @property
    def disconnected(self):
        """Whether nobody waits for the response any more."""
        return self.gone

    @property
    def request_line(self):
        content = self.content
        target = content["raw_path"]
        if content["query_string"]:
            target = f"{target}?{content['query_string']}"
        return f"{content['method']} {target} HTTP/{content['http_version']}"

    def on_disconnect(self, callback):
        """
        Call ``callback()`` in the reactor's thread, or here if it's too late,
        when nobody waits for the response any more. Never after the response.
        """
        self._when_gone.append(callback)
        if self.gone:
            self._tell()

    def respond(self, response):
        """
        Send the response and close it. A streamed one is iterated here, no
        faster than the client reads.
        """
        try:
            if self.gone:
                return
            if response.streaming:
                stream = _Stream(self, response)
                if stream.begin():
                    for data in pieces(response, FILE_BLOCK):
                        if not stream.send(data):
                            break
                    stream.end()
            else:
                self._send_whole(response)
        except BaseException as error:
            self._fail(error)
        finally:
            self.close_body()
            response.close()

    async def arespond(self, response):
        """Send the response from an event loop, and close it."""
        try:
            if self.gone:
                return
            if response.streaming:
                await self._astream(response)
            else:
                self._send_whole(response)
        except BaseException as error:
            self._fail(error)
        finally:
            self.close_body()
            await sync_to_async(response.close, thread_sensitive=True)()

    def abandon(self):
        """Note that nobody waits any more. For the reactor's thread."""
        self.gone = True
        if self.flow is not None:
            self.flow.close()
        self._tell()

    def close_body(self):
        if self.body_file is not None:
            self.body_file.close()

    def head_of(self, response, size=None):
        return head.response_head(
            response,
            method=self.content["method"],
            http_version=self.content["http_version"],
            keep_alive=self.keep_alive,
            size=size,
        )

    def _send_whole(self, response):
        body = response.content
        start = self.head_of(response, len(body))
        if start.framing is head.NONE:
            body = b""
        connection = self.connection
        connection.post(connection.answer, self, start.data + body, start.close)
        connection.access.http(self, response.status_code, len(body))

    async def _astream(self, response):
        stream = _Stream(self, response)
        if not stream.begin():
            return
        body = apieces(response, FILE_BLOCK)
        try:
            async for data in body:
                if not await stream.asend(data):
                    break
        finally:
            await body.aclose()
        stream.end()

    def _tell(self):
        # list.pop() is atomic: each callback is called by one thread only.
        while self._when_gone:
            try:
                callback = self._when_gone.pop()
            except IndexError:
                return
            try:
                callback()
            except Exception:
                logger.exception("A callback on a client's leaving failed.")

    def _fail(self, error):
        """End the connection unfinished; log an error, pass on what is none."""
        self.connection.post(self.connection.break_off, self)
        if not isinstance(error, Exception):
            # Cancelled, or the interpreter is ending.
            raise error
        logger.error(
            "The response to %s could not be sent.",
            self.request_line,
            exc_info=error,
            extra={"request": self, "status_code": 500},
        )


class _Stream:
    """A streamed response on its way: framing, length, and flow."""

    def __init__(self, exchange, response):
        self.exchange = exchange
        self.response = response
        self.sent = 0
        self.cut = False

    def begin(self):
        """Send the head. Return whether a body is to follow."""
        exchange = self.exchange
        start = exchange.head_of(self.response)
        self.framing, self.length, self.close = start.framing, start.length, start.close
        if self.framing is head.NONE:
            connection = exchange.connection
            connection.post(connection.answer, exchange, start.data, self.close)
            self._log()
            return False
        exchange.ends_by_close = self.framing is head.UNTIL_CLOSE
        exchange.flow = Flow(WINDOW)
        self._write(start.data)
        return True

    def send(self, data):
        """Send a piece of the body. Return False to be sent no more."""
        data = self._framed(data)
        if data:
            if not self.exchange.flow.take(len(data)):
                return False
            self._write(data)
        return not self.cut

    async def asend(self, data):
        data = self._framed(data)
        if data:
            if not await self.exchange.flow.atake(len(data)):
                return False
            self._write(data)
        return not self.cut

    def end(self):
        """Tell the client that the body has ended."""
        exchange = self.exchange
        if exchange.gone and self.framing is head.LENGTH and self.sent == self.length:
            # A client may close as soon as it has what it was promised.
            self._log()
            return
        if exchange.gone:
            logger.info("- Broken pipe from %s", exchange.content["client"])
            return
        if self.framing is head.LENGTH and self.sent < self.length:
            raise ContentTooShort(
                f"The response has {self.sent} bytes; its Content-Length is "
                f"{self.length}."
            )
        last = head.LAST_CHUNK if self.framing is head.CHUNKED else b""
        connection = exchange.connection
        connection.post(connection.answer, exchange, last, self.close)
        self._log()

    def _framed(self, data):
        if self.framing is head.LENGTH and self.sent + len(data) > self.length:
            logger.warning(
                "The response to %s is longer than its Content-Length; it was cut.",
                self.exchange.request_line,
            )
            data = data[: self.length - self.sent]
            self.cut = True
        self.sent += len(data)
        if data and self.framing is head.CHUNKED:
            data = head.chunk(data)
        return data

    def _write(self, data):
        connection = self.exchange.connection
        connection.post(connection.write_part, self.exchange, data)

    def _log(self):
        self.exchange.connection.access.http(
            self.exchange, self.response.status_code, self.sent
        )
