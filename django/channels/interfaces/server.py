"""The interface server: its ports, its life in the reactor, its workers."""

import gc
import threading
from functools import partial

from twisted.python.threadable import isInIOThread

from django.channels import channel_backends
from django.channels.processes import readiness
from django.channels.processes.events import SLICE
from django.channels.route import http_backend
from django.conf import settings

from . import reactor as reactors
from .access import NoAccessLog
from .factory import HTTPFactory
from .frames import frame_of
from .limits import Limits
from .listeners import Listeners
from .mailbox import Mailbox
from .mails import Mails
from .outbox import Outbox
from .reactor import reactor
from .requests import Requests
from .shutdown import Shutdown
from .signals import StopSignals
from .sockets import Sockets
from .wakeups import Wakeups
from .websocket_factory import WebSocketFactory
from .workers import Workers

# How many seconds the last disconnects may take to get to a store, past the grace.
DISCONNECTS = 1.0


class InterfaceServer:
    """
    HTTP and WebSocket on the same ports, and the workers that answer.

    ``application`` is the WSGI application, usually Django's own handler.
    ``threads`` worker threads run views and sockets' consumers, and as many
    run those of other channels; with one, it runs them all. ``access`` gets a
    line per request and socket. ``http`` and ``websocket`` say what is served.
    ``limits`` are those of CHANNEL_SERVER_LIMITS if they aren't given.
    Without ``worker``, nothing is received from backends that other processes
    share: their workers do that. ``proxies`` are the Proxies to trust,
    ``listeners`` the Listeners, if it's not to bind sockets of its own. With
    ``compress``, messages of sockets are compressed where a client offers that.

        server = InterfaceServer(application)
        server.bind("127.0.0.1", 8000)
        server.serve()

    ``serve()`` blocks until ``stop()`` or a signal; ``start()`` returns at
    once and leaves the reactor to a background thread. A stopped server is
    not started again; another one may follow it.
    """

    def __init__(
        self,
        application,
        threads=1,
        access=None,
        limits=None,
        *,
        http=True,
        websocket=True,
        worker=True,
        proxies=None,
        listeners=None,
        compress=False,
    ):
        self.application = application
        self.threads = threads
        self.http = http
        self.websocket = websocket
        self.worker = worker
        self.proxies = proxies
        self.access = access or NoAccessLog()
        self.limits = limits or Limits.from_settings()
        self.compress = compress
        self.listeners = listeners or Listeners()
        self.factory = None
        self.sockets = None
        self._outbox = None
        self._mails = None
        self._wakeups = Wakeups(partial(reactor.callLater, 0))
        self._started = False
        self._workers = None
        self._shutdown = None
        self._stopped = threading.Event()
        self._grace = None
        self._signal = None
        self._owns_reactor = False

    @property
    def port(self):
        return self.listeners.port

    @property
    def urls(self):
        """Where it listens."""
        return self.listeners.urls

    @property
    def time_left(self):
        """How many seconds are left of the grace, when it stops."""
        return max(0.0, self._shutdown.until - reactor.seconds())

    def bind(self, addr, port, ipv6=False, reuse_port=False):
        """Take a port: see Listeners.bind()."""
        self.listeners.bind(addr, port, ipv6, reuse_port)

    def bind_endpoint(self, description):
        """Listen on another endpoint: see Listeners.bind_endpoint()."""
        self._make_factory()
        _in_reactor(self.listeners.bind_endpoint, description, self.factory)

    def start(self):
        """Serve from a background thread. Return when connections are taken."""
        self._prepare()
        reactors.ensure_running()
        reactors.call(self._listen)

    def stop(self, grace=10.0):
        """
        Take no more connections, let what runs end for up to ``grace``
        seconds, and return. Sockets are told to go during the first half.
        """
        if not self._started:
            _in_reactor(self.listeners.stop)
            return
        reactor.callFromThread(self._begin_stop, grace)
        self._stopped.wait()
        self._stop_workers()

    def serve(self, grace=10.0, on_ready=None, parent=None):
        """
        Serve in this thread until a signal, SIGINT or SIGTERM, until stop(), or
        until the ``parent`` says so. Call ``on_ready()`` when connections are
        taken. Return the signal's number or None. Only the main thread gets
        signals.
        """
        self._grace = grace
        if parent is not None:
            parent.watch(lambda: reactor.callFromThread(self._begin_stop, grace))
        with StopSignals(self._signalled):
            if reactor.running:
                self.start()
                if on_ready is not None:
                    on_ready()
                while not self._stopped.wait(SLICE):
                    pass
            else:
                self._prepare()
                self._owns_reactor = True
                # What is loaded by now stays: that the collector looked at it
                # again and again took 6 percent of a small view's time.
                gc.collect()
                gc.freeze()
                reactor.callWhenRunning(self._listen)
                if on_ready is not None:
                    reactor.callWhenRunning(on_ready)
                reactors.run_here()
        # Without a handler: a second signal ends this, too.
        self._stop_workers()
        return self._signal

    def _prepare(self):
        """Begin with what needs settings here, where an error finds the caller."""
        self._make_factory()
        self._started = True
        self._mails = Mails(isInIOThread)
        self._workers.start()

    def _make_factory(self):
        if self.factory is not None:
            return
        mailbox = Mailbox(reactor.callFromThread)
        websockets = WebSocketFactory(reactor, self.limits, self.compress)
        backend, requests = channel_backends["default"], http_backend()
        if not (backend.process_local and requests.process_local):
            self._outbox = Outbox(mailbox)
        self.sockets = Sockets(
            backend,
            mailbox,
            self.access,
            self.limits,
            websockets.make_protocol,
            frame_of,
            outbox=None if backend.process_local else self._outbox,
            clock=reactor,
            wakeups=self._wakeups,
        )
        self._workers = Workers(
            requests, self.threads, http=self.http, shared=self.worker
        )
        way = Requests(self.application, requests, self._outbox, self._wakeups)
        self.factory = HTTPFactory(
            send=way.send if self.http else None,
            sockets=self.sockets if self.websocket else None,
            mailbox=mailbox,
            clock=reactor,
            access=self.access,
            timeout=settings.CHANNEL_HTTP_TIMEOUT,
            proxies=self.proxies,
            limits=self.limits,
        )
        self._shutdown = Shutdown(
            reactor, self.listeners, self.factory, self.sockets, self._ended
        )

    # The reactor's thread.

    def _listen(self):
        self.listeners.listen(self.factory)

    # Methods, since a signal may ask for it before there is a Shutdown. The
    # reactor, which does it, runs later.

    def _begin_stop(self, grace):
        self._shutdown.begin(grace)

    def _end_now(self):
        self._shutdown.end_now()

    def _ended(self):
        self._stopped.set()
        if self._owns_reactor:
            reactor.stop()

    def _signalled(self, number, frame):
        if self._signal is None:
            self._signal = number
            readiness.notify(readiness.STOPPING)
            reactor.callFromThread(self._begin_stop, self._grace)
        else:
            # The second one means it.
            reactor.callFromThread(self._end_now)

    def _stop_workers(self):
        if self._outbox is not None:
            self._outbox.close(DISCONNECTS)
        self._wakeups.flush()
        self._workers.stop(lambda: self.time_left)
        self._mails.close(self.time_left)


def _in_reactor(function, *args):
    """Call in the reactor's thread, if there is one already."""
    if reactor.running:
        return reactors.call(function, *args)
    return function(*args)
