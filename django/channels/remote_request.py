"""A request that came in at another process, and how a worker serves it."""

import asyncio
import logging
from queue import Empty, SimpleQueue
from time import monotonic

from asgiref.sync import async_to_sync, sync_to_async

from django.core import signals

from . import http
from .application import SyncHandler
from .async_handler import AsyncHandler
from .control import ControlChannel
from .exceptions import BackendUnavailable, ChannelFull, ReplyTimeout
from .loop_queue import LoopQueue
from .message import Message
from .received_request import ReceivedRequest
from .remote import BODY_PARTS
from .remote_body import BodyFile
from .remote_reply import ClientGone, RemoteReply, patience
from .request_signals import close, send_finished, send_started
from .script_prefix import set_prefix

logger = logging.getLogger("django.channels")

NOT_SENT = "The response to a request could not be sent: %s"


class RemoteRequest(ReceivedRequest):
    """
    A message on ``http.request`` of a SharedChannelBackend. Its parts and
    those of its response travel as django.channels.remote says.

    It has the signals request_started and request_finished around it, in the
    thread or on the event loop that serves it, and the response is closed
    there. When the client leaves, an async view is cancelled and a streamed
    response is closed; a plain view runs to its end, for nobody.
    """

    __slots__ = ("name", "begun", "announced", "gone", "confessions", "sending")
    __slots__ += ("_control", "_bodies", "_reply", "_cancel", "_cut_off")

    # The request signals do it.
    manages_connections = True

    def __init__(self, channel, content):
        super().__init__(channel, content)
        self.name = content["reply_channel"]
        self.begun = monotonic()
        self.announced = False
        self.gone = False
        # For ControlChannel.
        self.confessions = 0
        self.sending = False
        self._bodies = None
        self._reply = None
        self._cancel = None
        # Whether its worker has stopped amid it.
        self._cut_off = False

    def receipt(self, error):
        if self._cut_off:
            return Message(self.name, {"lost": True})
        return super().receipt(error)

    # What the edge says, in a thread of the backend.

    def told(self, content):
        """Take what came on the control channel for this request."""
        if content.get("gone"):
            self.leave()
        elif "read" in content:
            self._reply.give(content["read"])
        elif "body" in content:
            self._bodies.put(content)

    def leave(self):
        """Note that nobody waits for the response any more."""
        if self.gone:
            return
        self.gone = True
        self._reply.close()
        self._bodies.put(None)
        if self._cancel is not None:
            self._cancel()

    # In a thread.

    def serve(self):
        self._bodies = SimpleQueue()
        self._reply = RemoteReply(self)
        self._control = self.backend.part(ControlChannel)
        body, lost = None, False
        try:
            if self._control.begin(self):
                body = self._receive_body()
                self._answer(body)
        except ClientGone:
            pass
        except (BackendUnavailable, ChannelFull) as error:
            lost = True
            logger.warning(NOT_SENT, error)
        finally:
            if not self.sending:
                self._control.end(self, lost)
            if body is not None:
                body.close()

    def _receive_body(self):
        if not self.content.get("more_body"):
            return None
        body = BodyFile(self.content["body"])
        try:
            while not body.whole:
                self._ask(body)
                self._add(body, self._bodies.get(timeout=patience()))
        except BaseException as error:
            body.close()
            raise _no_body() if isinstance(error, Empty) else error
        return body

    def _answer(self, body):
        request = self._request(body)
        response = None
        send_started(SyncHandler, environ=request.environ)
        try:
            response = SyncHandler.shared().get_response(request)
            response._handler_class = SyncHandler
            if response.streaming and response.is_async:
                async_to_sync(self._reply.astream)(response)
            elif self._reply.is_small(response):
                # From there on it's for _sent() to say that it's the end.
                self.sending = self._reply.send_soon(response, self._sent)
            else:
                self._reply.stream(response)
        finally:
            if response is None:
                send_finished(SyncHandler)
            else:
                close(response)

    def _sent(self, error):
        if error is not None:
            logger.warning(NOT_SENT, error)
        self._control.end(self, lost=error is not None)

    # On an event loop.

    async def aserve(self):
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        self._bodies = LoopQueue()
        self._cancel = lambda: loop.call_soon_threadsafe(task.cancel)
        self._reply = RemoteReply(self)
        self._control = self.backend.part(ControlChannel)
        body, lost = None, False
        try:
            if self._control.begin(self):
                body = await self._areceive_body()
                await self._aanswer(body)
        except ClientGone:
            pass
        except (BackendUnavailable, ChannelFull) as error:
            lost = True
            logger.warning(NOT_SENT, error)
        except asyncio.CancelledError:
            if not self.gone:
                self._cut_off = True
                raise
        finally:
            self._control.end(self, lost)
            if body is not None:
                body.close()

    async def _areceive_body(self):
        if not self.content.get("more_body"):
            return None
        body = BodyFile(self.content["body"])
        try:
            while not body.whole:
                await sync_to_async(
                    self._ask, thread_sensitive=self.backend.thread_sensitive
                )(body)
                self._add(body, await self._bodies.get(patience()))
        except BaseException as error:
            body.close()
            raise _no_body() if isinstance(error, asyncio.TimeoutError) else error
        return body

    async def _aanswer(self, body):
        request = self._request(body)
        response = None
        # What the handlers of each kind send.
        if self.content.get("asgi"):
            came = {"scope": request.scope}
        else:
            came = {"environ": request.environ}
        await signals.request_started.asend(sender=AsyncHandler, **came)
        try:
            response = await AsyncHandler.shared().get_response_async(request)
            response._handler_class = AsyncHandler
            if self._reply.is_small(response):
                await self._reply.asend_small(response)
            else:
                await self._reply.astream(response)
        finally:
            if response is None:
                await signals.request_finished.asend(sender=AsyncHandler)
            else:
                await sync_to_async(response.close)()

    # Either.

    def _request(self, body):
        request = http.decode_request(self.content, body and body.file)
        set_prefix(request.META["SCRIPT_NAME"])
        return request

    def _add(self, body, content):
        if content is None:
            raise ClientGone
        body.add(content)

    def _ask(self, body):
        number = body.ask(BODY_PARTS)
        if number:
            self._reply.send({"worker": self.name_control(), "more_body": number})

    def name_control(self):
        """Return the control channel's name: the edge is told it now."""
        self.announced = True
        return self._control.name


def _no_body():
    return ReplyTimeout(
        f"The rest of a request's body didn't come within {patience()} seconds."
    )
