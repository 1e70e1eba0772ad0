"""An HTTP request of ASGIHandler and its response, in few trips to a thread."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial

from asgiref.sync import SyncToAsync, sync_to_async

from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import get_script_prefix
from django.http import FileResponse
from django.urls import set_script_prefix

from . import names
from .deadline import deadline
from .exceptions import ChannelFull
from .failures import gateway_timeout, unavailable
from .request import RequestMessage
from .request_signals import close, send_finished, send_started
from .spare_threads import OwnThread, SpareThreads
from .transactions import left_open
from .trips import Trips

# Its process ends as the ASGI server has it, which lets such threads finish.
_spare = SpareThreads(partial(ThreadPoolExecutor, 1, "channels-async"))


async def handle(handler, backend, scope, receive, send):
    """Answer the request, with a thread of its own that is lent."""
    if not Trips.of(handler).are_due:
        return await handler.handle(scope, receive, send)
    try:
        body_file = await handler.read_body(receive)
    except RequestAborted:
        return
    context = SyncToAsync.thread_sensitive_context.get()
    threads = SyncToAsync.context_to_thread_executor
    # The signal of a request's start has it prepared.
    thread = OwnThread(_spare, prepare=False)
    # Who calls the application in a context of its own may have one already.
    is_lent = threads.setdefault(context, thread) is thread
    exchange = ASGIExchange(handler, backend, scope, body_file, send)
    try:
        with closing(body_file):
            set_script_prefix(get_script_prefix(scope))
            await exchange.serve(receive)
    finally:
        if is_lent:
            del threads[context]
        # Who closes a response looks after the connections.
        thread.release(is_tidy=exchange.is_tidy)


class ASGIExchange:
    """
    What comes after a request's body was read: what ASGIHandler.handle() does,
    but a plain view is called in one trip to the thread, together with the
    middleware and the signals, and its response is closed there before it goes
    out. A client that leaves cancels what is on the event loop; what is in the
    thread runs to its end, and each response is closed.
    """

    def __init__(self, handler, backend, scope, body_file, send):
        self._handler = handler
        self._trips = Trips.of(handler)
        self._backend = backend
        self._scope = scope
        self._body_file = body_file
        self._send = send
        # What is cancelled when the client leaves.
        self._task = asyncio.current_task()
        self._left = None
        self._messages = self._failure = None
        self._started = self.closed = self.is_tidy = False
        self._request = self._response = None
        self._level = 0

    async def serve(self, receive):
        listening = asyncio.create_task(self._handler.listen_for_disconnect(receive))
        listening.add_done_callback(self._heard)
        task = self._task
        try:
            await self._answer()
        except asyncio.CancelledError:
            if self._left is None:
                raise
            if hasattr(task, "uncancel"):
                task.uncancel()
        except Exception:
            # Such as that of a streamed response, which is closed as any other.
            self._task = None
            if not self.closed:
                await finish(self)
            raise
        finally:
            self._task = None
            listening.cancel()
        if not self.closed:
            await finish(self)
        if self._left is not None and not isinstance(self._left, RequestAborted):
            raise self._left

    def _heard(self, listening):
        if listening.cancelled() or self._task is None:
            return
        self._left = listening.exception()
        if self._left is None:
            return
        self._task.cancel()

    async def _answer(self):
        limit = deadline(settings.CHANNEL_HTTP_TIMEOUT)
        try:
            async with limit:
                await begin(self)
                if self._response is None:
                    response = await self._trips.inner(self._request)
                    await end(self, response)
        except asyncio.TimeoutError:
            if not limit.expired():
                raise
            await time_out(self)
        if self._messages is None:
            await self._handler.send_response(self._response, self._send)
        else:
            for message in self._messages:
                await self._send(message)
            if self._failure is not None:
                raise self._failure

    # In the request's thread.

    def _open(self):
        """Make the request; return whether that isn't refused."""
        handler = self._handler
        self._started = True
        send_started(handler.__class__, scope=self._scope)
        self._request, response = handler.create_request(self._scope, self._body_file)
        if response is not None:
            self._pass_on(response)
        return response is None

    def _begin(self):
        """Do all that need not be on the event loop."""
        if not self._open():
            return
        handler, request = self._handler, self._request
        message = RequestMessage(names.HTTP_REQUEST, request)
        message.handler = handler
        try:
            self._backend.hand_over(message)
        except ChannelFull:
            self._pass_on(unavailable(request))
            return
        response, self._level = self._trips.begin(request)
        if response is not None:
            self._pass_on(response)

    def _end(self, response):
        """Do what is left after an async view."""
        self._pass_on(self._trips.close(self._request, response, self._level))

    def _time_out(self):
        # A plain view can't be interrupted, and may have answered by now. Or the
        # thread had no time at all yet.
        if self._response is None and (self._request is not None or self._open()):
            self._pass_on(gateway_timeout(self._request))

    def _pass_on(self, response):
        """Have the response sent; close it, unless it's iterated then."""
        self._response = response
        response._handler_class = self._handler.__class__
        if isinstance(response, FileResponse):
            response.block_size = self._handler.chunk_size
        if not response.streaming:
            self._messages = self._messages_of(response)
            # Not while it's sent: what comes of it is done before the client,
            # such as a test, goes on.
            try:
                self._finish()
            except Exception as error:
                self._failure = error

    def _messages_of(self, response):
        """Return the ASGI messages of a response that isn't streamed."""
        messages = []

        async def send(message):
            messages.append(message)

        try:
            # It never waits, and so needs no event loop.
            self._handler.send_response(response, send).send(None)
        except StopIteration:
            return messages

    def _finish(self):
        """Close the response, or finish a request that has none."""
        if self.closed or not self._started:
            return
        try:
            if self._response is not None:
                close(self._response)
            else:
                send_finished(self._handler.__class__)
        finally:
            self.closed = True
            # The thread's next borrower would be within it.
            self.is_tidy = not left_open()


# Made once: it's a tenth of what a trip costs.
begin, end, time_out, finish = map(
    sync_to_async,
    (
        ASGIExchange._begin,
        ASGIExchange._end,
        ASGIExchange._time_out,
        ASGIExchange._finish,
    ),
)
