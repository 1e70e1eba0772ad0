import copyreg
import inspect
import select
import socket

# First: see there.
from django.channels.interfaces import framing  # NOQA: F401 isort: skip

from twisted.internet import endpoints, unix
from twisted.internet.abstract import FileDescriptor
from twisted.internet.tcp import Connection, Port, Server
from twisted.logger import globalLogBeginner
from twisted.persisted import styles
from twisted.protocols.policies import ProtocolWrapper
from twisted.protocols.tls import TLSMemoryBIOFactory

from django.channels.interfaces.reactor import reactor
from django.test import SimpleTestCase

from .relying import relied_on

ENDING = "django/channels/interfaces/ending.py"
ENDPOINTS = "django/channels/interfaces/endpoints.py"
EPOLL = "django/channels/interfaces/epoll.py"
FRAMING = "django/channels/interfaces/framing.py"
HTTP = "django/channels/interfaces/http.py"
OUTLET = "django/channels/interfaces/outlet.py"
REACTOR = "django/channels/interfaces/reactor.py"
SERVER = "django/channels/interfaces/server.py"
UNIX_PORT = "django/channels/interfaces/unix_port.py"


def names(function):
    """Return the names of a callable's arguments."""
    return {*inspect.signature(function).parameters}


class TwistedTests(SimpleTestCase):
    @relied_on(
        OUTLET,
        "a plain socket's transport is a FileDescriptor, of which TLS "
        "is False; getHandle() is its socket, which may be written to.",
    )
    def test_plain_transport(self):
        self.assertIs(issubclass(Connection, FileDescriptor), True)
        self.assertIs(Connection.TLS, False)
        here, there = socket.socketpair()
        with here, there:
            transport = Connection(here, None, reactor=object())
            self.assertIs(transport.getHandle(), here)
            self.assertIs(here.getblocking(), False)
            self.assertEqual(here.send(b"data"), 4)
            self.assertEqual(there.recv(10), b"data")
            here.shutdown(socket.SHUT_WR)
            # The transport finds by itself what was found before.
            self.assertIsInstance(transport.writeSomeData(b"data"), Exception)

    @relied_on(
        f"{HTTP} {ENDING}",
        "a transport can end at once, half or orderly, be paused, and "
        "tells its ends; one with TLS wraps that of the connection below.",
    )
    def test_transport(self):
        for name in (
            "abortConnection",
            "getHost",
            "getPeer",
            "loseConnection",
            "loseWriteConnection",
            "pauseProducing",
            "registerProducer",
            "resumeProducing",
            "setTcpNoDelay",
            "unregisterProducer",
        ):
            self.assertIs(callable(getattr(Server, name)), True, name)
        self.assertIs(issubclass(TLSMemoryBIOFactory.protocol, ProtocolWrapper), True)

    @relied_on(
        f"{REACTOR} {SERVER}",
        "the reactor takes a socket that is bound, runs "
        "without signal handlers, and has a clock.",
    )
    def test_reactor(self):
        self.assertIn("installSignalHandlers", names(reactor.run))
        self.assertEqual(
            [*inspect.signature(reactor.adoptStreamPort).parameters],
            ["fileDescriptor", "addressFamily", "factory"],
        )
        for name in (
            "callFromThread",
            "callLater",
            "getDelayedCalls",
            "seconds",
            "stop",
        ):
            self.assertIs(callable(getattr(reactor, name)), True, name)

    @relied_on(
        EPOLL,
        "the epoll reactor has its descriptors in _selectables, an epoll object in "
        "_poller, and acts on an event in _doReadOrWrite(), which logs what raises.",
    )
    def test_epoll(self):
        if not hasattr(select, "epoll"):
            self.skipTest("The system has no epoll.")
        from twisted.internet.epollreactor import EPollReactor

        source = inspect.getsource(EPollReactor.doPoll)
        self.assertIn("self._poller.poll(timeout, len(self._selectables))", source)
        self.assertIn("_drdw, selectable, fd, event)", source)
        self.assertEqual(
            [*inspect.signature(EPollReactor._doReadOrWrite).parameters],
            ["self", "selectable", "fd", "event"],
        )
        self.assertIs(EPollReactor.doIteration, EPollReactor.doPoll)

    @relied_on(REACTOR, "log events go to observers alone, what was kept is dropped.")
    def test_log_beginner(self):
        arguments = names(globalLogBeginner.beginLoggingTo)
        self.assertLessEqual({"discardBuffer", "redirectStandardIO"}, arguments)

    @relied_on(
        FRAMING,
        "what twisted.persisted.styles does to pickling is in "
        "copyreg.dispatch_table, by functions of that module.",
    )
    def test_styles(self):
        found = {f.__module__ for f in copyreg.dispatch_table.values()}
        self.assertNotIn(styles.__name__, found)
        self.assertEqual(styles.pickleMethod.__module__, styles.__name__)

    @relied_on(
        ENDPOINTS,
        "a description's first word is its kind; tcp, ssl and unix take a "
        "backlog; listening there comes to its end at once.",
    )
    def test_endpoints(self):
        for kind in ("_parseTCP", "_parseSSL", "_parseUNIX"):
            self.assertIn("backlog", names(getattr(endpoints, kind)))
        self.assertEqual(names(endpoints.serverFromString), {"reactor", "description"})
        for adopt in (endpoints.TCP4ServerEndpoint, endpoints.UNIXServerEndpoint):
            # defer.execute() calls now, and returns what is done already.
            self.assertIn("defer.execute(", inspect.getsource(adopt.listen))

    @relied_on(
        f"{ENDPOINTS} {UNIX_PORT}",
        "a port's socket may be there already; its numberAccepts is how many "
        "connections it takes in a turn; its end shuts the socket down for all "
        "processes unless _shouldShutdown is False.",
    )
    def test_ports(self):
        for kind in (Port, unix.Port):
            source = inspect.getsource(kind)
            self.assertIn("self._preexistingSocket is", source)
            self.assertIn("self.numberAccepts = 100", source)
        self.assertIn("numAccepts = self.numberAccepts", inspect.getsource(Port.doRead))
        self.assertIs(Port._shouldShutdown, True)
        self.assertEqual(names(unix._inFilesystemNamespace), {"path"})
        self.assertIs(unix._inFilesystemNamespace(b"\0"), False)
