"""The consumers of a process, by channel."""

import sys
from contextlib import contextmanager
from threading import Lock, RLock

from django.utils.module_loading import autodiscover_modules

from . import names
from .consumer import Consumer
from .exceptions import ConsumerAlreadyRegistered, InvalidChannelName


def check_named(channels, decorator):
    """Raise TypeError for a decorator whose parentheses were forgotten."""
    if callable(channels):
        raise TypeError(
            f"{decorator} needs the names of channels, such as @{decorator}('mail')."
        )


# What is discovered besides modules: the queues of TASKS.
QUEUES = "django.channels.tasks.queues"


class ConsumerRegistry:
    """
    The consumers of a process, one per channel. ``version`` is another object
    whenever a get() may give another answer.
    """

    modules = ("consumers", "views")

    def __init__(self):
        self._consumers = {}
        self._defaults = {}
        self._discovered = set()
        # What the thread that has the lock is importing.
        self._discovering = set()
        self._discovery = RLock()
        self._lock = Lock()
        # While isolated: what stays, by name.
        self._isolated = 0
        self._lasting = {}
        self.version = object()

    def register_default(self, name, consumer):
        """Let the Consumer handle the channel where a project has none."""
        self._defaults[name] = consumer
        self.version = object()

    def discard_default(self, name):
        """Undo register_default(); none is no error."""
        self._defaults.pop(name, None)
        self.version = object()

    def register(self, channels, function, policy=None):
        """
        Let ``function``, a callable or a Consumer, handle each of
        ``channels``, a name or a list of names, which are durable if there is
        a Policy. Registering the same function
        again, as a module that is imported twice does, replaces it. Raise
        ConsumerAlreadyRegistered where a channel has another one.
        """
        if isinstance(channels, str):
            channels = [channels]
        if isinstance(function, Consumer):
            consumer = function
        else:
            consumer = Consumer(function, policy)
        channels = [names.canonical(name) for name in channels]
        if policy is not None:
            _check_durable(channels)
        with self._lock:
            for name in channels:
                other = self._consumers.get(name)
                if other is not None and other.place != consumer.place:
                    second = consumer.path
                    if second == other.path:
                        second = "another one of that name"
                    raise ConsumerAlreadyRegistered(
                        f"The channel {name!r} already has the consumer {other.path}; "
                        f"{second} can't be a second one."
                    )
            added = dict.fromkeys(channels, consumer)
            if self._isolated and _importing():
                self._lasting.update(added)
            # A new dict: isolate() keeps the old one.
            self._consumers = {**self._consumers, **added}
            self.version = object()

    def get(self, name, modules=modules):
        """
        Return the Consumer of the channel, or None. ``modules`` are looked for
        in the installed apps first, if that wasn't done.
        """
        if not self._discovered.issuperset(modules):
            self.autodiscover(modules)
        return self._consumers.get(name) or self._defaults.get(name)

    def has_default(self, name, modules=modules):
        """Tell whether the channel's Consumer is that of register_default()."""
        consumer = self.get(name, modules)
        return consumer is not None and consumer is self._defaults.get(name)

    def channels(self, modules=modules):
        """Return the names of the channels that have a consumer."""
        self.autodiscover(modules)
        return [*self._consumers, *self._defaults.keys() - self._consumers.keys()]

    def durable_channels(self):
        """Return the names of those that are known to be durable by now."""
        return [name for name, c in self._consumers.items() if c.policy is not None]

    def autodiscover(self, modules=modules):
        """
        Import the ``modules`` of every installed app, and register TASKS, once.
        Where another thread is doing it, wait for that.
        """
        # It registers the default for requests; a worker has no other need of
        # the handlers.
        from django.core.handlers import channel  # NOQA: F401

        from .tasks import queues

        # Who is importing a module doesn't wait: each may need the other's.
        if not self._discovery.acquire(blocking=not _importing()):
            return
        try:
            if QUEUES not in self._discovered:
                queues.register(self)
                self._discovered.add(QUEUES)
            for module in modules:
                # The modules may use a channel while they load.
                if module not in self._discovered | self._discovering:
                    self._discover(module)
        finally:
            self._discovery.release()

    def _discover(self, module):
        self._discovering.add(module)
        try:
            autodiscover_modules(module)
        finally:
            self._discovering.discard(module)
        # Only now: until then others would miss what it registers.
        self._discovered.add(module)

    def forget_discovery(self):
        """Look again at the next use: the installed apps, or TASKS, have changed."""
        self._discovered.clear()
        self.version = object()

    @contextmanager
    def isolate(self):
        """
        Undo at exit what is registered within the block; for tests. What a
        module registers while it's imported stays: it's imported only once.
        """
        kept = self.begin_isolation()
        try:
            yield self
        finally:
            self.end_isolation(kept)

    def begin_isolation(self):
        """Do what isolate() does; what is returned ends it."""
        self._isolated += 1
        return self._consumers

    def end_isolation(self, kept):
        self._isolated -= 1
        if self._consumers is not kept:
            with self._lock:
                self._consumers = {**kept, **self._lasting}
                self.version = object()
        if self._lasting and not self._isolated:
            self._lasting = {}


def _check_durable(channels):
    for name in channels:
        if name in names.PROTOCOL_CHANNELS or names.is_reply(name):
            raise InvalidChannelName(
                f"The channel {name!r} can't be durable: its messages mean nothing "
                f"once the request or the socket is gone."
            )


def _importing():
    """Tell whether the caller is, or was called by, a module being imported."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            spec = frame.f_globals.get("__spec__")
            if getattr(spec, "_initializing", False):
                return True
        frame = frame.f_back
    return False


consumers = ConsumerRegistry()
