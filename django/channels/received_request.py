"""A request that came from another process, and how a worker serves it."""

from . import http
from .application import SyncHandler
from .async_handler import AsyncHandler, begins_async_view, is_made
from .message import Message
from .request import ResponseMessage
from .script_prefix import prefix_of


class ReceivedRequest(Message):
    """
    A message on ``http.request`` that brings nothing but its content. The
    response goes to its reply channel.
    """

    __slots__ = ()

    # The URLs of ROOT_URLCONF.
    urlconf = None

    @classmethod
    def of(cls, message):
        """Return a Message as one that can be served."""
        received = cls(message.channel, message.content)
        received.backend = message.backend
        return received

    def decode_request(self):
        return http.decode_request(self.content)

    def wants_loop(self):
        """
        Tell whether it belongs on an event loop: its view is async, or its
        middleware would have run on one where it came in.
        """
        if self.content.get("asgi"):
            is_made()
            return True
        return begins_async_view(self.content["path"], self.urlconf)

    def serve(self):
        """Run the middleware and the view in this thread, and reply."""
        request = self.decode_request()
        with prefix_of(request):
            response = SyncHandler.shared().get_response(request)
        self.backend.send(ResponseMessage(self.content["reply_channel"], response))

    async def aserve(self):
        """Do the same on this event loop."""
        handler = AsyncHandler.shared()
        request = self.decode_request()
        with prefix_of(request):
            response = await handler.get_response_async(request)
        reply = ResponseMessage(self.content["reply_channel"], response)
        await self.backend.asend(reply)
