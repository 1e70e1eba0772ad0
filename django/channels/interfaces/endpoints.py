"""What a server listens on besides a plain port: Twisted's endpoints."""

import os
import socket
from contextlib import suppress
from pathlib import Path

from twisted.internet.endpoints import AdoptedStreamServerEndpoint, serverFromString
from twisted.python.failure import Failure

from .listeners import BACKLOG, InvalidEndpoint
from .ports import adopt
from .reactor import reactor

# Of these, the description may say how many connections wait to be accepted.
_WITH_BACKLOG = ("ssl", "tcp", "tcp6", "unix")

# What names a socket that was inherited already.
_PASSED_ON = ("fd:", "systemd:")


def listen(description, factory, inherited=None):
    """
    Listen on what the description names, in the form that
    ``twisted.internet.endpoints.serverFromString()`` reads, or
    ``fd:fileno=N``: a listening socket that this process has inherited. Return
    Twisted's port.

    ``inherited``, if given, is the socket that this led to in the process that
    started this one.
    """
    try:
        outcome = []
        if inherited is not None and description.startswith(_PASSED_ON):
            return adopt(inherited, factory)
        _endpoint(description, inherited).listen(factory).addBoth(outcome.append)
        if not outcome:
            raise ValueError("it takes time to listen there")
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
    except Exception as error:
        missing = isinstance(error, ImportError) and "OpenSSL" in str(error)
        if missing or (description.startswith("ssl:") and _no_openssl()):
            error = "pyOpenSSL is missing: python -m pip install 'Django[tls]'"
        elif isinstance(error, LookupError) and description.startswith("systemd:"):
            error = "no such socket was passed on with LISTEN_FDS and LISTEN_FDNAMES"
        elif not isinstance(error, (ValueError, OSError)):
            error = f"{type(error).__name__}: {error}"
        raise InvalidEndpoint(
            f"{description!r} can't be listened on: {error}."
        ) from None
    return outcome[0]


def url(port, secure):
    """Return where a port can be found, for people."""
    address = port.getHost()
    host = getattr(address, "host", None)
    if host is None:
        name = address.name
        return f"unix:{name.decode() if isinstance(name, bytes) else name}"
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if secure else 'http'}://{shown}:{address.port}/"


def is_secure(description):
    """Tell whether TLS is spoken there."""
    return description.partition(":")[0] in ("ssl", "tls")


class _Adopting:
    """
    The reactor, save that it adopts sockets as adopt() does, and that no lock
    of this process's is taken for another's.
    """

    def __getattr__(self, name):
        return getattr(reactor, name)

    def listenUNIX(self, path, factory, *args, **kwargs):
        _drop_lock(path)
        return reactor.listenUNIX(path, factory, *args, **kwargs)

    def adoptStreamPort(self, descriptor, family, factory):
        # The caller closes the original.
        return adopt(socket.socket(fileno=os.dup(descriptor)), factory)


class _Inheriting(_Adopting):
    """The reactor, save that there is a socket for what is to be listened on."""

    def __init__(self, listener):
        self._listener = listener

    def listenTCP(self, port, factory, backlog=BACKLOG, interface=""):
        return adopt(self._listener, factory)

    def listenSSL(self, port, factory, contextFactory, backlog=BACKLOG, interface=""):
        # It needs pyOpenSSL, which is an extra.
        from twisted.protocols.tls import TLSMemoryBIOFactory

        secured = TLSMemoryBIOFactory(contextFactory, False, factory)
        return adopt(self._listener, secured)

    def listenUNIX(self, path, factory, backlog=BACKLOG, mode=0o666, wantPID=0):
        return adopt(self._listener, factory)


def _endpoint(description, inherited):
    kind, _, rest = description.partition(":")
    reactor = _Adopting() if inherited is None else _Inheriting(inherited)
    if kind == "haproxy":
        # It would tell of the client only after the connection has begun.
        raise ValueError(
            "the PROXY protocol isn't read here; have the proxy write "
            "X-Forwarded-For, and use --proxy-headers"
        )
    if kind == "fd":
        return _inherited(reactor, rest)
    if kind in _WITH_BACKLOG and ":backlog=" not in description:
        description = f"{description}:backlog={BACKLOG}"
    return serverFromString(reactor, description)


def _inherited(reactor, rest):
    name, _, number = rest.partition("=")
    if name != "fileno" or not number.isdecimal():
        raise ValueError("it isn't of the form fd:fileno=3")
    # The original stays: it may be another server's, too.
    listener = socket.socket(fileno=os.dup(int(number)))
    if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        listener.close()
        raise ValueError("it isn't a listening socket")
    family = listener.family
    return AdoptedStreamServerEndpoint(reactor, listener.detach(), family)


def _drop_lock(path):
    """
    Remove what a process has left that was killed, and had this one's number,
    as the first process of a container always has. Twisted sees from the number
    in the lock whether its owner lives.
    """
    lock = Path(f"{path}.lock")
    # There may be none.
    with suppress(OSError), socket.socket(socket.AF_UNIX) as client:
        if os.readlink(lock) == str(os.getpid()) and client.connect_ex(path):
            lock.unlink()
            if Path(path).is_socket():
                os.unlink(path)


def _no_openssl():
    try:
        import OpenSSL  # NOQA: F401
    except ImportError:
        return True
    return False
