"""The interface server: ports, the reactor, the sweep of deadlines, workers."""

import logging
import signal
import socket
import threading

from django.channels import channel_backends, consumers, names
from django.channels.server_request import ServerRequest
from django.channels.worker import Worker
from django.conf import settings
from django.core.handlers.channel import http_backend

from . import reactor as reactors
from .access import NoAccessLog
from .http import HTTPFactory
from .limits import Limits
from .mailbox import Mailbox
from .reactor import reactor
from .sockets import Sockets
from .websocket import WebSocketFactory

logger = logging.getLogger("django.channels.server")

BACKLOG = 1024

# How often deadlines are looked at, in seconds, while there are connections.
SWEEP = 1.0


class InterfaceServer:
    """
    HTTP and WebSocket on one port, and the workers that answer.

    ``application`` is the WSGI application, usually Django's own handler.
    ``threads`` worker threads run views and sockets' consumers, and as many
    run those of other channels; with one, it runs them all. ``access`` gets a
    line per request and socket.

        server = InterfaceServer(application)
        server.bind("127.0.0.1", 8000)
        server.serve()

    ``serve()`` blocks until ``stop()`` or a signal; ``start()`` returns at
    once and leaves the reactor to a background thread. A stopped server is
    not started again; another one may follow it.
    """

    def __init__(self, application, threads=1, access=None, limits=Limits()):
        self.application = application
        self.threads = threads
        self.access = access or NoAccessLog()
        self.limits = limits
        self.grace = 10.0
        self.port = None
        self._socket = None
        self._listening = None
        self._workers = []
        self._stopped = threading.Event()
        self._stopping = False
        self._sweep = None
        self._deadline = None
        self._own_reactor = False
        self._signal = None

    def bind(self, addr, port, ipv6=False):
        """
        Take the port; ``port`` 0 takes any, and ``self.port`` tells. Raise
        OSError as socket.bind() does.
        """
        family = socket.AF_INET6 if ipv6 else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((addr, port))
            listener.listen(BACKLOG)
            listener.setblocking(False)
        except BaseException:
            listener.close()
            raise
        self._socket = listener
        self.port = listener.getsockname()[1]

    def start(self):
        """Serve from a background thread. Return when connections are taken."""
        reactors.ensure_running()
        self._start_workers()
        reactors.call(self._listen)

    def stop(self, grace=10.0):
        """
        Take no more connections, let what runs end for up to ``grace``
        seconds, and return.
        """
        reactor.callFromThread(self._begin_stop, grace)
        self._stopped.wait()
        self._stop_workers(grace)

    def serve(self, grace=10.0):
        """
        Serve in this thread until a signal, SIGINT or SIGTERM, or stop().
        Return the signal's number or None. Only the main thread gets signals.
        """
        self.grace = grace
        if reactor.running:
            self.start()
            with _Signals(self._signalled):
                self._stopped.wait()
        else:
            self._own_reactor = True
            self._start_workers()
            reactor.callWhenRunning(self._listen)
            with _Signals(self._signalled):
                reactors.run_here()
        self._stop_workers(grace)
        return self._signal

    # The reactor's thread.

    def _listen(self):
        mailbox = Mailbox(reactor.callFromThread)
        websockets = WebSocketFactory(reactor, self.limits)
        self.sockets = Sockets(
            channel_backends["default"],
            mailbox,
            self.access,
            self.limits,
            websockets.make_protocol,
        )
        self.factory = HTTPFactory(
            send=self._send,
            sockets=self.sockets,
            mailbox=mailbox,
            seconds=reactor.seconds,
            access=self.access,
            timeout=settings.CHANNEL_HTTP_TIMEOUT,
            limits=self.limits,
        )
        self._listening = reactor.adoptStreamPort(
            self._socket.fileno(), self._socket.family, self.factory
        )
        self._socket.close()
        self._sweep = reactor.callLater(SWEEP, self._look)

    def _send(self, exchange):
        self._http_backend.send(
            ServerRequest(
                exchange.content, self.application, exchange, self._http_backend
            )
        )

    def _look(self):
        self._sweep = reactor.callLater(SWEEP, self._look)
        self.factory.check()

    def _begin_stop(self, grace):
        if self._stopping:
            return
        self._stopping = True
        logger.info("The server on port %s stops.", self.port)
        self.factory.stopping = True
        self._listening.stopListening()
        for connection in tuple(self.factory.connections):
            connection.shut_down()
        self._deadline = reactor.seconds() + grace
        self._await_end()

    def _await_end(self):
        busy = self.factory.connections or self.sockets.by_name
        if busy and reactor.seconds() < self._deadline:
            reactor.callLater(0.05, self._await_end)
            return
        for connection in tuple(self.factory.connections):
            connection.transport.abortConnection()
        self._sweep.cancel()
        self._stopped.set()
        if self._own_reactor:
            reactor.stop()

    def _signalled(self, number, frame):
        if self._signal is not None:
            # The second one means it.
            self._deadline = 0
            return
        self._signal = number
        reactor.callFromThread(self._begin_stop, self.grace)

    # Workers.

    def _start_workers(self):
        self._http_backend = http_backend()
        backends = {
            backend.alias: backend
            for backend in (channel_backends["default"], self._http_backend)
        }
        self._workers = [
            Worker(backend, self.threads, channels)
            for backend in backends.values()
            for channels in self._shares(consumers.channels())
        ]
        for worker in self._workers:
            worker.start()

    def _shares(self, channels):
        """
        Return the channels of each worker. Requests and sockets have one of
        their own, so that no number of slow jobs keeps them waiting; a single
        thread does everything.
        """
        if self.threads == 1:
            return [channels]
        protocol = [name for name in channels if name in names.PROTOCOL_CHANNELS]
        jobs = [name for name in channels if name not in names.PROTOCOL_CHANNELS]
        return [protocol, jobs] if jobs else [protocol]

    def _stop_workers(self, grace):
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.stop(grace)


class _Signals:
    """Has SIGINT and SIGTERM call ``handler``, where this is the main thread."""

    def __init__(self, handler):
        self.handler = handler
        self.kept = {}

    def __enter__(self):
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self.kept[number] = signal.signal(number, self.handler)

    def __exit__(self, *exc_info):
        for number, handler in self.kept.items():
            signal.signal(number, handler)
