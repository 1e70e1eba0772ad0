"""
Autobahn's WebSocket classes, without what their import does besides.

It loads twisted.persisted.styles, which has every bound method of the process
pickled by class and name. That is a change for code that has nothing to do
with this server, and breaks some of it: a class method of a metaclass's, such
as the one that Django's tasks are pickled with, can't be found again.
"""

import copyreg
from functools import cached_property
from inspect import isfunction

_before = set(copyreg.dispatch_table)

from autobahn.twisted.websocket import (  # NOQA: E402
    WebSocketServerFactory,
    WebSocketServerProtocol,
)
from autobahn.websocket.utf8validator import Utf8Validator  # NOQA: E402

for _kind in set(copyreg.dispatch_table) - _before:
    if copyreg.dispatch_table[_kind].__module__ == "twisted.persisted.styles":
        del copyreg.dispatch_table[_kind]


class _Unheard:
    """In the place of a Deferred that nobody waits for."""

    def callback(self, result):
        pass


class SharedState:
    """What a subclass by sharing_state() doesn't do for each connection."""

    is_open = is_closed = _Unheard()

    @cached_property
    def utf8validator(self):
        return Utf8Validator()

    def _connectionMade(self):
        self.factory.countConnections += 1


def sharing_state(kind, factory):
    """
    Return a subclass of ``kind``, a WebSocketServerProtocol, for connections of
    ``factory``, whose options are set, without openHandshakeTimeout: it would
    be a timer. What Autobahn gives each connection to begin with, options and
    counts among it, is in the class: that's half of what one would cost.
    """
    model = kind.__new__(kind)
    model.factory = factory
    WebSocketServerProtocol.__init__(model)
    WebSocketServerProtocol._connectionMade(model)
    factory.countConnections -= 1
    state = {
        name: staticmethod(value) if isfunction(value) else value
        for name, value in vars(model).items()
        if name != "factory" and name not in vars(SharedState)
    }
    return type(kind.__name__, (SharedState, kind), state)


__all__ = ["WebSocketServerFactory", "WebSocketServerProtocol", "sharing_state"]
