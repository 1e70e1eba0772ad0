"""A request that waits for its response from another process."""

import asyncio
from queue import Empty, SimpleQueue
from time import monotonic

from asgiref.sync import sync_to_async

from django.conf import settings

from . import http, names
from .exceptions import (
    BackendUnavailable,
    ChannelFull,
    InvalidMessage,
    ReplyTimeout,
    WorkerLost,
    nothing_sent,
)
from .loop_queue import LoopQueue
from .message import Message
from .remote import READ, cost, part_size
from .remote_body import BodyParts
from .watch import Watch, worker_lost


class PendingRequest:
    """
    A request on its way through a SharedChannelBackend, at the edge where it
    came in. It listens on a fresh reply channel, ``name``, sends the parts of
    the body that the worker asks for, and reads the parts of the response. See
    django.channels.remote.

    ``contents``, a queue, gets what the worker says; it's read by whoever
    waits. ``worker`` is the worker's control channel, once it's known.

    An ordinary request costs one message each way.
    """

    def __init__(self, backend, contents):
        self.name = backend.reply_name("http")
        self.worker = None
        self.sent = monotonic()
        # For Watch.
        self.looks = 0
        self._backend = backend
        self._contents = contents
        self._watch = backend.part(Watch)
        self._timeout = settings.CHANNEL_HTTP_TIMEOUT
        self._body = None
        # Of a response that comes in parts: its beginning, and what it has
        # cost since the worker was told.
        self._head = None
        self._parts = []
        self._read = 0
        # Whether the worker has a part in it yet.
        self._in_progress = False
        self._closed = False

    def send(self, content, body):
        """
        Send the request, of which ``body``, a BodyParts, has the rest. Raise
        NoWorker, BackendUnavailable or ChannelFull.
        """
        with nothing_sent():
            self._backend.listen(self.name, self)
            self._watch.require_worker()
        self._body = body
        content["reply_channel"] = self.name
        if body.more:
            content["more_body"] = True
        try:
            with nothing_sent():
                self._backend.renew_inbox()
            self._backend.send(Message(names.HTTP_REQUEST, content))
        except BackendUnavailable:
            self._watch.forget()
            raise
        self.sent = monotonic()
        self._in_progress = True
        self._watch.add(self)
        if self._closed:
            # Its client left meanwhile.
            self._withdraw()

    def send_request(self, request):
        """Do the same with an HttpRequest."""
        first, body = BodyParts.of(request, part_size(self._backend))
        self.send(http.encode_request(request, first), body)

    def close(self):
        """
        Listen no more, and let the worker know if it isn't done. It doesn't
        wait for anything. A streamed response does it when it's closed.
        """
        if self._closed:
            return
        self._closed = True
        self._withdraw()

    def _withdraw(self):
        self._watch.remove(self)
        self._backend.unlisten(self.name)
        if self._in_progress:
            self._watch.say_gone(self)

    # In any thread.

    def deliver(self, reply_names, message):
        content = message.content
        worker = content.get("worker")
        if worker is not None:
            self.worker = worker
            if len(content) == 1:
                return ()
        self._contents.put(content)
        return ()

    def fail(self, error):
        """Let whoever waits have the exception ``error``."""
        self._contents.put(error)

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
                response = await sync_to_async(
                    self.advance, thread_sensitive=self._backend.thread_sensitive
                )(content)
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
                    await sync_to_async(
                        self._acknowledge,
                        thread_sensitive=self._backend.thread_sensitive,
                    )(data)

    # Either.

    def advance(self, content):
        """Do what the worker says. Return the response if it's there."""
        self._check(content)
        if "more_body" in content:
            self._send_body(content["more_body"])
            return None
        if self._head is not None:
            return self._collect(content)
        if not content.get("more_content"):
            self._in_progress = False
            return http.decode_response(content)
        if content.get("whole"):
            self._head = content
            return None
        chunks = (
            self._achunks if isinstance(self._contents, LoopQueue) else self._chunks
        )
        response = http.decode_response(content, chunks())
        response._resource_closers.append(self.close)
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
                self._in_progress = False
            raise content
        if content.get("lost"):
            self._in_progress = False
            raise WorkerLost("The worker could not send its response.")
        if content.get("error"):
            self._in_progress = False
            raise InvalidMessage("The worker failed before its response was whole.")
        return content

    def _note(self, content):
        """Note a part of the response. Return whether there are more."""
        more = content.get("more_content", False)
        if not more:
            self._in_progress = False
        return more

    def _send_body(self, number):
        while number and self._body.more and not self._closed:
            data = self._body.next()
            part = {"request": self.name, "body": data, "more_body": self._body.more}
            self._tell(part)
            number -= 1

    def _acknowledge(self, data):
        self._read += cost(data)
        if self._read >= READ and self._in_progress:
            read, self._read = self._read, 0
            self._tell({"request": self.name, "read": read})

    def _tell(self, content):
        try:
            reached = self._backend.reach(Message(self.worker, content))
        except (BackendUnavailable, ChannelFull) as error:
            # Whatever it is, the worker has had the request.
            raise WorkerLost(f"The worker can't be reached: {error}") from error
        if not reached:
            raise worker_lost()

    def _late(self):
        return ReplyTimeout(f"No reply came within {self._timeout} seconds.")


def is_all(content):
    """Tell whether the response is all in this content, or an error is."""
    return not isinstance(content, dict) or not (
        "more_content" in content or "more_body" in content
    )


def exchange(backend, request):
    """Return the response of a worker elsewhere to an HttpRequest."""
    pending = PendingRequest(backend, SimpleQueue())
    response = None
    try:
        pending.send_request(request)
        response = pending.wait()
        return response
    finally:
        if response is None or not response.streaming:
            pending.close()


async def aexchange(backend, request):
    """Do the same on an event loop. Who is cancelled waits no more."""
    pending = PendingRequest(backend, LoopQueue())
    response = None
    try:
        send = sync_to_async(
            pending.send_request, thread_sensitive=backend.thread_sensitive
        )
        await send(request)
        response = await pending.await_()
        return response
    finally:
        if response is None or not response.streaming:
            pending.close()
