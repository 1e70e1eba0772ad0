"""
Autobahn's WebSocket classes, without what their import does besides.

It loads twisted.persisted.styles, which has every bound method of the process
pickled by class and name. That is a change for code that has nothing to do
with this server, and breaks some of it: a class method of a metaclass's, such
as the one that Django's tasks are pickled with, can't be found again.
"""

import copyreg

_before = set(copyreg.dispatch_table)

from autobahn.twisted.websocket import (  # NOQA: E402
    WebSocketServerFactory,
    WebSocketServerProtocol,
)

for _kind in set(copyreg.dispatch_table) - _before:
    if copyreg.dispatch_table[_kind].__module__ == "twisted.persisted.styles":
        del copyreg.dispatch_table[_kind]

__all__ = ["WebSocketServerFactory", "WebSocketServerProtocol"]
