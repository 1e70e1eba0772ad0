import struct

from django.channels import consumers
from django.channels.backends.memory import MemoryChannelBackend
from django.channels.exceptions import ChannelFull
from django.channels.interfaces.access import NoAccessLog
from django.channels.interfaces.frames import frame_of
from django.channels.interfaces.limits import Limits
from django.channels.interfaces.listeners import Listeners
from django.channels.interfaces.mailbox import Mailbox
from django.channels.interfaces.payload import truncated
from django.channels.interfaces.quiet_log import QuietLog
from django.channels.interfaces.shutdown import Shutdown
from django.channels.interfaces.sockets import Sockets
from django.channels.interfaces.websocket_factory import WebSocketFactory
from django.channels.message import Message
from django.test import SimpleTestCase, override_settings

from .wires import HTTPWire, lose, parts_of, status_of

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="

CONNECT = "websocket.connect"
RECEIVE = "websocket.receive"
DISCONNECT = "websocket.disconnect"


def handshake(*headers, target=b"/chat/", host=b"example.com", version=b"13"):
    lines = [
        b"GET %b HTTP/1.1" % target,
        b"Host: " + host,
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Key: " + KEY,
        b"Sec-WebSocket-Version: " + version,
        *headers,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def frame(payload, opcode=1, fin=True):
    """Return a client's frame, masked by zeros (RFC 6455 section 5.2)."""
    size = len(payload)
    start = bytes([opcode | (0x80 if fin else 0)])
    if size < 126:
        start += bytes([0x80 | size])
    else:
        start += bytes([0x80 | 126]) + struct.pack("!H", size)
    return start + b"\0\0\0\0" + payload


def close_frame(code, reason=b""):
    return frame(struct.pack("!H", code) + reason, opcode=8)


class Notes(NoAccessLog):
    def __init__(self):
        self.lines = []

    def connect(self, path, status, socket):
        self.lines.append(("connect", path, status))

    def disconnect(self, path, code, socket):
        self.lines.append(("disconnect", path, code))


def nothing(**kwargs):
    pass


@override_settings(ALLOWED_HOSTS=["example.com"])
class WebSocketTestCase(SimpleTestCase):
    """One HTTP connection that becomes a WebSocket; the tests are the worker."""

    channels = (CONNECT, RECEIVE, DISCONNECT)
    compress = False
    server_limits = {"MESSAGE_SIZE": 1000, "MESSAGES_WAITING": 3}

    def setUp(self):
        consumers._consumers = {}
        for channel in self.channels:
            consumers.register(channel, nothing)
        self.backend = MemoryChannelBackend(
            "default", {"LOCATION": self.id(), "CAPACITY": {DISCONNECT: 1, "*": 2}}
        )
        self.receiver = self.backend.receiver([])
        self.http = HTTPWire()
        self.reactor = self.http.reactor
        self.notes = Notes()
        with override_settings(CHANNEL_SERVER_LIMITS=self.server_limits):
            limits = Limits.from_settings()
        self.sockets = Sockets(
            self.backend,
            Mailbox(self.reactor.callFromThread),
            self.notes,
            limits,
            WebSocketFactory(self.reactor, limits, self.compress).make_protocol,
            frame_of,
        )
        self.http.factory.sockets = self.sockets
        self.wire = self.http.wire

    def taken(self, channel):
        """Take the oldest message of the channel, as a worker does."""
        receiver = self.backend.receiver([channel])
        self.addCleanup(receiver.close)
        message = receiver.receive(timeout=0)
        self.assertIsNotNone(message, channel)
        return message

    def assertNothing(self, channel):
        self.assertEqual(self.backend.waiting(channel), 0)

    def done(self, message, error=False):
        self.backend.send(message.receipt(error))
        self.reactor.spin()

    def reply(self, message, **content):
        self.backend.send(Message(message.content["reply_channel"], content))
        self.reactor.spin()

    def open(self, *headers):
        self.http.receive(handshake(*headers))
        connect = self.taken(CONNECT)
        self.done(connect)
        self.assertEqual(status_of(self.wire.take()), 101)
        return connect

    def send(self, data):
        # As the transport does.
        self.http.connection.dataReceived(data)
        self.reactor.spin()


class HandshakeTests(WebSocketTestCase):
    def test_accept(self):
        """The key of RFC 6455 section 1.3 has the answer given there."""
        self.http.receive(handshake(b"Cookie: a=b"))
        self.assertEqual(self.wire.take(), b"")
        connect = self.taken(CONNECT)
        self.assertEqual(connect.content["path"], "/chat/")
        self.assertEqual(connect.content["cookies"], {"a": "b"})
        self.done(connect)
        status, headers, _ = parts_of(self.wire.take())
        self.assertEqual(status, 101)
        self.assertEqual(
            headers["sec-websocket-accept"], ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
        )
        self.assertEqual(headers["server"], ["Django"])
        self.assertEqual(self.notes.lines, [("connect", "/chat/", 101)])

    def test_subprotocol(self):
        self.http.receive(handshake(b"Sec-WebSocket-Protocol: a, b"))
        connect = self.taken(CONNECT)
        self.assertEqual(connect.content["subprotocols"], ["a", "b"])
        self.reply(connect, accept=True, subprotocol="b")
        _, headers, _ = parts_of(self.wire.take())
        self.assertEqual(headers["sec-websocket-protocol"], ["b"])

    def assertRefused(self, status):
        answer = self.wire.take()
        self.assertEqual(status_of(answer), status)
        self.assertIn(self.wire.ended, ("half", "orderly"))
        self.assertEqual(self.notes.lines, [("connect", "/chat/", status)])
        return parts_of(answer)[1]

    def test_refused_by_consumer(self):
        for content, status in (
            ({"close": True}, 403),
            ({"status": 401}, 401),
            ({"done": 0, "error": True}, 500),
        ):
            with self.subTest(content=content):
                self.setUp()
                self.http.receive(handshake())
                connect = self.taken(CONNECT)
                self.reply(connect, **content)
                self.assertRefused(status)
                lose(self.http.connection)
                if "done" not in content:
                    self.done(connect)
                disconnect = self.taken(DISCONNECT)
                self.assertEqual(disconnect.content["code"], 1006)
                self.done(disconnect)
                self.assertEqual(self.sockets.by_name, {})

    def test_channel_is_full(self):
        for _ in range(2):
            self.backend.send(Message(CONNECT, {}))
        self.http.receive(handshake())
        self.assertEqual(self.assertRefused(503)["retry-after"], ["1"])
        lose(self.http.connection)
        self.assertNothing(DISCONNECT)
        self.assertEqual(self.sockets.by_name, {})

    def test_time_out(self):
        self.http.receive(handshake())
        with self.assertLogs("django.channels.server", "WARNING"):
            self.reactor.advance(10)
        self.assertRefused(504)

    def test_foreign_origin(self):
        with self.assertLogs("django.security.DisallowedHost", "ERROR"):
            self.http.receive(handshake(b"Origin: https://evil.example"))
        self.assertRefused(403)
        self.assertNothing(CONNECT)

    def test_forged_log_line(self):
        """What is logged of a handshake is one line, whatever its path."""
        target = b"/%0AGET%20/admin/%1B%FF"
        with self.assertLogs("django", "WARNING") as logs:
            self.http.receive(handshake(b"Origin: https://evil.example", target=target))
            self.setUp()
            self.http.receive(handshake(target=target))
            self.reactor.advance(10)
        for record in logs.records:
            self.assertIn(r"/\nGET /admin/\x1b\udcff refused", record.getMessage())
        self.assertEqual(len(logs.records), 2)

    def test_foreign_host(self):
        with self.assertLogs("django.security.DisallowedHost", "ERROR"):
            self.http.receive(handshake(host=b"evil.example"))
        self.assertRefused(400)

    def test_running_too_late(self):
        """Of a message that was given up, nothing is said."""
        connect = self.open()
        with self.assertNoLogs("django.channels.server"):
            self.reply(connect, running=7)

    def test_closed_while_it_is_read_no_further(self):
        """With TLS, the client's end of the connection is yet to be read."""
        self.http.connection, self.wire = self.http.connect(secure=True)
        self.open()
        self.send(b"".join([frame(b"a")] * 20) + close_frame(1000))
        self.assertIs(self.wire.is_read, False)
        for _ in range(20):
            self.done(self.taken(RECEIVE))
        self.assertEqual(self.wire.ended, "orderly")
        self.assertIs(self.wire.is_read, True)

    def test_server_stops(self):
        """No consumer hears of a handshake whose end comes when it's too late."""
        shutdown = Shutdown(
            self.reactor, Listeners(), self.http.factory, self.sockets, nothing
        )
        self.http.receive(handshake()[:30])
        shutdown.begin(10)
        self.http.receive(handshake()[30:])
        self.assertEqual(self.assertRefused(503)["retry-after"], ["1"])
        self.assertNothing(CONNECT)

    def test_malformed(self):
        """A handshake that isn't one is answered by a status."""
        for data in (
            handshake(version=b"8"),
            handshake(version=b"x"),
            handshake(b"Sec-WebSocket-Key: " + KEY),
            handshake().replace(KEY, b"short"),
            # A line's end to Autobahn, which would offer another subprotocol.
            handshake(b"Sec-WebSocket-Protocol: a\x85b"),
        ):
            with self.subTest(data=data):
                self.setUp()
                self.http.receive(data)
                self.assertRefused(400)
                lose(self.http.connection)
                self.assertNothing(CONNECT)
                self.assertNothing(DISCONNECT)
                self.assertEqual(self.backend._state.sinks, {})

    def test_early_frames(self):
        """A client that talks before the answer is heard after it."""
        early = frame(b"GET / HTTP/1.1\r\n\r\n")
        self.http.receive(handshake() + early)
        self.send(frame(b"later"))
        connect = self.taken(CONNECT)
        self.assertNothing(RECEIVE)
        self.done(connect)
        receive = self.taken(RECEIVE)
        self.assertEqual(receive.content["content"], "GET / HTTP/1.1\r\n\r\n")
        self.done(receive)
        self.assertEqual(self.taken(RECEIVE).content["content"], "later")

    def test_written_before_accept(self):
        """What connect sends is written after the answer."""
        self.http.receive(handshake())
        connect = self.taken(CONNECT)
        self.reply(connect, content="welcome")
        self.assertEqual(self.wire.take(), b"")
        self.done(connect)
        self.assertTrue(self.wire.take().endswith(b"\r\n\r\n\x81\x07welcome"))

    def test_client_leaves_during_connect(self):
        self.http.receive(handshake())
        connect = self.taken(CONNECT)
        lose(self.http.connection, clean=False)
        self.reply(connect, accept=True, content="too late")
        self.assertNothing(DISCONNECT)
        self.done(connect)
        self.done(self.taken(DISCONNECT))
        self.assertEqual(self.wire.take(), b"")
        self.assertEqual(self.sockets.by_name, {})
        self.assertEqual(self.backend._state.sinks, {})


class EarlyTests(WebSocketTestCase):
    server_limits = {}

    def test_many_early_frames(self):
        """A client isn't read for ever while it waits for the answer."""
        self.http.receive(handshake())
        early = frame(b"x") * 9000
        self.send(early)
        self.assertIs(self.wire.is_read, True)
        self.send(early)
        self.assertIs(self.wire.is_read, False)
        self.done(self.taken(CONNECT))
        self.done(self.taken(RECEIVE))
        self.assertEqual(self.taken(RECEIVE).content["content"], "x")


class NoConsumerTests(WebSocketTestCase):
    channels = ()

    def test_refused(self):
        """A project without WebSocket consumers has no WebSockets."""
        with self.assertLogs("django.channels.server", "WARNING"):
            self.http.receive(handshake())
        self.assertEqual(status_of(self.wire.take()), 404)
        self.http.connection, self.http.wire = self.http.connect()
        with self.assertNoLogs("django.channels.server", "WARNING"):
            self.http.receive(handshake())


class ReceiveTests(WebSocketTestCase):
    def test_text_and_binary(self):
        self.open()
        self.send(frame("hé".encode()))
        receive = self.taken(RECEIVE)
        self.assertEqual(receive.content["content"], "hé")
        self.assertIs(receive.content["binary"], False)
        self.assertEqual(receive.content["path"], "/chat/")
        self.done(receive)
        self.send(frame(b"\xff\0", opcode=2))
        receive = self.taken(RECEIVE)
        self.assertEqual(receive.content["content"], b"\xff\0")
        self.assertIs(receive.content["binary"], True)

    def test_fragments(self):
        self.open()
        self.send(frame(b"one ", fin=False) + frame(b"two", opcode=0))
        self.assertEqual(self.taken(RECEIVE).content["content"], "one two")

    def test_ping(self):
        self.open()
        self.send(frame(b"hello", opcode=9))
        self.assertEqual(self.wire.take(), b"\x8a\x05hello")

    def test_pings_of_a_slow_reader(self):
        """Who pings and doesn't read gets one pong, for the last."""
        connect = self.open()
        self.wire.slow = True
        self.reply(connect, content="x")
        for i in range(100):
            self.send(frame(b"%02d" % i, opcode=9))
        self.wire.read_all()
        self.assertEqual(self.wire.take(), b"\x81\x01x\x8a\x0299")

    def test_back_pressure(self):
        """A client that is faster than its consumer is read no further."""
        self.open()
        self.send(frame(b"x") * 40)
        self.assertIs(self.wire.is_read, False)
        for _ in range(40):
            self.done(self.taken(RECEIVE))
        self.assertIs(self.wire.is_read, True)
        self.assertNothing(RECEIVE)

    def assertKept(self, data):
        """``data`` begins 100 messages, and ends them; few of them wait apart."""
        connect = self.open()
        self.send(data)
        (socket,) = self.sockets.by_name.values()
        backlog = socket.conversation._relay._waiting
        for n in range(100):
            self.assertLessEqual(len(backlog._waiting), 16)
            message = self.taken(RECEIVE)
            self.assertEqual(message.content["content"], str(n))
            self.done(message)
        self.assertIs(self.wire.is_read, True)
        self.reply(connect, content="y")
        self.assertTrue(self.wire.take().endswith(b"\x81\x01y"))

    def test_many_messages_in_one_piece(self):
        """Those that have no place to wait are kept as bytes, in their order."""
        self.assertKept(b"".join(frame(b"%d" % n) for n in range(100)))

    def test_many_fragments_in_one_piece(self):
        """The same holds where Autobahn reads."""
        self.assertKept(
            frame(b"", opcode=9)
            + b"".join(
                frame(b"", fin=False) + frame(b"%d" % n, opcode=0) for n in range(100)
            )
        )

    def test_pieces_behind_many_messages(self):
        """What comes nevertheless, as it does with TLS, comes after them."""
        self.open()
        messages = b"".join(frame(b"%d" % n) for n in range(100))
        for start in range(0, len(messages), 50):
            self.send(messages[start : start + 50])
        for n in range(100):
            message = self.taken(RECEIVE)
            self.assertEqual(message.content["content"], str(n))
            self.done(message)
        self.assertNothing(RECEIVE)

    def test_closed_with_many_messages_in_one_piece(self):
        """Nothing is heard after the server's close but the client's."""
        connect = self.open()
        self.send(frame(b"x") * 100 + close_frame(1000))
        self.reply(connect, close=4000)
        self.assertEqual(self.wire.take(), b"\x88\x02" + struct.pack("!H", 4000))
        self.done(self.taken(RECEIVE))
        self.assertNothing(RECEIVE)
        self.assertEqual(self.wire.ended, "orderly")

    def test_too_large(self):
        """A message past the limit closes the socket with 1009."""
        self.open()
        self.send(frame(b"x" * 1001))
        self.assertEqual(self.wire.take()[2:4], struct.pack("!H", 1009))
        self.assertNothing(RECEIVE)

    def test_bad_utf8(self):
        self.open()
        self.send(frame(b"\xff"))
        self.assertEqual(self.wire.take()[2:4], struct.pack("!H", 1007))

    def test_unmasked(self):
        """RFC 6455 section 5.1: a server must not take an unmasked frame."""
        self.open()
        self.send(b"\x81\x01x")
        self.assertEqual(self.wire.take()[2:4], struct.pack("!H", 1002))

    def test_failure(self):
        """A consumer's exception closes the socket with 1011."""
        self.open()
        self.send(frame(b"x"))
        self.done(self.taken(RECEIVE), error=True)
        self.assertEqual(self.wire.take(), b"\x88\x02" + struct.pack("!H", 1011))

    def test_channel_is_full(self):
        """A frame without room waits, and is sent when there is."""
        self.open()
        for _ in range(2):
            self.backend.send(Message(RECEIVE, {}))
        self.send(frame(b"x"))
        self.assertIs(self.wire.is_read, False)
        self.taken(RECEIVE)
        self.reactor.advance(0.1)
        self.assertIs(self.wire.is_read, True)
        self.taken(RECEIVE)
        self.assertEqual(self.taken(RECEIVE).content["content"], "x")


class SendTests(WebSocketTestCase):
    def test_text_and_binary(self):
        connect = self.open()
        self.reply(connect, content="hé")
        self.reply(connect, content=b"\xff")
        self.reply(connect, content="a", binary=True)
        self.assertEqual(
            self.wire.take(), b"\x81\x03h\xc3\xa9" + b"\x82\x01\xff" + b"\x82\x01a"
        )

    def test_impossible(self):
        """Content that is no message is logged, and harms nothing."""
        connect = self.open()
        with self.assertLogs("django.channels.server", "ERROR") as logs:
            self.reply(connect, content=b"secret\xff", binary=False)
        self.assertIn("can't decode byte", logs.output[0])
        self.assertNotIn("secret", logs.output[0])
        self.reply(connect, content="fine")
        self.assertEqual(self.wire.take(), b"\x81\x04fine")

    def test_group(self):
        """A group's message is framed once and written to each member."""
        names = [self.open().content["reply_channel"]]
        wires = [self.wire]
        self.http.connection, self.http.wire = self.http.connect()
        self.wire = self.http.wire
        names.append(self.open().content["reply_channel"])
        wires.append(self.wire)
        for name in names:
            self.backend.group_add("all", name)
        self.backend.group_send("all", {"content": "hello"})
        self.assertEqual(len(self.reactor.posted), 1)
        self.reactor.spin()
        for wire in wires:
            self.assertEqual(wire.take(), b"\x81\x05hello")

    def test_slow_reader(self):
        """A client that doesn't read holds up a few messages, not all."""
        connect = self.open()
        self.wire.slow = True
        self.reply(connect, content="0")
        for i in range(1, 4):
            self.reply(connect, content=str(i))
        with self.assertRaises(ChannelFull):
            self.reply(connect, content="4")
        # It can still be closed, and told about its messages.
        self.wire.read_all()
        self.assertEqual(self.wire.take(), b"\x81\x010\x81\x011\x81\x012\x81\x013")
        self.reply(connect, content="5")
        self.assertEqual(self.wire.take(), b"\x81\x015")

    def test_flood(self):
        """Messages that the reactor hasn't seen yet count too."""
        connect = self.open()
        name = connect.content["reply_channel"]
        for _ in range(3):
            self.backend.send(Message(name, {"content": "x"}))
        with self.assertRaises(ChannelFull):
            self.backend.send(Message(name, {"content": "x"}))
        self.backend.send(Message(name, {"close": True}))
        self.reactor.spin()
        self.assertEqual(self.wire.take()[:9], b"\x81\x01x" * 3)

    def test_close_a_slow_reader(self):
        """A close comes after what was sent before it."""
        connect = self.open()
        self.wire.slow = True
        self.reply(connect, content="0")
        self.reply(connect, content="1")
        self.reply(connect, close=4000, reason="slow")
        self.wire.read_all()
        self.assertEqual(
            self.wire.take(),
            b"\x81\x010\x81\x011\x88\x06" + struct.pack("!H", 4000) + b"slow",
        )


class EndTests(WebSocketTestCase):
    def slow_client_closes(self):
        connect = self.open()
        self.wire.slow = True
        self.reply(connect, content="x" * 200_000)
        self.send(close_frame(1000))

    def test_client_closes(self):
        connect = self.open()
        self.backend.group_add("all", connect.content["reply_channel"])
        self.send(close_frame(1001, b"bye"))
        self.assertEqual(
            self.wire.take(), b"\x88\x05" + struct.pack("!H", 1001) + b"bye"
        )
        self.assertEqual(self.wire.ended, "orderly")
        lose(self.http.connection)
        self.assertEqual(self.backend.members("all"), [])
        disconnect = self.taken(DISCONNECT)
        self.assertEqual(disconnect.content["code"], 1001)
        self.assertEqual(disconnect.content["reason"], "bye")
        self.assertEqual(self.notes.lines[-1], ("disconnect", "/chat/", 1001))
        self.done(disconnect)
        self.assertEqual(self.sockets.by_name, {})
        self.assertEqual(self.backend._state.sinks, {})

    def test_client_closes_amid_what_it_reads(self):
        """Neither a frame is cut nor is the answer to its close lost."""
        self.slow_client_closes()
        self.assertEqual(self.wire.ended, "")
        # Nothing that comes after a close is heard.
        self.send(frame(b"x"))
        self.wire.read_all()
        data = self.wire.take()
        self.assertEqual(len(data), 10 + 200_000 + 4)
        self.assertEqual(data[-4:], b"\x88\x02" + struct.pack("!H", 1000))
        self.assertEqual(self.wire.ended, "orderly")
        lose(self.http.connection)
        self.assertNothing(RECEIVE)
        self.assertEqual(self.taken(DISCONNECT).content["code"], 1000)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_client_closes_and_reads_no_more(self):
        self.slow_client_closes()
        self.reactor.advance(5)
        self.assertEqual(self.wire.ended, "abort")
        lose(self.http.connection)
        self.assertEqual(self.taken(DISCONNECT).content["code"], 1000)

    def test_client_closes_and_stays(self):
        """With TLS, an orderly end waits for the client's."""
        self.open()
        self.send(close_frame(1000))
        self.assertEqual(self.wire.ended, "orderly")
        self.reactor.advance(5)
        self.assertEqual(self.wire.ended, "abort")

    def test_client_breaks_the_protocol_twice_and_stays(self):
        self.open()
        self.send(frame(b"\xff"))
        self.send(frame(b"", opcode=3))
        self.reactor.advance(5)
        self.assertEqual(self.wire.ended, "abort")

    def test_refused_client_stays(self):
        self.http.receive(handshake())
        self.reply(self.taken(CONNECT), status=403)
        self.assertEqual(self.wire.ended, "orderly")
        self.reactor.advance(5)
        self.assertEqual(self.wire.ended, "abort")
        lose(self.http.connection)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_client_closes_without_code(self):
        self.open()
        self.send(frame(b"", opcode=8))
        lose(self.http.connection)
        self.assertEqual(self.taken(DISCONNECT).content["code"], 1005)

    def test_client_vanishes(self):
        self.open()
        lose(self.http.connection, clean=False)
        self.assertEqual(self.taken(DISCONNECT).content["code"], 1006)

    def test_server_closes(self):
        connect = self.open()
        self.reply(connect, close=4001, reason="bye")
        self.wire.take()
        # Frames that were on their way mean nothing any more.
        self.send(frame(b"x"))
        self.assertNothing(RECEIVE)
        self.send(close_frame(4001))
        # A reset could take from the client what it has yet to read.
        self.assertEqual(self.wire.ended, "orderly")
        lose(self.http.connection)
        self.assertEqual(self.taken(DISCONNECT).content["code"], 4001)

    def test_reason_that_has_no_utf8(self):
        """It's closed all the same."""
        connect = self.open()
        self.reply(connect, close=4000, reason="a\ud800")
        self.assertEqual(
            self.wire.take(), b"\x88\x04" + struct.pack("!H", 4000) + b"a?"
        )

    def test_client_ignores_close(self):
        """A client that doesn't answer a close is dropped."""
        connect = self.open()
        self.reply(connect, close=True)
        self.reactor.advance(5)
        self.assertEqual(self.wire.ended, "abort")
        lose(self.http.connection, clean=False)
        self.assertEqual(self.taken(DISCONNECT).content["code"], 1006)

    def test_shut_down(self):
        self.open()
        self.http.connection.shut_down()
        self.assertEqual(self.wire.take(), b"\x88\x02" + struct.pack("!H", 1001))

    def test_no_timers_left(self):
        self.open()
        lose(self.http.connection)
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_pings(self):
        """An idle socket is pinged, so that TCP finds out that it's dead."""
        self.open()
        for answered in (False, True, False):
            self.reactor.advance(29)
            self.assertEqual(self.wire.take(), b"")
            self.reactor.advance(1)
            ping = self.wire.take()
            self.assertEqual((ping[0], len(ping)), (0x89, ping[1] + 2))
            if answered:
                self.send(frame(ping[2:], opcode=10))

    def test_no_pings_to_a_slow_reader(self):
        """What it doesn't take would only pile up."""
        connect = self.open()
        self.wire.slow = True
        self.reply(connect, content="x")
        self.wire.take()
        self.reactor.advance(30)
        self.reactor.advance(30)
        self.wire.read_all()
        self.assertEqual(self.wire.take(), b"")
        self.reactor.advance(30)
        self.assertEqual(self.wire.take()[:1], b"\x89")

    def test_writes_after_the_end(self):
        connect = self.open()
        lose(self.http.connection)
        self.reply(connect, content="x", close=True, state={"a": 1})
        self.assertEqual(self.wire.take(), b"")


class TruncatedTests(SimpleTestCase):
    def test_truncated(self):
        """A close reason has at most 123 bytes, and ends between characters."""
        self.assertEqual(truncated("bye", 123), b"bye")
        self.assertEqual(truncated("é" * 100, 123), "é".encode() * 61)
        self.assertIsNone(truncated("", 123))


class QuietLogTests(SimpleTestCase):
    def test_levels(self):
        log = QuietLog()
        with self.assertLogs("django.channels.server", "DEBUG") as logs:
            log.debug("{a}", a=1)
            log.warn("{a}", a=2)
            log.error("{a}", a=3)
            log.failure("text", failure=ValueError())
        self.assertEqual(
            [(r.levelname, r.getMessage()) for r in logs.records],
            [("DEBUG", "2"), ("ERROR", "3"), ("ERROR", "text ")],
        )
