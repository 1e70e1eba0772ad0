"""A request of an interface server that is answered in another process."""

import threading
from io import BytesIO
from queue import SimpleQueue

from django.db import connections

from . import http
from .exceptions import WorkerLost
from .failures import response_to
from .pending_request import PendingRequest
from .pending_response import PendingResponse, is_all
from .remote import part_size
from .remote_body import BodyParts


class RemoteExchange:
    """
    Passes a request on to a SharedChannelBackend, and the response to
    ``exchange``: see ServerRequest. ``content`` is the request's content,
    whose body is in ``exchange.body_file`` if there is one.

    It's the queue of its PendingRequest. An ordinary response is passed on by
    the backend's thread; one in parts, or a body in parts, has a thread.
    """

    def __init__(self, backend, content, exchange):
        self._exchange = exchange
        self._content = content
        self._size = part_size(backend)
        self._queue = SimpleQueue()
        self._lock = threading.Lock()
        self._thread = None
        self._pending = PendingRequest(backend, self)
        self._response = PendingResponse(self._pending, self)

    def send(self):
        """Send the request; raise as PendingRequest.send() does."""
        file = self._exchange.body_file or BytesIO(self._content["body"])
        body = BodyParts(file.read, self._size)
        self._exchange.on_disconnect(self._leave)
        if self._exchange.gone:
            # While it waited to be sent.
            return
        try:
            self._pending.send({**self._content, "body": body.next()}, body)
        except BaseException:
            self._pending.close()
            raise

    def put(self, content):
        with self._lock:
            if self._thread is None and not is_all(content):
                thread = threading.Thread(
                    target=self._respond,
                    args=[self._response.wait],
                    name="channels-exchange",
                    daemon=True,
                )
                try:
                    thread.start()
                    self._thread = thread
                    # From now on each part has its time.
                    self._exchange.deadline = float("inf")
                except RuntimeError as error:
                    # No thread can be had now. The worker lives, and is told.
                    self._pending.close()
                    content = WorkerLost(f"The response can't be passed on: {error}")
            if self._thread is not None:
                self._queue.put(content)
                return
        self._respond(lambda: self._response.advance(content))

    def get(self, timeout=None):
        return self._queue.get(timeout=timeout)

    def _leave(self):
        self._pending.close()
        self._exchange.close_body()
        # For the thread, if it waits.
        self._queue.put({"content": b""})

    def _respond(self, wait):
        try:
            response = wait()
        except Exception as error:
            if self._exchange.gone:
                self._end_thread()
                return
            request = http.decode_request({**self._content, "body": b""})
            response = response_to(error, request)
        response.close = lambda: self._close(response)
        self._exchange.respond(response)

    def _close(self, response):
        # The signal request_finished is for the process that ran the view.
        for close in response._resource_closers:
            close()
        self._pending.close()
        self._end_thread()

    def _end_thread(self):
        if threading.current_thread() is self._thread:
            # The backend may be in a database.
            connections.close_all()
