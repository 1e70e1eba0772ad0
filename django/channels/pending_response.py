"""The response of another process to a request, as it comes in."""

import asyncio
from queue import Empty

from asgiref.sync import sync_to_async

from django.conf import settings

from . import http
from .exceptions import IncompleteResponse, ReplyTimeout, WorkerLost
from .loop_queue import LoopQueue
from .remote import READ, cost


class PendingResponse:
    """
    Reads the response to ``request``, a PendingRequest, from ``contents``, the
    queue of what its worker says. Each thing has CHANNEL_HTTP_TIMEOUT to come.

    The parts of a response that the view made whole are put together; one that
    was streamed is streamed here, and its worker told what was read of it.
    """

    __slots__ = ("_request", "_contents", "_timeout", "_head", "_parts", "_read")

    def __init__(self, request, contents):
        self._request = request
        self._contents = contents
        self._timeout = settings.CHANNEL_HTTP_TIMEOUT
        # Of a response that comes in parts: its beginning, and what it has
        # cost since the worker was told.
        self._head = None
        self._parts = []
        self._read = 0

    # In a thread.

    def wait(self):
        """
        Return the response. Raise ReplyTimeout, WorkerLost, or an error of
        reading the body.
        """
        while (response := self.advance(self._next())) is None:
            pass
        return response

    def _next(self):
        try:
            return self._contents.get(timeout=self._timeout)
        except Empty as error:
            raise self._late() from error

    def _chunks(self):
        more = True
        while more:
            content = self._check(self._next())
            more = self._note(content)
            data = content.get("content", b"")
            if data:
                yield data
                self._acknowledge(data)

    # On an event loop.

    async def await_(self):
        """Do what wait() does."""
        while True:
            content = await self._anext()
            if is_all(content):
                # What is most often so needs no thread.
                response = self.advance(content)
            else:
                response = await self._in_thread(self.advance)(content)
            if response is not None:
                return response

    async def _anext(self):
        try:
            return await self._contents.get(self._timeout)
        except asyncio.TimeoutError as error:
            raise self._late() from error

    async def _achunks(self):
        more = True
        while more:
            content = self._check(await self._anext())
            more = self._note(content)
            data = content.get("content", b"")
            if data:
                yield data
                if self._read + cost(data) < READ:
                    self._read += cost(data)
                else:
                    await self._in_thread(self._acknowledge)(data)

    def _in_thread(self, function):
        thread_sensitive = self._request.backend.thread_sensitive
        return sync_to_async(function, thread_sensitive=thread_sensitive)

    # Either.

    def advance(self, content):
        """Do what the worker says. Return the response if it's there."""
        self._check(content)
        if "more_body" in content:
            self._request.send_body(content["more_body"])
            return None
        if self._head is not None:
            return self._collect(content)
        if not content.get("more_content"):
            self._request.in_progress = False
            return http.decode_response(content)
        if content.get("whole"):
            self._head = content
            return None
        chunks = (
            self._achunks if isinstance(self._contents, LoopQueue) else self._chunks
        )
        response = http.decode_response(content, chunks())
        response._resource_closers.append(self._request.close)
        return response

    def _collect(self, content):
        data = content.get("content", b"")
        self._parts.append(data)
        if self._note(content):
            self._acknowledge(data)
            return None
        return http.decode_response({**self._head, "content": b"".join(self._parts)})

    def _check(self, content):
        if isinstance(content, Exception):
            if isinstance(content, WorkerLost):
                self._request.in_progress = False
            raise content
        if content.get("lost"):
            self._request.in_progress = False
            raise WorkerLost("The worker could not send its response.")
        if content.get("error"):
            self._request.in_progress = False
            raise IncompleteResponse("The worker failed before its response was whole.")
        return content

    def _note(self, content):
        """Note a part of the response. Return whether there are more."""
        more = content.get("more_content", False)
        if not more:
            self._request.in_progress = False
        return more

    def _acknowledge(self, data):
        self._read += cost(data)
        if self._read >= READ and self._request.in_progress:
            read, self._read = self._read, 0
            self._request.tell({"read": read})

    def _late(self):
        return ReplyTimeout(f"No reply came within {self._timeout} seconds.")


def is_all(content):
    """Tell whether the response is all in this content, or an error is."""
    return not isinstance(content, dict) or not (
        "more_content" in content or "more_body" in content
    )
