"""A consumer: a callable that handles a channel's messages, and how it's called."""

import inspect
from types import FunctionType, MethodType

from asgiref.sync import iscoroutinefunction


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
        return message if message.serve is None else message.consumed()

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
