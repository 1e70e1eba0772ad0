"""The reply to a request that came in at another process, as a worker sends it."""

from asgiref.sync import sync_to_async

from django.conf import settings

from . import http
from .flow import Flow
from .message import Message
from .pieces import apieces, cut, pieces
from .remote import WINDOW, cost, part_size


class ClientGone(Exception):
    """Raised where nobody waits for the response any more."""


class RemoteReply:
    """
    Sends the response to ``request``, a RemoteRequest, as django.channels.remote
    says: in one message if it's small, else in parts, no faster than its client
    reads them. Raise ClientGone where nobody does.
    """

    __slots__ = ("_request", "_backend", "_flow")

    def __init__(self, request):
        self._request = request
        self._backend = request.backend
        self._flow = Flow(WINDOW)

    # What the edge says, in a thread of the backend.

    def give(self, read):
        """The client has read so much more."""
        self._flow.give(read)

    def close(self):
        """Nobody waits any more: let whoever sends know."""
        self._flow.close()

    # In a thread.

    def is_small(self, response):
        """Tell whether the response goes into one message."""
        return not response.streaming and (
            len(response.content) <= part_size(self._backend)
        )

    def send(self, content):
        """Send a part of the reply."""
        if self._request.gone or not self._backend.reach(self._message(content)):
            raise ClientGone

    def send_soon(self, response, then):
        """
        Send a small response as send_soon() of the backend does, and return
        whether that will call ``then()``.
        """
        if self._request.gone:
            return False
        self._backend.send_soon(self._message(http.encode_response(response)), then)
        return True

    def send_small(self, response):
        if not self._request.gone:
            self._backend.send(self._message(http.encode_response(response)))

    def stream(self, response):
        self.send(self._head(response))
        size = part_size(self._backend)
        body = pieces(response, size) if response.streaming else [response.content]
        for piece in body:
            for data in cut(piece, size):
                if not self._flow.take(cost(data), patience()):
                    raise ClientGone
                self.send({"content": data, "more_content": True})
        self.send({"content": b""})

    # On an event loop.

    async def asend_small(self, response):
        await self._in_thread(self.send_small)(response)

    async def astream(self, response):
        send = self._in_thread(self.send)
        await send(self._head(response))
        size = part_size(self._backend)
        body = apieces(response, size) if response.streaming else _once(response)
        try:
            async for piece in body:
                for data in cut(piece, size):
                    if not await self._flow.atake(cost(data), patience()):
                        raise ClientGone
                    await send({"content": data, "more_content": True})
        finally:
            await body.aclose()
        await send({"content": b""})

    # Either.

    def _in_thread(self, function):
        thread_sensitive = self._backend.thread_sensitive
        return sync_to_async(function, thread_sensitive=thread_sensitive)

    def _message(self, content):
        return Message(self._request.name, content)

    def _head(self, response):
        head = {
            **http.encode_head(response),
            "content": b"",
            "more_content": True,
            "worker": self._request.name_control(),
        }
        if not response.streaming:
            head["whole"] = True
        return head


async def _once(response):
    yield response.content


def patience():
    """Return how many seconds the edge has for its next step, or None."""
    return settings.CHANNEL_HTTP_TIMEOUT
