"""One HTTP request and its response."""

import logging

from asgiref.sync import sync_to_async

from django.channels.exceptions import ChannelError
from django.channels.pieces import apieces, pieces
from django.channels.request_signals import close
from django.http import HttpResponse

from . import head
from .stream import Stream

logger = logging.getLogger("django.server")

# Size in bytes of the pieces that a file is read in.
FILE_BLOCK = 128 * 1024


class Exchange:
    """
    A request that came in on a connection, and the way its response goes out,
    through the connection's ``turns``.

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
        "turns",
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

    def __init__(self, turns, content, keep_alive, body_file=None):
        self.turns = turns
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
                stream = Stream(self, response)
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
            close(response)

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
            await sync_to_async(close, thread_sensitive=True)(response)

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
        if type(response).__iter__ is HttpResponse.__iter__:
            body = response.content
        else:
            # What a WSGI server would send (PEP 3333).
            body = b"".join(response)
        start = self.head_of(response, len(body))
        if start.framing is head.NONE:
            body = b""
        turns = self.turns
        turns.post(turns.answer, self, start.data + body, start.close)
        turns.access.http(self, response.status_code, len(body))

    async def _astream(self, response):
        stream = Stream(self, response)
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
        self.turns.post(self.turns.break_off, self)
        if not isinstance(error, Exception):
            # Cancelled, or the interpreter is ending.
            raise error
        # A reply that doesn't come whole is no news where nobody waits for it.
        is_news = not (self.gone and isinstance(error, ChannelError))
        logger.log(
            logging.ERROR if is_news else logging.INFO,
            "The response to %s could not be sent.",
            self.request_line,
            exc_info=error,
            extra={"request": self, "status_code": 500},
        )
