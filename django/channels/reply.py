"""Waiting for the reply to one request."""

import asyncio
import logging
import queue
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeout

from . import http
from .exceptions import IncompleteResponse, ReplyTimeout, nothing_sent
from .lines import shown
from .loop_queue import LoopQueue
from .request import ResponseMessage

logger = logging.getLogger("django.channels")

# Those of a reply that a consumer sends.
KEYS = frozenset(
    {"status", "headers", "set_cookie", "reason", "content", "more_content"}
)


class Reply:
    """
    Listener of a fresh reply channel, ``name``, that brings an HttpResponse.

    Only the first reply counts. One whose content has ``more_content`` becomes
    a streamed response, which takes further messages until one without it. A
    failed consumer's receipt becomes a response with status 500. ``timeout``
    is in seconds, None for ever; it holds for the first message, and again for
    each one that continues a streamed response. ``on_loop``: a streamed response
    is read on the event loop that is running now, rather than in a thread.
    """

    def __init__(self, backend, timeout=None, on_loop=False):
        self.name = backend.reply_name("http")
        self.timeout = timeout
        self._backend = backend
        self._first = Future()
        self._more = LoopQueue() if on_loop else queue.SimpleQueue()
        # The responses that take further messages, and whether somebody has one,
        # and is to close it.
        self._streamed = []
        self._handed_on = False
        with nothing_sent():
            backend.renew_inbox()
            backend.listen(self.name, self)

    @property
    def arrived(self):
        return self._first.done()

    @property
    def is_open(self):
        """Whether there is more to come: the reply, or the rest of a streamed one."""
        return not self.arrived or not all(each.closed for each in self._streamed)

    def leave(self):
        """Listen no more. A streamed response ends where it is."""
        self._backend.unlisten(self.name)
        self._more.put({"error": True})

    def close(self):
        """Listen no more. A streamed response does it when it is closed."""
        if not self._handed_on:
            self._backend.unlisten(self.name)

    def deliver(self, reply_names, message):
        if isinstance(message, ResponseMessage):
            self._settle(message.response)
            return ()
        content = message.content
        if self.arrived:
            self._more.put(content)
        elif content.get("error"):
            self._settle(http.decode_response({"status": 500}))
        elif "done" not in content:
            self._settle(self._decode(content))
        return ()

    def fail(self, error):
        """Let whoever waits have the exception ``error``."""
        try:
            self._first.set_exception(error)
        except InvalidStateError:
            pass

    def wait(self):
        """Return the response. Raise ReplyTimeout at the deadline."""
        try:
            return self._hand_on(self._first.result(self.timeout))
        except FutureTimeout as error:
            raise self._late() from error

    async def await_(self):
        try:
            # Shielded: who stops waiting doesn't undo the reply.
            first = asyncio.shield(asyncio.wrap_future(self._first))
            return self._hand_on(await asyncio.wait_for(first, self.timeout))
        except asyncio.TimeoutError as error:
            raise self._late() from error

    def when_arrived(self, callback):
        """Call ``callback(response)`` in the thread that sends the reply."""
        self._first.add_done_callback(
            lambda future: callback(self._hand_on(future.result()))
        )

    def _hand_on(self, response):
        self._handed_on = response in self._streamed
        return response

    def _settle(self, response):
        # Whoever asks first whether there is one may find another thread faster.
        try:
            self._first.set_result(response)
        except InvalidStateError:
            pass

    def _decode(self, content):
        if not content.keys() <= KEYS:
            logger.warning(
                "A reply to a request has keys that mean nothing there: %s.",
                shown(", ".join(sorted(content.keys() - KEYS))),
            )
        if not content.get("more_content"):
            return http.decode_response(content)
        on_loop = isinstance(self._more, LoopQueue)
        chunks = self._achunks() if on_loop else self._chunks()
        response = http.decode_response(content, chunks)
        self._streamed.append(response)
        response._resource_closers.append(
            lambda: self._backend.unlisten(self.name),
        )
        return response

    def _chunks(self):
        more = True
        while more:
            try:
                content = self._more.get(timeout=self.timeout)
            except queue.Empty as error:
                raise self._late() from error
            more, data = self._part(content)
            yield data

    async def _achunks(self):
        more = True
        while more:
            try:
                content = await self._more.get(self.timeout)
            except asyncio.TimeoutError as error:
                raise self._late() from error
            more, data = self._part(content)
            yield data

    def _part(self, content):
        """Return whether more is to follow, and the bytes."""
        if content.get("error"):
            raise IncompleteResponse("The consumer failed before its reply was whole.")
        return content.get("more_content", False), content.get("content", b"")

    def _late(self):
        return ReplyTimeout(f"No reply came within {self.timeout} seconds.")
