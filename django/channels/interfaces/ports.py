"""Twisted's ports, for sockets that are bound already."""

import logging
import socket

from twisted.internet import tcp
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from .listeners import BACKLOG
from .reactor import reactor

logger = logging.getLogger("django.channels.server")


def adopt(listener, factory):
    """
    Take connections from the listening socket, which is the port's from now
    on. Return Twisted's port.
    """
    listener.setblocking(False)
    if listener.family == getattr(socket, "AF_UNIX", None):
        # Windows hasn't the module's base class.
        from .unix_port import AdoptedUnixPort

        port = AdoptedUnixPort(listener, factory, BACKLOG)
        port.startListening()
        return port
    # The port has a descriptor of its own.
    with listener:
        return reactor.adoptStreamPort(listener.fileno(), listener.family, factory)


def take_turns(port):
    """
    Have the port take one connection at a time, so that many at once are spread
    over the processes that listen on its socket.
    """
    take = port.doRead

    def take_one():
        port.numberAccepts = 1
        return take()

    port.doRead = take_one


def close(port):
    """
    Close this process's descriptor of the port at once, where stopListening()
    would need a reactor that runs.
    """
    # A shutdown would be one for all processes that have the socket.
    port._shouldShutdown = False
    reason = Failure(ConnectionDone())
    try:
        port.connectionLost(reason)
    except (OSError, ValueError) as error:
        # A Unix socket's file, or its lock's, isn't there any more.
        logger.warning("What belongs to a port couldn't be removed: %s", error)
        tcp.Port.connectionLost(port, reason)
