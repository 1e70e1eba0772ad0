"""Telling edges that messages of their sockets are being handled."""

import logging
from time import monotonic

from .exceptions import ChannelError, ChannelFull
from .message import Message
from .ticker import Ticker

logger = logging.getLogger("django.channels")

# How many signs of life an edge gets in the time of a lease, at the least.
SIGNS = 3


class Progress:
    """
    The messages of sockets that consumers of this process have in hand. Who
    waits for one to be done hears ``{"running": order}`` on its reply channel
    again and again, from a third of the backend's lease on, so that it needn't
    wait for a worker that was killed. There is one for each
    SharedChannelBackend: ``backend.part(Progress)``.
    """

    def __init__(self, backend):
        self._backend = backend
        self._ticker = Ticker(self._look, "channels-progress")

    @classmethod
    def of(cls, backend, message):
        """Return the one that the message needs, or None."""
        if hasattr(backend, "part") and message.made_by_django:
            content = message.content
            if (
                not message.durable
                and "order" in content
                and "reply_channel" in content
            ):
                return backend.part(cls)

    def begin(self, message):
        self._ticker.add(id(message), [message, monotonic()])

    def end(self, message):
        """Its receipt was sent, or can't be."""
        self._ticker.remove(id(message))

    def _look(self):
        latest = monotonic() - self._backend.lease / SIGNS
        for item in self._ticker.items():
            message, last = item
            if last > latest:
                continue
            content = {"running": message.content["order"]}
            try:
                self._backend.reach(Message(message.content["reply_channel"], content))
            except ChannelFull:
                # That edge alone is behind.
                continue
            except ChannelError as error:
                logger.warning("An edge wasn't told of a message's worker: %s", error)
                # The others, too, at the next look.
                break
            item[1] = monotonic()
