"""
What a server listens on, in one process or in several.

Where several processes serve, their supervisor binds each socket once, and the
processes inherit it: all of them accept from the same queue. That is one way
for TCP, TLS and Unix sockets and for those of systemd, and a port that is taken
is one error. What waits is accepted by whichever process is free, also while
one is busy or has crashed.

With SO_REUSEPORT instead, each process would have a queue of its own, and a hash
of the addresses would choose one: evenly, but also that of a process which is
busy; and what waits for one that crashes is refused. Unix sockets don't have it.

The price is that the system wakes all idle processes for a connection, and that
the shares are only roughly even. Each process therefore takes one connection a
turn: 400 at once became 43 to 157 for each of 4 processes, on 2 busy cores. With
as many as there were, which is Twisted's way, one had 164, and 40 at once could
all go to one.

Twisted is imported as soon as connections are taken or an endpoint is bound: a
supervisor that binds a plain port alone goes without it.
"""

import socket

# How many connections wait to be accepted.
BACKLOG = 1024


class InvalidEndpoint(ValueError):
    """Raised when a description is of nothing that can be listened on."""


class Listeners:
    """
    The sockets that a server listens on, and ``urls``, where that is.

    ``inherited`` are the ``descriptors`` of the same listeners in the process
    that started this one. What is bound is then one of them after the other,
    with bind() before any bind_endpoint().
    """

    def __init__(self, inherited=()):
        self.urls = []
        self.port = None
        self._inherited = [socket.socket(fileno=number) for number in inherited]
        self._shared = bool(inherited)
        self._socket = None
        self._ports = []

    def bind(self, addr, port, ipv6=False, reuse_port=False):
        """
        Take the port; ``port`` 0 takes any, and ``self.port`` tells. With
        ``reuse_port``, other processes of the same user that say so too can
        take it as well. Raise OSError as socket.bind() does.
        """
        if self._inherited:
            self._socket = self._inherited.pop(0)
        else:
            self._socket = _bound(addr, port, ipv6, reuse_port)
        self.port = self._socket.getsockname()[1]
        shown = f"[{addr}]" if ipv6 else addr
        self.urls.append(f"http://{shown}:{self.port}/")

    def bind_endpoint(self, description, factory=None):
        """
        Listen on an endpoint, described as for Twisted's serverFromString().
        Raise InvalidEndpoint. Without a ``factory``, connections wait for
        another process.
        """
        from twisted.internet.protocol import ServerFactory

        from . import endpoints

        inherited = self._inherited.pop(0) if self._inherited else None
        port = endpoints.listen(description, factory or ServerFactory(), inherited)
        self._ports.append(port)
        self.urls.append(endpoints.url(port, endpoints.is_secure(description)))

    @property
    def descriptors(self):
        """The file descriptors, in the order in which they were bound."""
        first = [] if self._socket is None else [self._socket]
        return [each.fileno() for each in (*first, *self._ports)]

    def listen(self, factory):
        """Take connections, also those of bind()."""
        from . import ports

        if self._socket is not None:
            listener, self._socket = self._socket, None
            self._ports.append(ports.adopt(listener, factory))
        if self._shared:
            for port in self._ports:
                ports.take_turns(port)

    def stop(self):
        """Take no more connections in this process. No reactor has to run."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._ports:
            from .ports import close

            ports, self._ports = self._ports, []
            for port in ports:
                close(port)


def _bound(addr, port, ipv6, reuse_port):
    family = socket.AF_INET6 if ipv6 else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((addr, port))
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
