"""The channel on which the edges reach a worker process."""

import logging
from collections import OrderedDict
from time import monotonic

from django.dispatch import receiver

from . import names
from .exceptions import ChannelError, ChannelFull
from .message import Message
from .remote import WORKERS
from .signals import worker_started, worker_stopped
from .ticker import Ticker

logger = logging.getLogger("django.channels")

# How many seconds a request takes before its edge is told who has it.
ANNOUNCED_AFTER = 1.0

# How often it's tried to tell an edge that it won't have its response, once a
# second: it may be finding its own way back to the backend.
CONFESSIONS = 30

# How many requests are remembered whose client left before they got here.
LEFT_KEPT = 1000


class ControlChannel:
    """
    The control channel of this process on a SharedChannelBackend, and the
    requests that are in progress here. See django.channels.remote; there is
    one for each backend: ``backend.part(ControlChannel)``.
    """

    def __init__(self, backend):
        self.name = backend.reply_name("worker")
        self._backend = backend
        self._ticker = Ticker(self._look, "channels-control")
        self._listening = False
        self._workers = 0
        self._joined = False
        # The names of requests, in the order in which their clients left.
        self._left = OrderedDict()

    def open(self):
        """Let edges know that requests are answered here."""
        self._workers += 1
        # Also so that a backend which is out of reach now is tried again.
        self._ticker.add(self.name, None)
        self._join()

    def close(self):
        """Undo open()."""
        # Another one's, where the backend was closed in between.
        self._workers = max(0, self._workers - 1)
        if not self._workers:
            self._ticker.remove(self.name)
            if self._joined:
                self._joined = False
                self._backend.group_discard(WORKERS, self.name)

    def begin(self, request):
        """
        Add a RemoteRequest to those in progress. Return whether its client is
        still there.
        """
        self._ticker.add(request.name, request)
        self._listen()
        return self._left.pop(request.name, None) is None

    def end(self, request, lost=False):
        """
        It isn't in progress any more. Where its response is ``lost``, its edge
        is told, as soon as the backend is there for that.
        """
        if lost:
            request.confessions = CONFESSIONS
        else:
            self._ticker.remove(request.name)

    def deliver(self, reply_names, message):
        content = message.content
        name = content.get("request")
        request = self._ticker.get(name)
        if request is not None:
            request.told(content)
        elif content.get("gone"):
            self._left[name] = True
            while len(self._left) > LEFT_KEPT:
                self._left.popitem(last=False)
        return ()

    def _listen(self):
        if not self._listening:
            self._backend.listen(self.name, self)
            self._listening = True

    def _join(self):
        try:
            self._listen()
            self._backend.group_add(WORKERS, self.name)
            self._joined = True
        except ChannelError as error:
            # Those of this process may be.
            logger.warning(
                "Requests of other processes can't be answered yet: %s", error
            )

    def _look(self):
        if self._workers and not self._joined:
            self._join()
        now = monotonic()
        requests = [
            request
            for request in self._ticker.items()
            if request is not None and now - request.begun > ANNOUNCED_AFTER
        ]
        lost = [request for request in requests if request.confessions]
        requests = [request for request in requests if not request.confessions]
        try:
            self._confess(lost)
            self._announce(requests)
            self._look_for_edges(requests)
        except ChannelError as error:
            logger.warning("Requests in progress could not be looked after: %s", error)

    def _announce(self, requests):
        for request in requests:
            if not request.announced:
                # Where it fails, it's tried again at the next look.
                try:
                    if not self._backend.reach(
                        Message(request.name, {"worker": self.name})
                    ):
                        request.leave()
                except ChannelFull:
                    # That edge alone is behind.
                    continue
                request.announced = True

    def _confess(self, requests):
        """Tell the edges of responses that could not be sent to them."""
        if names.process_of(self.name) != self._backend.process:
            # The backend was closed, and isn't opened again for this.
            for request in requests:
                self._ticker.remove(request.name)
            return
        for request in requests:
            try:
                told = self._backend.reach(Message(request.name, {"lost": True}))
            except ChannelFull:
                told = False
            request.confessions -= 1
            if told or not request.confessions:
                self._ticker.remove(request.name)

    def _look_for_edges(self, requests):
        """Give up what nobody waits for, since its edge has died."""
        edges = {names.process_of(request.name) for request in requests}
        edges.discard(self._backend.process)
        if not edges:
            return
        alive = self._backend._alive(edges)
        for request in requests:
            if names.process_of(request.name) in edges - alive:
                request.leave()


def control_of(worker):
    """Return the ControlChannel that a Worker needs, or None."""
    backend = worker.backend
    if names.HTTP_REQUEST in worker.channels and hasattr(backend, "part"):
        return backend.part(ControlChannel)


@receiver(worker_started)
def open_control(*, worker, **kwargs):
    control = control_of(worker)
    if control is not None:
        control.open()


@receiver(worker_stopped)
def close_control(*, worker, **kwargs):
    control = control_of(worker)
    if control is not None:
        control.close()
