"""How an interface server ends."""

import logging

from .drain import Drain

logger = logging.getLogger("django.channels.server")


class Shutdown:
    """
    Takes no more connections, lets what runs end, tells sockets to go, and
    cuts off what is left when the time is over. ``ended()`` is called once
    nothing is left. Everything here is called in the reactor's thread.

    ``until`` is when all is to have ended, on the reactor's clock.
    """

    def __init__(self, reactor, listeners, factory, sockets, ended):
        self._reactor = reactor
        self._listeners = listeners
        self._factory = factory
        self._sockets = sockets
        self._tell_ended = ended
        self._deadline = None
        self._drain = None
        self._ended = False
        self.until = 0.0

    def begin(self, grace):
        """Let it take up to so many seconds; again changes nothing."""
        if self._deadline is not None:
            return
        self.until = self._reactor.seconds() + grace
        logger.info("The server on %s stops.", ", ".join(self._listeners.urls))
        self._deadline = self._reactor.callLater(grace, self._end)
        factory = self._factory
        factory.stopping = self._sockets.stopping = True
        factory.when_empty = self._sockets.when_empty = self._end_if_empty
        self._listeners.stop()
        # Requests are done soon, so that only sockets are worth spreading: over
        # half the time, since their last messages are still to be handled.
        sockets = []
        for connection in tuple(factory.connections):
            if connection.successor is None:
                connection.shut_down()
            else:
                sockets.append(connection)
        self._drain = Drain(self._reactor, sockets, grace / 2, _shut_down)
        self._end_if_empty()

    def end_now(self):
        """End it at once, when it has begun."""
        self.until = 0.0
        self._end()

    def _end_if_empty(self):
        if not self._factory.connections and not self._sockets.by_name:
            self._end()

    def _end(self):
        if self._ended:
            return
        self._ended = True
        if self._deadline.active():
            self._deadline.cancel()
        if self._drain is not None:
            self._drain.stop()
        self._factory.when_empty = self._sockets.when_empty = None
        connections = tuple(self._factory.connections)
        if not connections:
            self._tell_ended()
            return
        for connection in connections:
            connection.cut_off()
        # They are lost in the reactor's next turn, which may be its last.
        later = self._reactor.callLater
        later(0, later, 0, self._tell_ended)


def _shut_down(connection):
    connection.shut_down()
