"""A request that an interface server received, and how it is served."""

import asyncio
import threading

from asgiref.sync import sync_to_async

from django.conf import settings
from django.core import signals
from django.http import HttpResponse

from . import http, names
from .application import WSGIResponse, has_async_twin, is_core_handler, static_part
from .async_handler import AsyncHandler, begins_async_view
from .exceptions import nothing_sent
from .message import Message
from .processes.parent import Parent
from .remote_exchange import RemoteExchange
from .request_signals import send_started
from .route import is_answered_remotely
from .script_prefix import set_default_prefix


class ServerRequest(Message):
    """
    A message on ``http.request`` from the interface server in this process.

    ``parts`` is the content as django.channels.http describes it, with an
    empty body where ``exchange.body_file``, an open file, has it.
    ``application`` is the WSGI application that answers. ``exchange`` takes
    the response: ``respond(response)`` in the thread that ran the view,
    ``await arespond(response)`` on the event loop that ran it; both close it.
    ``exchange.on_disconnect(callback)`` tells when the client has gone.
    ``backend`` is what carries the request and its reply, ``wakeups`` those of
    the loop that sends it, or None.
    """

    __slots__ = (
        "parts",
        "application",
        "exchange",
        "wakeups",
        "_answered",
        "_content",
        "_reply",
        "_entered",
        "_task",
    )

    # The request signals do it, and stand for the consumer's.
    manages_connections = True
    signalled = False

    def __init__(self, parts, application, exchange, backend=None, wakeups=None):
        self.channel = names.HTTP_REQUEST
        self.parts = parts
        self.application = application
        self.exchange = exchange
        self.backend = backend
        self.wakeups = wakeups
        self.expires = None
        # Whether the exchange has a response, which it closes.
        self._answered = False
        self._content = None
        self._entered = None
        # What is cancelled when the client leaves.
        self._task = None

    @property
    def content(self):
        """The whole content, for a project's own consumer of the channel."""
        if self._content is None:
            self.leave()
            from .reply import Reply

            self._content = {**self.parts, "script_name": "", "extra": {}}
            self._content.pop("raw_path", None)
            body_file = self.exchange.body_file
            if body_file is not None:
                self._content["body"] = body_file.read()
            self._reply = reply = Reply(self.backend, settings.CHANNEL_HTTP_TIMEOUT)
            self.exchange.on_disconnect(reply.leave)
            reply.when_arrived(lambda response: self._pass_on(reply, response))
            self._content["reply_channel"] = reply.name
        return self._content

    def send(self):
        """
        Send the request on its backend, which other processes may share: it
        may wait for the store.
        """
        if not is_answered_remotely(self.backend):
            with nothing_sent():
                self.backend.renew_inbox()
            self.backend.send(self)
        elif static_part(self.application, self.parts["path"])[1]:
            # Only in development, and only this process knows of it.
            threading.Thread(target=self.serve, daemon=True).start()
        else:
            content = {**self.parts, "script_name": "", "extra": {}}
            content.pop("raw_path", None)
            RemoteExchange(self.backend, content, self.exchange).send()

    def receipt(self, error):
        if error and not self._answered:
            self._fail()

    def consumed(self):
        """Return it as a project's own consumer of the channel handles it."""
        message = ConsumedRequest(
            self.parts, self.application, self.exchange, self.backend, self.wakeups
        )
        message.expires = self.expires
        return message

    def wants_loop(self):
        """Tell whether the view is async, and so belongs on an event loop."""
        path = self.parts["path"]
        application, is_static = static_part(self.application, path)
        if is_static or not has_async_twin(application):
            return False
        return begins_async_view(path)

    def serve(self):
        """Run the application in this thread and pass the response on."""
        environ = self._environment()
        application, _ = static_part(self.application, self.parts["path"])
        if not is_core_handler(application):
            self._respond(WSGIResponse.run(application, environ, self._begun))
            return
        set_default_prefix()
        send_started(application.__class__, environ=environ)
        request = application.request_class(environ)
        response = application.get_response(request)
        response._handler_class = application.__class__
        self._respond(response)

    def _begun(self):
        # As for a streamed response of Django's, its first part may take longer.
        self.exchange.deadline = float("inf")

    def enter(self, semaphore):
        """Wait for the semaphore, and have it until the view or consumer begins."""
        semaphore.acquire()
        self._entered = semaphore

    def leave(self):
        semaphore, self._entered = self._entered, None
        if semaphore is not None:
            semaphore.release()

    async def aserve(self):
        """
        Do the same on this event loop; a client that leaves before there is a
        response cancels it.
        """
        if self.exchange.gone:
            # While it waited.
            self.exchange.close_body()
            return
        self._task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        self.exchange.on_disconnect(lambda: loop.call_soon_threadsafe(self._cancel))
        set_default_prefix()
        handler = AsyncHandler.shared()
        try:
            try:
                request, response, level = await begin(self, handler)
            finally:
                self.leave()
            if response is None:
                response = await handler.trips.inner(request)
        except (Exception, asyncio.CancelledError, SystemExit) as error:
            if isinstance(error, asyncio.CancelledError) and self.exchange.gone:
                await signals.request_finished.asend(sender=AsyncHandler)
                self.exchange.close_body()
                return
            await sync_to_async(self._fail)(AsyncHandler)
            raise
        # From here on, the response is to be closed.
        task, self._task = self._task, None
        response = await end(self, handler, request, response, level)
        if response is not None:
            self._task = task
            self._answered = True
            try:
                await self.exchange.arespond(response)
            except asyncio.CancelledError:
                if not self.exchange.gone:
                    raise

    def _cancel(self):
        if self._task is not None:
            self._task.cancel()

    def _begin(self, handler):
        """Runs in the request's thread, before the view."""
        environ = self._environment()
        send_started(AsyncHandler, environ=environ)
        request = handler.request_class(environ)
        return request, *handler.trips.open(request)

    def _end(self, handler, request, response, level):
        """
        Runs in the request's thread, after the view. Return the response if
        it's one to iterate on the event loop.
        """
        response = handler.trips.close(request, response, level)
        response._handler_class = AsyncHandler
        if response.streaming:
            return response
        self._respond(response)

    def _environment(self):
        environ = http.environment(self.parts, self.exchange.body_file)
        environ[http.SERVED] = True
        environ["wsgi.multiprocess"] = Parent.current is not None
        return environ

    def _respond(self, response):
        self._answered = True
        self.exchange.respond(response)

    def _fail(self, sender=None):
        """Answer for a view, in the request's thread, that never will."""
        response = HttpResponse(status=500, content_type="text/plain")
        response.content = f"500 {response.reason_phrase}\n"
        response._handler_class = sender or self.application.__class__
        self._respond(response)

    def _pass_on(self, reply, response):
        self._answered = True
        if not response.streaming:
            self.exchange.respond(response)
            reply.close()
            return
        # Its chunks come from the thread that is calling.
        thread = threading.Thread(target=self.exchange.respond, args=[response])
        try:
            thread.start()
        except RuntimeError:
            # No thread can be had now.
            response.close()
            self._fail()


class ConsumedRequest(ServerRequest):
    """
    One that a project's own consumer handles, with all that is around any message.
    """

    __slots__ = ()

    manages_connections = False
    signalled = True

    def receipt(self, error):
        if error and self._content is None:
            # It was never asked for, so that no reply can come.
            self._fail()
        elif error and self._reply.is_open:
            return Message(
                self._content["reply_channel"], {"done": None, "error": True}
            )


# Made once: it's a tenth of what a trip costs.
begin, end = sync_to_async(ServerRequest._begin), sync_to_async(ServerRequest._end)
