"""Which way requests go, as the settings and the consumers say."""

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from . import channel_backends, consumers, names
from .backends.memory import MemoryChannelBackend
from .backends.shared import SharedChannelBackend


class Off:
    """What stands for the backend where requests keep out of channels."""


OFF = Off()


class Way:
    """
    The way of a request: ``backend`` is that of CHANNEL_HTTP_BACKEND, or OFF,
    and ``ends_here`` tells whether the caller can do the built-in consumer's
    step itself. That holds for a ``version`` of the consumers.
    """

    __slots__ = ("backend", "ends_here", "version")

    def __init__(self, backend, version):
        self.backend = backend
        self.version = version
        self.ends_here = backend is not OFF and backend.by_reference and _is_built_in()


class Route:
    """Finds the Way of requests, and knows it until something has changed."""

    def __init__(self):
        self.forget()

    def forget(self):
        """The settings have changed."""
        self._backend = self._way = None

    def find(self):
        """Return the Way of a request."""
        way = self._way
        if way is None or way.version is not consumers.version:
            version = consumers.version
            # Where consumers are imported only now, it's found anew the next time.
            self._way = way = Way(self.backend(), version)
        return way

    def backend(self):
        """Return the backend of CHANNEL_HTTP_BACKEND, or OFF."""
        backend = self._backend
        if backend is None:
            self._backend = backend = self._find_backend()
        return backend

    def _find_backend(self):
        alias = settings.CHANNEL_HTTP_BACKEND
        if alias is None:
            return OFF
        if alias != "local" or alias in settings.CHANNEL_BACKENDS:
            return channel_backends[alias]
        if channel_backends["default"].process_local:
            return channel_backends["default"]
        return MemoryChannelBackend(alias, {})


route = Route()


def http_backend():
    """Return the backend that requests travel on, or None where they don't."""
    backend = route.backend()
    return None if backend is OFF else backend


def is_answered_remotely(backend):
    """Tell whether the built-in consumer answers, in worker processes."""
    return isinstance(backend, SharedChannelBackend) and _is_built_in()


def _is_built_in():
    """Tell whether the project has no consumer of its own for requests."""
    return consumers.has_default(names.HTTP_REQUEST, modules=("consumers",))


@receiver(setting_changed)
def reset_route(*, setting, **kwargs):
    if setting in ("CHANNEL_BACKENDS", "CHANNEL_HTTP_BACKEND"):
        route.forget()
