"""
The WebSockets of an ASGI server: uvicorn, hypercorn, daphne, granian.

The specification is ASGI's "HTTP & WebSocket ASGI Message Format", its section
"WebSocket", called WWW here. The server does the handshake, the frames and the
closing; what a socket may do when is the Conversation's, as in the project's
own server.
"""

import asyncio
import atexit
import logging
import threading
from contextlib import contextmanager
from functools import cache, partial
from time import monotonic

from django.channels import channel_backends

from .access import NoAccessLog
from .asgi_connection import Connection, head_of
from .asgi_socket import ASGISocket, event_of
from .asgi_worker import start_worker
from .close_codes import GOING_AWAY
from .limits import Limits
from .mailbox import Mailbox
from .mails import Mails
from .outbox import Outbox
from .request import Refused
from .sockets import Sockets

logger = logging.getLogger("django.channels.server")

# How often it's looked, in seconds, for what is due when a loop has ended.
LATE_EVERY = 0.05

# By event loop, while it has sockets.
_servers = {}


async def serve(scope, receive, send):
    """
    Be the application of one WebSocket, until its disconnect consumer has
    finished. Who cancels this waits for that up to Limits.close_timeout, as
    everybody does where the workers are other processes.
    """
    if (await receive())["type"] != "websocket.connect":
        return
    connection = Connection(scope)
    with server_of(asyncio.get_running_loop()) as sockets:
        try:
            head = head_of(scope)
        except Refused as refused:
            connection.refuse_upgrade(refused.status)
        else:
            sockets.take_over(connection, head, b"")
        if connection.socket is None:
            await _refuse(connection, send)
        else:
            await connection.socket.run(connection, receive, send)


async def _refuse(connection, send):
    try:
        for event in connection.refusal(connection.status):
            await send(event)
    except Exception as error:
        # Each server raises another kind where the client has left.
        logger.debug("A WebSocket's client has left: %r", error)


@contextmanager
def server_of(loop):
    """
    Give the Sockets of this event loop, with workers behind it. They are there
    while the loop has sockets.
    """
    server = _servers.get(loop)
    if server is None:
        server = _servers[loop] = LoopServer(loop)
    start_worker(server.sockets.backend, loop)
    # After the worker: what is registered last is called first.
    atexit.unregister(end_sockets)
    atexit.register(end_sockets)
    server.users += 1
    try:
        yield server.sockets
    finally:
        server.users -= 1
        server.close_if_unused()


@cache
def _mails():
    # Not one for each LoopServer: that of a refused handshake is gone at once.
    return Mails(_is_serving)


def _is_serving():
    try:
        return asyncio.get_running_loop() in _servers
    except RuntimeError:
        return False


def end_sockets():
    """
    Send the disconnects that are due when a server has ended without telling
    its sockets, and wait for their consumers up to Limits.close_timeout.
    """
    for server in tuple(_servers.values()):
        server.end()


class LoopServer:
    """The WebSockets of one event loop, which is its ``clock``."""

    def __init__(self, loop):
        self.users = 0
        self._loop = loop
        self._after = threading.RLock()
        self._clock = LoopClock(loop)
        mailbox = Mailbox(self._call)
        backend = channel_backends["default"]
        self._outbox = None if backend.process_local else Outbox(mailbox)
        _mails()
        self.sockets = Sockets(
            backend,
            mailbox,
            # ASGI servers have access logs of their own.
            NoAccessLog(),
            Limits.from_settings(),
            ASGISocket,
            event_of,
            outbox=self._outbox,
            clock=self._clock,
        )
        self.sockets.when_empty = self.close_if_unused

    def end(self):
        """The loop runs no more: end what it has left."""
        ended = threading.Event()
        self.sockets.when_empty = ended.set
        with self._after:
            for socket in tuple(self.sockets.by_name.values()):
                socket.conversation.lost(GOING_AWAY, "")
        until = monotonic() + self.sockets.limits.close_timeout
        while self.sockets.by_name and (left := until - monotonic()) > 0:
            ended.wait(min(left, LATE_EVERY))
            with self._after:
                self._clock.call_late(self.sockets.mailbox.post)

    def close_if_unused(self):
        if self.users or self.sockets.by_name:
            return
        if _servers.get(self._loop) is self:
            del _servers[self._loop]
            if self._outbox is not None:
                self._outbox.close()

    def _call(self, function):
        if self._loop.is_running():
            self._loop.call_soon_threadsafe(function)
        else:
            # The server has ended, and a consumer after that: the disconnect
            # that is due is sent from its thread.
            with self._after:
                function()


class LoopClock:
    """
    An event loop as Sockets uses a clock, which is as Twisted has it. When it runs
    no more, what is to be called waits for ``call_late()``. A thread that does it
    couldn't be started while the interpreter ends.
    """

    def __init__(self, loop):
        self._loop = loop
        self._late = []
        self.seconds = loop.time

    def callLater(self, delay, function, *args):
        if self._loop.is_running():
            return self._loop.call_later(delay, function, *args)
        call = LateCall(monotonic() + delay, partial(function, *args))
        self._late.append(call)
        return call

    def call_late(self, post):
        """``post()`` the calls that are due."""
        now, late, self._late = monotonic(), self._late, []
        for call in late:
            if call.at > now:
                self._late.append(call)
            elif call.function is not None:
                post(call.function)


class LateCall:
    def __init__(self, at, function):
        self.at = at
        self.function = function

    def cancel(self):
        self.function = None
