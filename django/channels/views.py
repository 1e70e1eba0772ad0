"""
Views that answer through another channel.

``Channel(name).as_view()`` forwards its request; a consumer of that channel
answers it, at once or later, with ``Channel(reply_channel).send(status=…,
headers=…, content=…)``, or as a view, with ``view_consumer(name)``. The
forwarding view is ``async``: where requests are handled on an event loop it
holds no thread while it waits. It is an ordinary view to the middleware.
"""

from contextlib import contextmanager

from asgiref.sync import sync_to_async

from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.db import connections
from django.db.transaction import non_atomic_requests
from django.utils import translation

from .backends.shared import SharedChannelBackend
from .consumer import Consumer
from .exceptions import (
    BackendUnavailable,
    ChannelFull,
    InvalidMessage,
    MessageTooLarge,
    ReplyTimeout,
)
from .failures import response_to
from .registry import check_named, consumers
from .reply import Reply
from .request import RequestMessage, ResponseMessage, open_request
from .script_prefix import prefix_of
from .served import warn_unserved

# What the forwarding view has an answer to, by response_to().
UNANSWERED = (BackendUnavailable, ChannelFull, MessageTooLarge, ReplyTimeout)


def forward_view(channel):
    """Return the view of Channel.as_view()."""

    async def view(request, *args, **kwargs):
        message = RequestMessage(channel.name, request, args, kwargs)
        try:
            return await forward(channel.backend, message)
        except UNANSWERED as error:
            return response_to(error, request)

    # An async view can't be in one, and who is to answer mustn't wait for its end.
    for alias in connections:
        non_atomic_requests(alias)(view)
    return view


async def forward(backend, message):
    """Send a RequestMessage and return its reply."""
    from django.core.handlers.asgi import ASGIRequest

    from .inline import arun_until

    # Under an ASGI server the loop is the server's, and sends the response, too.
    on_loop = isinstance(message.request, ASGIRequest)
    reply = Reply(backend, settings.CHANNEL_HTTP_TIMEOUT, on_loop)
    message.reply_channel = reply.name
    try:
        await backend.asend(message)
        if backend.process_local and not backend.is_served(message.channel):
            if consumers.get(message.channel) is None:
                # It ends in a 504, which doesn't say why.
                warn_unserved(message.channel)
            # No worker is here that could answer: do its work meanwhile.
            await arun_until(backend, message.channel, reply)
        return await reply.await_()
    finally:
        reply.close()


def view_consumer(channels):
    """
    Return a decorator that lets a view, plain or ``async def``, consume the
    requests that ``Channel(name).as_view()`` forwards to ``channels``, a name
    or a list of names. The view gets the request and the URL's arguments; what
    it returns or raises is the reply, as for any view.
    """

    check_named(channels, "view_consumer")

    def register(view):
        consumers.register(channels, ViewConsumer(view))
        return view

    return register


class ViewConsumer(Consumer):
    """A view, as the consumer of messages that carry requests."""

    def __call__(self, message):
        request, args, kwargs, reply_channel = open_request(message)

        def view(request):
            response = self.function(request, *args, **kwargs)
            return self._finished(response, message)

        with _surroundings(request):
            response = convert_exception_to_response(view)(request)
        message.backend.send(ResponseMessage(reply_channel, response))

    async def acall(self, message):
        request, args, kwargs, reply_channel = open_request(message)

        async def view(request):
            response = await self.function(request, *args, **kwargs)
            return await sync_to_async(self._finished)(response, message)

        with _surroundings(request):
            response = await convert_exception_to_response(view)(request)
        await message.backend.asend(ResponseMessage(reply_channel, response))

    def _finished(self, response, message):
        """
        Return the response, rendered; for None, raise what any view's is told
        by. Raise InvalidMessage for one that can't get to where the request
        came in.
        """
        BaseHandler().check_response(response, self.function)
        is_shared = isinstance(message.backend, SharedChannelBackend)
        if is_shared and getattr(response, "streaming", False):
            # Its reader couldn't say how fast it reads, or that it has left.
            for close in response._resource_closers:
                close()
            raise InvalidMessage(
                f"The view {self.path} returned a streamed response, which can't be "
                f"sent through this backend. Return an HttpResponse, or answer the "
                f"request in a view that isn't forwarded."
            )
        if callable(getattr(response, "render", None)):
            response = response.render()
        return response


@contextmanager
def _surroundings(request):
    """
    Have what is around the forwarding view, in another context: the prefix of
    URLs, and the language that LocaleMiddleware has found.
    """
    language = getattr(request, "LANGUAGE_CODE", None)
    with prefix_of(request):
        if language is None:
            yield
        else:
            with translation.override(language):
                yield
