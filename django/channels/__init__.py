"""
Channels: every event is a message on a named channel, and workers consume it.

Read the modules in this order; each imports only from those above it, save what
a function imports when it's called.

``exceptions``, ``lines``, ``names``, ``codec``, ``deadline``
    The errors; what is written to a log; what a channel may be called; what a
    message may hold; how long code on an event loop may take.
``message``
    A channel's name and a flat dict.
``delivery``, ``policy``, ``batches``
    How a message is to be delivered; what becomes of a durable one that fails;
    many that are sent at once.
``consumer``, ``registry``, ``served``
    What handles messages, and how it's called; who handles which channel, in
    this process; what a sender can know of that.
``backends``
    What carries messages: ``base`` is the contract, with ``durable`` for
    durable channels, and ``memory`` the default. ``shared`` is what those that
    processes share have in common, and ``shared_store`` what each of them
    implements; ``database`` and ``redis`` are such backends. Its docstring has
    the other modules.
``channel``, ``group``
    What a project sends with.
``signals``, ``checks``, ``deploy_checks``
    What can be listened to, the log lines, and the system checks; those of
    ``check --deploy``.
``http``, ``request``, ``reply``
    A request and a response as plain values; the messages that carry them;
    waiting for the reply, on an event loop by a ``loop_queue``.
``route``
    Which backend requests travel on, and whether their way ends where it began.
``script_prefix``, ``views``, ``failures``
    What reverse() begins with; views that answer through another channel;
    the responses for requests that got no reply.
``remote``, ``control``, ``watch``
    Requests that are answered in another process: what both ends agree on; how
    the edges reach a worker; how an edge sees that its workers live. ``ticker``
    calls both of them once a second.
``pending_response``, ``pending_request``, ``remote_exchange``
    A request at the edge while another process answers it, and its response:
    of the core handlers, and of the interface server. Both ends use
    ``remote_body``, ``pieces`` and ``flow`` for bodies in parts.
``thread_connections``, ``originals``, ``request_signals``
    Whether a thread has connections to databases, or caches; what no tool has
    replaced; the signals around a request, which cost less where it has none.
``worker``, ``loop``, ``spare_threads``, ``handling``, ``leases``
    Threads that receive messages and run their consumers; the event loop that
    runs the ``async def`` ones; the threads of their plain code, each a
    ``daemon_thread``; what is done around each message, by ``transactions`` and
    ``thread_context`` about what it leaves in its thread, and about durable ones,
    and by ``progress`` about those of sockets. With ``inline`` the caller is
    the worker.
``tasks``
    Durable channels as a backend for Django's tasks. Only who uses those
    imports more of it than their channels' names.
``processes``, ``patterns``
    Processes that run workers or the server, and which channels a worker
    receives from.
``application``
    The WSGI application behind an interface server, and Django's handler as a
    worker uses it.
``middleware_hooks``, ``async_views``, ``innermost``, ``trips``
    The middleware and the view of a handler that is async, in few trips to a
    thread; which views belong on an event loop.
``async_handler``
    Django's handler as a worker uses it on an event loop.
``asgi_exchange``
    A request of the stock ASGI application, in one trip.
``received_request``, ``remote_request``, ``server_request``
    How a worker serves a request: one that brings its content alone, one that
    came in at another process, which has a ``remote_reply``, and one that came
    in at an interface server in this process.
``interfaces``
    The server that speaks HTTP and WebSocket. Nothing outside it imports
    Twisted or Autobahn.
``testing``
    What ``django.test`` has for channels.

``django.core.handlers.channel`` joins this to the rest of Django: the core
handlers give it each request, and it gives back the response.
"""

from types import SimpleNamespace

from django.utils.connection import BaseConnectionHandler, ConnectionProxy
from django.utils.module_loading import import_string

from .exceptions import ChannelFull, InvalidChannelBackend
from .registry import consumers

__all__ = [
    "Channel",
    "ChannelFull",
    "DEFAULT_CHANNEL_BACKEND_ALIAS",
    "Group",
    "channel_backends",
    "consumers",
    "default_channel_backend",
    "view_consumer",
]

DEFAULT_CHANNEL_BACKEND_ALIAS = "default"


class ChannelBackendHandler(BaseConnectionHandler):
    """``channel_backends[alias]``: the backends of CHANNEL_BACKENDS."""

    settings_name = "CHANNEL_BACKENDS"
    exception_class = InvalidChannelBackend

    # While tests run: a callable that returns the class to use for an alias in
    # the place of the configured one. See django.channels.testing.
    stand_in = None

    def __init__(self, settings=None):
        super().__init__(settings)
        # One backend per process and alias: they may be used by any thread,
        # and a connection per thread or task is what a pool is there to spare.
        self._connections = SimpleNamespace()

    def __getitem__(self, alias):
        try:
            # Each message comes by here.
            return self._connections.__dict__[alias]
        except (KeyError, TypeError):
            if not isinstance(alias, str):
                raise InvalidChannelBackend(
                    f"An alias of CHANNEL_BACKENDS is a str, and {alias!r} isn't."
                ) from None
        return super().__getitem__(alias)

    def create_connection(self, alias):
        params = self.settings[alias]
        place = f"CHANNEL_BACKENDS[{alias!r}]"
        if not isinstance(params, dict) or not isinstance(params.get("BACKEND"), str):
            raise InvalidChannelBackend(
                f"{place}: must be a dict with the key 'BACKEND', the dotted path "
                f"of a channel backend class."
            )
        try:
            backend_class = import_string(params["BACKEND"])
        except ImportError as error:
            raise InvalidChannelBackend(
                f"{place}: could not find the backend {params['BACKEND']!r}: {error}"
            ) from error
        from .backends.base import BaseChannelBackend

        if not (
            isinstance(backend_class, type)
            and issubclass(backend_class, BaseChannelBackend)
        ):
            raise InvalidChannelBackend(
                f"{place}: {params['BACKEND']!r} is no channel backend: that is a "
                f"class which derives from BaseChannelBackend."
            )
        if self.stand_in is not None:
            backend_class = self.stand_in(alias, backend_class)
        return backend_class(alias, params)

    def reset(self):
        """Read the setting again at the next use."""
        self._settings = None
        self.__dict__.pop("settings", None)
        self.forget()

    def forget(self):
        """Make new backends at the next use, and close those of today."""
        backends, self._connections = self._connections, SimpleNamespace()
        for backend in vars(backends).values():
            backend.close()


channel_backends = ChannelBackendHandler()

default_channel_backend = ConnectionProxy(
    channel_backends, DEFAULT_CHANNEL_BACKEND_ALIAS
)

from . import checks, control, deploy_checks, signals  # NOQA: E402, F401
from .channel import Channel  # NOQA: E402
from .group import Group  # NOQA: E402


def __getattr__(name):
    # Views need all of django.http, which isn't there yet while Django starts.
    if name == "view_consumer":
        from .views import view_consumer

        return view_consumer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
