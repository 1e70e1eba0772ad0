from autobahn.websocket.compress import PerMessageDeflateOffer
from autobahn.websocket.types import ConnectionDeny
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from django.channels.interfaces.framing import (
    WebSocketServerFactory,
    WebSocketServerProtocol,
    sharing_state,
)
from django.channels.interfaces.websocket import WebSocketConnection
from django.test import SimpleTestCase

from ..interfaces.test_websocket import close_frame, frame, handshake
from ..interfaces.wires import Wire, lose
from .relying import relied_on

COMPRESSION = "django/channels/interfaces/compression.py"
FRAMING = "django/channels/interfaces/framing.py"
OPENING = "django/channels/interfaces/opening.py"
WEBSOCKET = "django/channels/interfaces/websocket.py"


# What a socket has in the place of Autobahn's, which calls it.
REPLACED = {
    "_closeConnection",
    "_sendAutoPing",
    "connectionLost",
    "connectionMade",
    "dataReceived",
    "log",
    "onClose",
    "onConnect",
    "onFrameBegin",
    "onMessage",
    "onMessageBegin",
    "onOpen",
    "onPing",
    "processData",
    "processHandshake",
    "sendData",
    "sendHttpErrorResponse",
    "unregisterProducer",
}


class Server(WebSocketServerProtocol):
    """Answers handshakes later, writes at once, and notes what comes in."""

    def __init__(self):
        super().__init__()
        self.decision, self.came = Deferred(), []

    def onConnect(self, request):
        return self.decision

    def onMessage(self, payload, isBinary):
        self.came.append((payload, isBinary))

    def onClose(self, wasClean, code, reason):
        self.came.append((wasClean, code, reason))

    def sendData(self, data, sync=False, chopsize=None):
        self.transport.write(data)

    def sendHttpErrorResponse(self, code, reason, responseHeaders=None):
        self.came.append((code, reason))


