"""A request that waits for its response from another process."""

from queue import SimpleQueue
from time import monotonic

from asgiref.sync import sync_to_async

from . import http, names
from .exceptions import BackendUnavailable, ChannelFull, WorkerLost, nothing_sent
from .loop_queue import LoopQueue
from .message import Message
from .pending_response import PendingResponse
from .remote import part_size
from .remote_body import BodyParts
from .watch import Watch, worker_lost


class PendingRequest:
    """
    A request on its way through a SharedChannelBackend, at the edge where it
    came in. It listens on a fresh reply channel, ``name``, and sends the parts
    of the body that the worker asks for. See django.channels.remote.

    ``contents``, a queue, gets what the worker says: a PendingResponse reads it.
    ``worker`` is the worker's control channel, once it's known.

    An ordinary request costs one message each way.
    """

    def __init__(self, backend, contents):
        self.name = backend.reply_name("http")
        self.worker = None
        self.sent = monotonic()
        # For Watch.
        self.looks = 0
        self.backend = backend
        self._contents = contents
        self._watch = backend.part(Watch)
        self._body = None
        # Whether the worker has a part in it yet.
        self.in_progress = False
        # Whether a worker has said anything of it.
        self.heard_of = False
        self._closed = False

    def send(self, content, body):
        """
        Send the request, of which ``body``, a BodyParts, has the rest. Raise
        NoWorker, BackendUnavailable or ChannelFull.
        """
        try:
            self._send(content, body)
        except BaseException:
            # close() may have come before this has begun to listen.
            self.backend.unlisten(self.name)
            raise

    def _send(self, content, body):
        with nothing_sent():
            self.backend.listen(self.name, self)
            self._watch.require_worker()
        self._body = body
        content["reply_channel"] = self.name
        if body.more:
            content["more_body"] = True
        try:
            with nothing_sent():
                self.backend.renew_inbox()
            self.backend.send(Message(names.HTTP_REQUEST, content))
        except BackendUnavailable:
            self._watch.forget()
            raise
        self.sent = monotonic()
        self.in_progress = True
        self._watch.add(self)
        if self._closed:
            # Its client left meanwhile.
            self._withdraw()

    def send_request(self, request):
        """Do the same with an HttpRequest."""
        first, body = BodyParts.of(request, part_size(self.backend))
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
        self.backend.unlisten(self.name)
        if self.in_progress:
            self._watch.say_gone(self)

    # In any thread.

    def deliver(self, reply_names, message):
        self.heard_of = True
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

    # What the response asks for; it may wait for the store.

    def send_body(self, number):
        """Send the worker so many more parts of the body."""
        while number and self._body.more and not self._closed:
            data = self._body.next()
            self.tell({"body": data, "more_body": self._body.more})
            number -= 1

    def tell(self, content):
        """Tell the worker. Raise WorkerLost if that can't be done."""
        message = Message(self.worker, {"request": self.name, **content})
        try:
            reached = self.backend.reach(message)
        except (BackendUnavailable, ChannelFull) as error:
            # Whatever it is, the worker has had the request.
            raise WorkerLost(f"The worker can't be reached: {error}") from error
        if not reached:
            raise worker_lost()


def exchange(backend, request):
    """Return the response of a worker elsewhere to an HttpRequest."""
    contents = SimpleQueue()
    pending = PendingRequest(backend, contents)
    response = None
    try:
        pending.send_request(request)
        response = PendingResponse(pending, contents).wait()
        return response
    finally:
        if response is None or not response.streaming:
            pending.close()


async def aexchange(backend, request):
    """Do the same on an event loop. Who is cancelled waits no more."""
    contents = LoopQueue()
    pending = PendingRequest(backend, contents)
    response = None
    try:
        send = sync_to_async(
            pending.send_request, thread_sensitive=backend.thread_sensitive
        )
        await send(request)
        response = await PendingResponse(pending, contents).await_()
        return response
    finally:
        if response is None or not response.streaming:
            pending.close()
