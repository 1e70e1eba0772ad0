"""Consumers: the callables that handle channels' messages, by channel."""

import inspect
import sys
from contextlib import contextmanager
from threading import Lock, RLock
from types import FunctionType, MethodType

from asgiref.sync import iscoroutinefunction

from django.utils.module_loading import autodiscover_modules

from . import names
from .exceptions import ConsumerAlreadyRegistered, InvalidChannelName


def check_named(channels, decorator):
    """Raise TypeError for a decorator whose parentheses were forgotten."""
    if callable(channels):
        raise TypeError(
            f"{decorator} needs the names of channels, such as @{decorator}('mail')."
        )


class Consumer:
    """
    A callable and the way it is called.

    It gets the message's content as keyword arguments, plus ``channel`` (the
    channel's name) where its signature has room for it. ``send_channel``, the
    word of channels 0.1 for ``reply_channel``, is passed to a callable that
    names it. The content of a message that Django itself made (a request, a
    socket's frame) has many keys, of which the callable gets those that it
    names, or all of them with ``**kwargs``; a project's own messages are
    always passed whole, so that a misspelt key is an error. A callable that
    names ``attempt`` gets the number of this attempt, from 1, unless the
    message has such a key. What a decorator with ``**kwargs`` takes is, after
    functools.wraps(), its own arguments and those of the callable within.

    ``policy`` is the Policy of its channels if they're durable, or None.
    """

    def __init__(self, function, policy=None):
        self.function = function
        self.policy = policy
        # A class is called itself: its __call__() is that of its instances.
        self.is_async = iscoroutinefunction(function) or (
            not isinstance(function, type)
            and iscoroutinefunction(getattr(function, "__call__", None))
        )
        try:
            self.named, self.takes_all = _arguments_of(function)
        except ValueError as error:
            raise TypeError(
                f"{function!r} doesn't tell which arguments it takes. Register a "
                f"function that calls it."
            ) from error
        # Now, since what it closes over may be assigned later.
        self.place = self._find_place()

    def __repr__(self):
        return f"<Consumer {self.path}>"

    @property
    def path(self):
        function = self.function
        name = getattr(function, "__qualname__", type(function).__qualname__)
        return f"{function.__module__}.{name}"

    def _find_place(self):
        """Return what tells it from others of the same name."""
        owner = getattr(self.function, "__self__", None)
        if isinstance(owner, type):
            # Of a module that is imported twice it's another object.
            owner = owner.__module__, owner.__qualname__
        elif owner is not None:
            owner = id(owner)
        # All partials have one path, as have the instances of a class.
        lines = _lines(self.function) or id(self.function)
        return self.path, lines, owner

    def adopt(self, message):
        """Return the message that a worker received, as this handles it."""
        return message

    def wants_loop(self, message):
        """Tell whether this message is to be handled on the event loop."""
        return self.is_async

    def __call__(self, message):
        """Handle the message with a plain callable."""
        result = self.function(**self.arguments(message))
        if result is not None:
            self._check_has_run(result)

    async def acall(self, message):
        """Handle the message with an async one."""
        await self.function(**self.arguments(message))

    def _check_has_run(self, result):
        """Raise TypeError if the call did nothing yet."""
        for unrun in (inspect.iscoroutine, inspect.isgenerator, inspect.isasyncgen):
            if unrun(result):
                if unrun is inspect.iscoroutine:
                    # It's told by the error that nobody awaits it.
                    result.close()
                raise TypeError(
                    f"The consumer {self.path} returned a {type(result).__name__}, "
                    f"which nobody runs. Is it async def within a decorator that "
                    f"isn't, or has it a yield?"
                )

    def arguments(self, message):
        content = message.content
        if self.takes_all or not message.made_by_django:
            arguments = dict(content)
        else:
            arguments = {k: content[k] for k in self.named if k in content}
        if self.takes_all or "channel" in self.named:
            arguments["channel"] = message.channel
        if "attempt" in self.named:
            arguments.setdefault("attempt", message.attempt)
        reply_channel = content.get("reply_channel")
        if reply_channel is not None and "send_channel" in self.named:
            arguments["send_channel"] = reply_channel
            if "reply_channel" not in self.named and not self.takes_all:
                arguments.pop("reply_channel", None)
        return arguments


def _lines(function):
    """
    Return where the function is defined, and those that it closes over: what
    one decorator made of two functions differs in these only. Of a module that
    is imported twice they're the same. It's empty for another callable.
    """
    found, lines = [function], []
    for function in found:
        code = getattr(function, "__code__", None)
        if code is None:
            continue
        lines.append((function.__module__, function.__qualname__, code.co_firstlineno))
        for cell in function.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:
                # It's assigned later.
                continue
            # isinstance() would ask a lazy object for its class.
            if type(content) in (FunctionType, MethodType) and content not in found:
                found.append(content)
    return lines


def _arguments_of(function):
    """Return the names of a callable's arguments, and whether it takes any other."""
    named, takes_all = _read(inspect.signature(function, follow_wrapped=False))
    if takes_all:
        # A wrapper hands on what it doesn't name itself.
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            handed_on, takes_all = _arguments_of(wrapped)
        else:
            # The wrapper may be within a partial, or a class's __call__().
            handed_on, takes_all = _read(inspect.signature(function))
        named |= handed_on
    return named, takes_all


def _read(signature):
    parameters = signature.parameters.values()
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    named = {p.name for p in parameters if p.kind not in variable}
    return named, any(p.kind == p.VAR_KEYWORD for p in parameters)


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
                    raise ConsumerAlreadyRegistered(
                        f"The channel {name!r} already has the consumer {other.path}; "
                        f"{consumer.path} can't be a second one."
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

    def channels(self):
        """Return the names of the channels that have a consumer."""
        self.autodiscover()
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