class AutobahnTests(SimpleTestCase):
    @relied_on(
        f"{WEBSOCKET} {OPENING} {FRAMING}", f"it has {', '.join(sorted(REPLACED))}."
    )
    def test_replaced(self):
        ours, theirs = [], []
        for kind in WebSocketConnection.__mro__[:-1]:
            upstream = kind.__module__.partition(".")[0] in ("autobahn", "twisted")
            (theirs if upstream else ours).append(kind)
        names = {name for kind in ours for name in vars(kind) if name[:2] != "__"}
        known = {name for kind in theirs for name in vars(kind)}
        self.assertEqual(names & known, REPLACED)

    def connect(self):
        clock = Clock()
        factory = WebSocketServerFactory(server="Django", reactor=clock)
        factory.setProtocolOptions(
            versions=[13],
            openHandshakeTimeout=0,
            closeHandshakeTimeout=1,
            autoPingInterval=5,
            autoPingTimeout=0,
            echoCloseCodeReason=True,
            failByDrop=False,
            maxFramePayloadSize=1000,
            maxMessagePayloadSize=1000,
            allowNullOrigin=True,
        )
        factory._batched_timer = type("Timer", (), {"call_later": clock.callLater})()
        protocol, wire = Server(), Wire()
        protocol.factory = factory
        protocol.makeConnection(wire)
        # As an Outlet does. Autobahn lets go of it when it ends the connection.
        wire.registerProducer(object(), True)
        protocol.dataReceived(handshake())
        self.clock = clock
        return protocol, wire

    def open(self):
        """Return a connection whose handshake was accepted, and its wire."""
        protocol, wire = self.connect()
        protocol.decision.callback(None)
        return protocol, wire

    @relied_on(
        OPENING,
        "onConnect() may return a Deferred, whose result is the handshake's answer.",
    )
    def test_accept(self):
        protocol, wire = self.connect()
        self.assertNotEqual(protocol.state, protocol.STATE_OPEN)
        self.assertEqual(wire.value(), b"")
        protocol.decision.callback(None)
        self.assertIn(b"HTTP/1.1 101 ", wire.value())
        self.assertEqual(protocol.state, protocol.STATE_OPEN)

    @relied_on(OPENING, "a ConnectionDeny refuses, with sendHttpErrorResponse().")
    def test_refuse(self):
        protocol, wire = self.connect()
        protocol.decision.errback(ConnectionDeny(403, "refused"))
        self.assertIn((403, "refused"), protocol.came)

    @relied_on(
        WEBSOCKET,
        "_dataReceived() takes bytes at once; dataReceived() is free to be another.",
    )
    def test_data(self):
        protocol, wire = self.open()
        protocol._dataReceived(frame(b"text") + frame(b"data", opcode=2))
        self.assertEqual(protocol.came, [(b"text", False), (b"data", True)])

    @relied_on(
        WEBSOCKET,
        "data, inside_message and current_frame tell of a message that was begun "
        "and not ended.",
    )
    def test_begun(self):
        protocol, wire = self.open()
        text = frame(b"text")

        def is_begun():
            return bool(
                protocol.data or protocol.inside_message or protocol.current_frame
            )

        for first, rest in (
            (text[:1], text[1:]),
            (text[:6], text[6:]),
            (text[:8], text[8:]),
            (frame(b"te", fin=False), frame(b"xt", opcode=0)),
            (frame(b"", opcode=9)[:5], frame(b"", opcode=9)[5:]),
        ):
            self.assertIs(is_begun(), False)
            protocol._dataReceived(first)
            self.assertIs(is_begun(), True)
            protocol._dataReceived(rest)
        self.assertIs(is_begun(), False)
        self.assertEqual(protocol.came, [(b"text", False)] * 4)

    @relied_on(
        WEBSOCKET,
        "processData() reads a part of a message, and tells whether to go on; "
        "consumeData() goes on, and data holds what is left.",
    )
    def test_no_further(self):
        protocol, wire = self.open()
        read_on = protocol.processData
        protocol.processData = lambda: not protocol.came and read_on()
        protocol._dataReceived(frame(b"1") + frame(b"2"))
        self.assertEqual(protocol.came, [(b"1", False)])
        self.assertEqual(protocol.data, frame(b"2"))
        protocol.processData = read_on
        protocol.consumeData()
        self.assertEqual(protocol.came, [(b"1", False), (b"2", False)])

    @relied_on(
        WEBSOCKET,
        "sendCloseFrame() begins the closing handshake, and "
        "onClose() tells how it ended.",
    )
    def test_close(self):
        protocol, wire = self.open()
        wire.take()
        protocol.sendCloseFrame(code=3000, reasonUtf8=b"bye")
        self.assertEqual(wire.take(), b"\x88\x05\x0b\xb8bye")
        protocol._dataReceived(close_frame(3000, b"bye"))
        lose(protocol)
        self.assertEqual(protocol.came, [(True, 3000, "bye")])
        self.assertIsNone(wire.producer)

    @relied_on(
        FRAMING,
        "_connectionMade() only sets attributes, most of which are never changed "
        "in place; the rest is counts, what unused methods use, and the validator.",
    )
    def test_state(self):
        factory = WebSocketServerFactory(reactor=Clock())
        factory.setProtocolOptions(openHandshakeTimeout=0)
        model = Server()
        model.factory = factory
        own = {"decision", "came"}
        given = set(vars(model))
        model._connectionMade()
        plain = (type(None), bool, int, float, str, bytes, tuple)
        changeable = {
            name
            for name, value in vars(model).items()
            if name not in given and not isinstance(value, plain)
        }
        self.assertLessEqual(
            changeable - {"perMessageCompressionAccept"},
            {
                *("allowedOrigins", "allowedOriginsPatterns", "versions"),
                *("trafficStats", "send_queue", "utf8validator"),
            },
        )
        kind = sharing_state(Server, factory)
        self.assertLessEqual(set(vars(model)) - {"factory", *own}, set(dir(kind)))
        for name in ("state", "data", *WebSocketServerProtocol.CONFIG_ATTRS):
            self.assertEqual(getattr(kind, name), getattr(model, name))

    @relied_on(
        OPENING,
        "succeedHandshake() needs _wskey, websocket_protocols and "
        "websocket_extensions, and takes what came after the head from data.",
    )
    def test_handshake_read_elsewhere(self):
        read, wire = self.connect()
        elsewhere, other = self.connect()
        for attribute in ("_wskey", "websocket_protocols", "websocket_extensions"):
            setattr(elsewhere, attribute, getattr(read, attribute))
        elsewhere.data = frame(b"early")
        read.decision.callback(None)
        elsewhere.succeedHandshake(None)
        self.assertEqual(other.value(), wire.value())
        self.assertEqual(elsewhere.came, [(b"early", False)])
        self.assertEqual(elsewhere.state, elsewhere.STATE_OPEN)

    @relied_on(WEBSOCKET, "the factory's _batched_timer times its pings.")
    def test_timer(self):
        protocol, wire = self.open()
        wire.take()
        self.clock.advance(5)
        self.assertEqual(wire.take()[:1], b"\x89")

    @relied_on(
        WEBSOCKET,
        "_sendAutoPing() pings once, and an answer only has another one follow where "
        "autoPingPending is set.",
    )
    def test_next_ping(self):
        protocol, wire = self.open()
        for forgotten, pings in ((False, 1), (True, 0)):
            wire.take()
            self.clock.advance(5)
            ping = wire.take()
            self.assertEqual(len(self.clock.getDelayedCalls()), 0)
            if forgotten:
                protocol.autoPingPending = None
            protocol._dataReceived(frame(ping[2:], opcode=10))
            self.assertEqual(len(self.clock.getDelayedCalls()), pings)
        protocol._sendAutoPing()
        self.assertEqual(wire.take()[:1], b"\x89")

    @relied_on(
        WEBSOCKET,
        "failedByMe tells of a client's fault, localCloseCode what was sent, and a "
        "close that isn't valid counts as one.",
    )
    def test_fault(self):
        protocol, wire = self.open()
        self.assertIs(protocol.failedByMe, False)
        protocol._dataReceived(close_frame(999))
        self.assertIs(protocol.failedByMe, True)
        self.assertEqual(protocol.localCloseCode, 1002)
        lose(protocol)
        self.assertEqual(protocol.came, [(True, 1000, None)])

    @relied_on(
        WEBSOCKET,
        "onMessageBegin() comes before the message's size is looked at, its first "
        "frame is current_frame, and maxMessagePayloadSize 0 is no limit.",
    )
    def test_size(self):
        for most, is_heard in ((9, False), (0, True)):
            protocol, wire = self.open()
            begin = protocol.onMessageBegin

            def begun(is_binary):
                self.assertEqual(protocol.current_frame.rsv, 0)
                protocol.maxMessagePayloadSize = most
                begin(is_binary)

            protocol.onMessageBegin = begun
            protocol._dataReceived(frame(b"x" * 10))
            self.assertIs((b"x" * 10, False) in protocol.came, is_heard)

    @relied_on(COMPRESSION, "parse() raises for an offer that can't be read.")
    def test_offers(self):
        PerMessageDeflateOffer.parse({"client_max_window_bits": [True]})
        for parameters in ({"server_max_window_bits": ["8"]}, {"unknown": [True]}):
            with self.assertRaises(Exception):
                PerMessageDeflateOffer.parse(parameters)

    @relied_on(WEBSOCKET, "onPing() answers by sendPong().")
    def test_ping(self):
        protocol, wire = self.open()
        wire.take()
        protocol._dataReceived(frame(b"p", opcode=9))
        self.assertEqual(wire.take(), b"\x8a\x01p")
        protocol.sendPong(b"q")
        self.assertEqual(wire.take(), b"\x8a\x01q")
