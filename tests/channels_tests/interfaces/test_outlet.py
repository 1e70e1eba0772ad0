from twisted.internet.abstract import FileDescriptor
from twisted.internet.error import ConnectionLost

from django.channels.interfaces.outlet import PIECE, Outlet
from django.test import SimpleTestCase

from .wires import Wire


class NoReactor:
    """What a descriptor asks to be told of its readiness; drain() does that."""

    def __init__(self):
        self.writers = set()

    def addWriter(self, descriptor):
        self.writers.add(descriptor)

    def removeWriter(self, descriptor):
        self.writers.discard(descriptor)

    def addReader(self, descriptor):
        pass

    removeReader = addReader

    def getWriters(self):
        return list(self.writers)


class Socket(FileDescriptor):
    """
    A plain socket and its transport. It takes as many bytes as ``room`` says, or
    raises it.
    """

    connected = 1

    def __init__(self, room):
        super().__init__(NoReactor())
        self.room = room
        self.sent = b""
        self.calls = 0

    def getHandle(self):
        return self

    def writeSomeData(self, data):
        try:
            return self.send(data)
        except OSError as error:
            return error

    def send(self, data):
        self.calls += 1
        if isinstance(self.room, Exception):
            raise self.room
        taken = bytes(data[: self.room])
        self.room -= len(taken)
        self.sent += taken
        return len(taken)

    def drain(self, room=10**9):
        """The client reads; the reactor writes until all is written."""
        self.room = room
        while self._tempDataBuffer or self.offset < len(self.dataBuffer):
            if not self.room:
                return
            self.doWrite()


class DirectTests(SimpleTestCase):
    def outlet(self, room):
        self.socket = Socket(room)
        self.events = []
        return Outlet(
            self.socket,
            lambda: self.events.append("blocked"),
            lambda: self.events.append("drained"),
        )

    def test_at_once(self):
        """What the socket takes is written without the reactor."""
        outlet = self.outlet(100)
        outlet.write(b"hello")
        self.assertEqual(self.socket.sent, b"hello")
        self.assertEqual(self.socket.reactor.getWriters(), [])
        self.assertIs(outlet.blocked, False)
        self.assertEqual(self.events, [])

    def test_in_part(self):
        """What it doesn't take follows, before what is written later."""
        outlet = self.outlet(3)
        outlet.write(b"hello ")
        self.assertEqual(self.socket.sent, b"hel")
        self.assertIs(outlet.blocked, True)
        self.assertEqual(self.events, ["blocked"])
        outlet.write(b"world")
        self.socket.drain()
        self.assertEqual(self.socket.sent, b"hello world")
        self.assertIs(outlet.blocked, False)
        self.assertEqual(self.events[-1], "drained")
        self.assertEqual(self.events.count("drained"), 1)
        outlet.write(b"!")
        self.assertEqual(self.socket.sent, b"hello world!")

    def test_nothing_behind_what_waits(self):
        """A streamed body's end may be no bytes; they aren't waited for."""
        outlet = self.outlet(3)
        outlet.write(b"hello")
        outlet.write(b"")
        self.socket.drain()
        self.assertEqual(self.socket.sent, b"hello")
        self.assertIs(outlet.blocked, False)
        self.assertEqual(self.events[-1], "drained")

    def test_not_at_all(self):
        outlet = self.outlet(BlockingIOError())
        outlet.write(b"hello")
        self.assertEqual(self.events, ["blocked"])
        self.socket.drain()
        self.assertEqual(self.socket.sent, b"hello")
        self.assertEqual(self.events[-1], "drained")

    def test_as_much_at_once(self):
        """No more is tried at once than a client must take in its time."""
        outlet = self.outlet(10 * PIECE)
        outlet.write(b"x" * (3 * PIECE))
        self.assertEqual(len(self.socket.sent), PIECE)
        self.socket.drain()
        self.assertEqual(len(self.socket.sent), 3 * PIECE)

    def test_in_pieces(self):
        """A large body is given to the transport piece by piece."""
        outlet = self.outlet(0)
        outlet.write(b"x" * (3 * PIECE + 5))
        self.assertLessEqual(self.socket._tempDataLen, PIECE)
        self.socket.drain(PIECE)
        self.assertIs(outlet.blocked, True)
        self.socket.drain()
        self.assertEqual(len(self.socket.sent), 3 * PIECE + 5)
        self.assertEqual(self.events.count("drained"), 1)

    def test_connection_is_lost(self):
        """An error is left for the transport to find and report."""
        outlet = self.outlet(ConnectionResetError())
        outlet.write(b"hello")
        self.assertIs(outlet.blocked, True)
        self.assertEqual(self.socket.reactor.getWriters(), [self.socket])
        self.socket.stopReading = self.socket.stopWriting = lambda: None
        self.socket.connectionLost(ConnectionLost())
        self.assertEqual(list(outlet._waiting), [])

    def test_close(self):
        outlet = self.outlet(100)
        outlet.close()
        self.assertIsNone(self.socket.producer)


class OtherTransportTests(SimpleTestCase):
    """TLS and whatever else isn't a plain socket."""

    def setUp(self):
        self.wire = Wire()
        self.events = []
        self.outlet = Outlet(
            self.wire,
            lambda: self.events.append("blocked"),
            lambda: self.events.append("drained"),
        )

    def test_write(self):
        self.outlet.write(b"hello")
        self.assertEqual(self.wire.take(), b"hello")
        self.assertIs(self.wire.streaming, True)

    def test_blocked(self):
        self.wire.slow = True
        self.outlet.write(b"hello ")
        self.outlet.write(b"world")
        self.assertEqual(self.wire.take(), b"hello ")
        self.wire.read_all()
        self.assertEqual(self.wire.take(), b"world")
        self.assertEqual(self.events, ["blocked", "drained"])

    def test_under_tls(self):
        """A socket that TLS was started on isn't written to behind its back."""
        socket = Socket(100)
        socket.TLS = True
        outlet = Outlet(socket, list, list)
        outlet.write(b"secret")
        self.assertEqual(socket.sent, b"")
