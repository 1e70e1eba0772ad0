"""
The way of a request through channels.

The core handlers (WSGIHandler, ASGIHandler, the test client's) pass each
request to get_response() or get_response_async(). It becomes a message on
``http.request``; the built-in consumer runs the handler's middleware and view;
the response comes back as the reply. In one process that costs next to
nothing: who would only wait for the reply takes the message back at once and
does the worker's step itself, and request and response go by reference.
"""

import asyncio
from functools import lru_cache

from asgiref.sync import sync_to_async

from django.channels import consumers, http, names
from django.channels.backends.shared import SharedChannelBackend
from django.channels.consumer import Consumer
from django.channels.deadline import deadline
from django.channels.exceptions import ChannelFull
from django.channels.failures import gateway_timeout, response_to, unavailable
from django.channels.pending_request import aexchange, exchange
from django.channels.reply import Reply
from django.channels.request import RequestMessage
from django.channels.route import OFF, http_backend, is_answered_remotely, route
from django.channels.views import forward
from django.conf import settings
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import response_for_exception


def get_response(handler, request):
    """
    Return the response to ``request``, which came in through ``handler``.

    Where the channel is at capacity it is a 503, where no reply came by the
    deadline (CHANNEL_HTTP_TIMEOUT, seconds) a 504. A view that runs in the
    caller's own thread can't be interrupted, and is waited for. With
    CHANNEL_HTTP_BACKEND = None this is ``handler.get_response(request)``. Where
    the consumers can't be imported, the response is that to a view's error.
    """
    try:
        way = route.find()
    except Exception as error:
        return response_for_exception(request, error)
    backend = way.backend
    if backend is OFF:
        return handler.get_response(request)
    message = RequestMessage(names.HTTP_REQUEST, request)
    message.handler = handler
    if not way.ends_here:
        if _answers_by_itself(type(handler)):
            return handler.get_response(request)
        return _exchange(backend, message)
    try:
        backend.hand_over(message)
    except ChannelFull:
        if http.SERVED not in request.META:
            return unavailable(request)
    return http_request.respond(message)


async def get_response_async(handler, request):
    """
    Do what get_response() does, on the caller's event loop. At the deadline
    the view is cancelled.
    """
    try:
        way = route.find()
    except Exception as error:
        return await sync_to_async(response_for_exception)(request, error)
    backend = way.backend
    if backend is OFF:
        return await handler.get_response_async(request)
    message = RequestMessage(names.HTTP_REQUEST, request)
    message.handler = handler
    if not way.ends_here:
        if _answers_by_itself(type(handler)):
            return await handler.get_response_async(request)
        return await _aexchange(backend, message)
    try:
        backend.hand_over(message)
    except ChannelFull:
        return await sync_to_async(unavailable)(request)
    limit = deadline(settings.CHANNEL_HTTP_TIMEOUT)
    try:
        async with limit:
            return await http_request.arespond(message)
    except asyncio.TimeoutError:
        if not limit.expired():
            raise
        return await sync_to_async(gateway_timeout)(request)


async def handle(handler, scope, receive, send):
    """
    Be ``handler.handle()`` of an ASGIHandler: answer an HTTP request. Where that
    would have a plain view make a dozen trips to a thread, this makes one.
    """
    try:
        way = route.find()
    except Exception:
        # It has no request yet, and once it has, get_response_async() meets this.
        way = None
    if way is None or not way.ends_here:
        return await handler.handle(scope, receive, send)
    # The handlers import this module, and it needs the handlers.
    from django.channels import asgi_exchange

    await asgi_exchange.handle(handler, way.backend, scope, receive, send)


def serves(scope):
    """
    Tell whether serve() is for this connection of an ASGI server's: a
    WebSocket, unless CHANNEL_HTTP_BACKEND = None keeps clients out of channels.
    """
    return scope["type"] == "websocket" and http_backend() is not None


async def serve(scope, receive, send):
    """Be the ASGI application of a WebSocket: its messages are for consumers."""
    # Only now: most processes serve no sockets.
    from django.channels.interfaces.asgi import serve

    await serve(scope, receive, send)


class HttpRequestConsumer(Consumer):
    """The consumer of ``http.request`` where a project registers none."""

    def __init__(self):
        super().__init__(self.respond)

    def respond(self, message):
        return message.handler.get_response(message.request)

    async def arespond(self, message):
        # The handlers import this module, and it needs the handlers.
        from django.channels.trips import Trips

        trips = Trips.of(message.handler)
        if trips.are_due:
            return await trips.get_response(message.request)
        return await message.handler.get_response_async(message.request)

    def adopt(self, message):
        """
        Return a request that a worker received as one that can be served. The
        methods below get such.
        """
        if message.serve is not None:
            return message
        # The handlers import this module, and serving needs the handlers.
        from django.channels.received_request import ReceivedRequest
        from django.channels.remote_request import RemoteRequest

        if isinstance(message.backend, SharedChannelBackend):
            return RemoteRequest.of(message)
        return ReceivedRequest.of(message)

    def wants_loop(self, message):
        return message.wants_loop()

    def __call__(self, message):
        """Answer a request that a worker received."""
        message.serve()

    async def acall(self, message):
        await message.aserve()


http_request = HttpRequestConsumer()
consumers.register_default(names.HTTP_REQUEST, http_request)


@lru_cache(maxsize=None)
def _answers_by_itself(handler_class):
    """
    Tell whether the handler has a get_response() that a worker elsewhere
    hasn't, such as that of static files in development.
    """
    return (
        handler_class.get_response is not BaseHandler.get_response
        or handler_class.get_response_async is not BaseHandler.get_response_async
    )


def _exchange(backend, message):
    """
    Send the message and wait for its reply: from workers in other processes,
    or from a project's own consumer of ``http.request``.
    """
    try:
        if is_answered_remotely(backend):
            return exchange(backend, message.request)
        return _ask(backend, message)
    except Exception as error:
        return response_to(error, message.request)


def _ask(backend, message):
    from django.channels.inline import run_until

    reply = Reply(backend, settings.CHANNEL_HTTP_TIMEOUT)
    message.reply_channel = reply.name
    try:
        backend.send(message)
        if backend.process_local and not backend.is_served(message.channel):
            run_until(backend, message.channel, reply)
        return reply.wait()
    finally:
        reply.close()


async def _aexchange(backend, message):
    """Do what _exchange() does. Who is cancelled waits no more."""
    try:
        if is_answered_remotely(backend):
            return await aexchange(backend, message.request)
        return await forward(backend, message)
    except Exception as error:
        return await sync_to_async(response_to)(error, message.request)
