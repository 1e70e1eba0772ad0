"""A streamed response on its way."""

import logging

from django.channels.flow import Flow

from . import head

logger = logging.getLogger("django.server")

# How many bytes of a streamed response may wait for the client.
WINDOW = 256 * 1024


class ContentTooShort(Exception):
    """Raised when a streamed response ends before its Content-Length."""


class Stream:
    """The body of an exchange's streamed response: framing, length, and flow."""

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
            turns = exchange.turns
            turns.post(turns.answer, exchange, start.data, self.close)
            self._log()
            return False
        exchange.ends_by_close = self.framing is head.UNTIL_CLOSE
        exchange.flow = Flow(WINDOW)
        if exchange.gone:
            # The reactor's thread found no flow to close.
            exchange.flow.close()
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
        turns = exchange.turns
        turns.post(turns.answer, exchange, last, self.close)
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
        turns = self.exchange.turns
        turns.post(turns.write_part, self.exchange, data)

    def _log(self):
        self.exchange.turns.access.http(
            self.exchange, self.response.status_code, self.sent
        )
