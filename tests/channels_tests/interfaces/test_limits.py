"""Every limit of CHANNEL_SERVER_LIMITS, exactly at it and one past it."""

from math import inf
from unittest import mock

from django.channels.interfaces import limits as limits_module
from django.channels.interfaces.backlog import Backlog
from django.channels.interfaces.limits import KINDS, Limits
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import SimpleTestCase, override_settings

from .test_websocket import WebSocketTestCase, frame, handshake
from .wires import HTTPWire, lose, parts_of, status_of

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"


def limited(**limits):
    """Return a connection to a server with these keys of the setting."""
    with override_settings(CHANNEL_SERVER_LIMITS=limits):
        return HTTPWire(limits=Limits.from_settings())


class SettingTests(SimpleTestCase):
    def test_defaults(self):
        self.assertEqual(Limits.from_settings(), Limits())
        self.assertEqual(len(KINDS), 19)

    @override_settings(CHANNEL_SERVER_LIMITS={"BODY_SIZE": None, "CLOSE_TIMEOUT": 1})
    def test_values(self):
        limits = Limits.from_settings()
        self.assertEqual((limits.body_size, limits.close_timeout), (inf, 1))
        self.assertEqual(limits.message_size, Limits.message_size)

    @override_settings(CHANNEL_SERVER_LIMITS={"BODY": 1})
    def test_invalid(self):
        with self.assertRaisesMessage(ImproperlyConfigured, "no such limit"):
            Limits.from_settings()

    def test_connections(self):
        """The default leaves a tenth of the descriptors for other things."""
        for most, expected in ((1024, 921), (1, 1), (10**6, 10_000), (-1, 10_000)):
            with self.subTest(most=most):
                with mock.patch.object(limits_module, "resource") as resource:
                    resource.RLIM_INFINITY = -1
                    resource.getrlimit.return_value = (most, most)
                    self.assertEqual(Limits().connections, expected)
        with mock.patch.object(limits_module, "resource", None):
            self.assertEqual(Limits().connections, 10_000)


class RequestTests(SimpleTestCase):
    def assertLimit(self, key, limit, status, exactly, more):
        """What is at the limit is served, in one piece and byte by byte."""
        for size in (1, len(more)):
            for data, expected in ((exactly, None), (more, status)):
                with self.subTest(size=size, data=data[-50:]):
                    http = limited(**{key: limit})
                    for i in range(0, len(data), size):
                        http.receive(data[i : i + size])
                    self.assertEqual(len(http.requests), expected is None)
                    self.assertEqual(status_of(http.wire.take()), expected)
        http = limited(**{key: None})
        http.receive(more)
        self.assertEqual(len(http.requests), 1)

    def test_request_line_size(self):
        line = b"GET /" + b"a" * 86 + b" HTTP/1.1"
        rest = b"\r\nHost: a\r\n\r\n"
        self.assertLimit(
            "REQUEST_LINE_SIZE", 100, 414, line + rest, b"POST" + line[3:] + rest
        )

    def test_header_size(self):
        start = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
        exactly = start + b"y" * (200 - len(start) - 4) + b"\r\n\r\n"
        self.assertEqual(len(exactly), 200)
        more = exactly.replace(b"X: ", b"X: y")
        self.assertLimit("HEADER_SIZE", 200, 431, exactly, more)

    def test_header_size_of_each(self):
        """A request sent ahead doesn't count for the one after it."""
        http = limited(HEADER_SIZE=len(GET))
        http.receive(GET * 3 + GET[:-2])
        http.receive(GET[-2:])
        for _ in range(4):
            self.assertEqual(status_of(http.respond(HttpResponse())), 200)

    def test_header_count(self):
        exactly = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 9 + b"\r\n"
        more = exactly[:-2] + b"X: y\r\n\r\n"
        self.assertLimit("HEADER_COUNT", 10, 431, exactly, more)

    def test_body_size(self):
        for body in (
            b"Content-Length: %d\r\n\r\n%b",
            b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n",
        ):
            exactly, more = (POST + body % (size, b"a" * size) for size in (100, 101))
            self.assertLimit("BODY_SIZE", 100, 413, exactly, more)

    def test_pipelined_requests(self):
        """Past the limit the connection is read no further."""
        http = limited(PIPELINED_REQUESTS=3)
        http.receive(GET * 3)
        self.assertIs(http.wire.is_read, True)
        http.receive(GET)
        self.assertIs(http.wire.is_read, False)

    def test_connections(self):
        """One more is answered 503, and much more isn't answered at all."""
        http = limited(CONNECTIONS=2)
        _, second = http.connect()
        self.assertEqual((second.take(), second.ended), (b"", ""))
        for _ in range(32):
            _, third = http.connect()
            status, headers, _ = parts_of(third.take())
            self.assertEqual((status, third.ended), (503, "half"))
            self.assertEqual(headers["connection"], ["close"])
            self.assertEqual(headers["retry-after"], ["1"])
        _, last = http.connect()
        self.assertEqual((last.take(), last.ended), (b"", "abort"))
        http.receive(GET)
        self.assertEqual(status_of(http.respond(HttpResponse())), 200)

    def test_place_is_free_again(self):
        http = limited(CONNECTIONS=1)
        http.lose()
        connection, wire = http.connect()
        self.assertEqual((wire.take(), wire.ended), (b"", ""))

    def test_turned_away_takes_no_place(self):
        """Who stays to read the 503 doesn't keep others from a free place."""
        http = limited(CONNECTIONS=1)
        away = [http.connect() for _ in range(40)]
        self.assertEqual(sum(wire.ended == "half" for _, wire in away), 32)
        http.lose()
        http.connection, http.wire = http.connect()
        self.assertEqual((http.wire.take(), http.wire.ended), (b"", ""))
        # The place is taken; that of one who was turned away is free again.
        _, wire = http.connect()
        self.assertEqual((wire.take(), wire.ended), (b"", "abort"))
        for connection, _ in away:
            lose(connection)
        _, wire = http.connect()
        self.assertEqual((status_of(wire.take()), wire.ended), (503, "half"))


class TimeTests(SimpleTestCase):
    def assertDeadline(self, key, data, status, ended):
        http = limited(**{key: 5})
        http.receive(data)
        http.advance(4)
        self.assertEqual((http.wire.take(), http.wire.ended), (b"", ""))
        http.advance(1)
        self.assertEqual(status_of(http.wire.take()), status)
        self.assertEqual(http.wire.ended, ended)
        http = limited(**{key: None})
        http.receive(data)
        http.advance(1000)
        self.assertEqual((http.wire.take(), http.wire.ended), (b"", ""))

    def test_header_timeout(self):
        self.assertDeadline("HEADER_TIMEOUT", GET[:9], 408, "half")

    def test_body_timeout(self):
        data = POST + b"Content-Length: 3\r\n\r\na"
        self.assertDeadline("BODY_TIMEOUT", data, 408, "half")

    def test_idle_timeout(self):
        self.assertDeadline("IDLE_TIMEOUT", b"", None, "orderly")

    def test_write_timeout(self):
        http = limited(WRITE_TIMEOUT=5)
        http.receive(GET)
        http.wire.slow = True
        http.respond(HttpResponse("a"))
        http.advance(4)
        self.assertEqual(http.wire.ended, "")
        http.advance(1)
        self.assertEqual(http.wire.ended, "abort")

    def test_write_timeout_of_a_client_that_sends(self):
        """What a client sends gives it neither more time nor less."""
        for data, more in ((POST + b"Content-Length: 9\r\n\r\n", b"a"), (b"GET", b"")):
            with self.subTest(data):
                http = limited(WRITE_TIMEOUT=5, BODY_TIMEOUT=9, HEADER_TIMEOUT=3)
                http.receive(GET)
                http.wire.slow = True
                http.respond(HttpResponse("a"))
                http.receive(data)
                http.advance(4)
                self.assertEqual(http.wire.ended, "")
                http.receive(more)
                http.advance(1)
                self.assertEqual(http.wire.ended, "abort")


class SocketTests(WebSocketTestCase):
    """The setting's limits, on one socket."""

    server_limits = {
        "MESSAGE_SIZE": 50,
        "FRAMES_WAITING": 3,
        "SMALL_FRAMES": 4,
        "HANDSHAKE_TIMEOUT": 2,
        "CLOSE_TIMEOUT": 3,
        "PING_INTERVAL": 7,
    }

    def test_message_size(self):
        self.open()
        self.send(frame(b"x" * 50))
        self.done(self.taken("websocket.receive"))
        self.assertEqual(self.wire.take(), b"")
        self.send(frame(b"x" * 51))
        self.assertEqual(self.wire.take()[2:4], b"\x03\xf1")

    def test_message_size_in_fragments(self):
        self.open()
        self.send(frame(b"x" * 25, fin=False) + frame(b"x" * 26, opcode=0))
        self.assertEqual(self.wire.take()[2:4], b"\x03\xf1")
        self.assertNothing("websocket.receive")

    def test_frames_waiting(self):
        self.open()
        # One is with the worker.
        self.send(frame(b"x") * 3)
        self.assertIs(self.wire.is_read, True)
        self.send(frame(b"x"))
        self.assertIs(self.wire.is_read, False)

    def test_small_frames(self):
        """Pings and little fragments cost more than they take to send."""
        ping, part = frame(b"", opcode=9), frame(b"", opcode=0, fin=False)
        self.open()
        self.send(frame(b"x", fin=False) + part * 3)
        self.assertEqual(self.wire.take(), b"")
        self.send(ping * 1000)
        self.assertEqual(self.wire.take()[2:4], b"\x03\xf0")
        self.send(ping)
        self.assertEqual(self.wire.take(), b"")
        self.reactor.advance(3)
        self.assertEqual(self.wire.ended, "abort")

    def test_small_frames_are_counted_anew(self):
        self.open()
        for _ in range(3):
            self.send(frame(b"", opcode=9) * 4)
            self.http.connection.check(self.reactor.seconds())
        self.assertEqual(self.wire.take(), b"\x8a\x00" * 12)

    def test_messages_are_no_small_frames(self):
        self.open()
        for _ in range(9):
            self.send(frame(b"x"))
            self.done(self.taken("websocket.receive"))
        self.assertEqual(self.wire.take(), b"")

    def test_handshake_timeout(self):
        self.http.receive(handshake())
        self.reactor.advance(1)
        self.assertEqual(self.wire.take(), b"")
        with self.assertLogs("django.channels.server", "WARNING"):
            self.reactor.advance(1)
        self.assertEqual(status_of(self.wire.take()), 504)

    def test_close_timeout(self):
        connect = self.open()
        self.reply(connect, close=True)
        self.reactor.advance(2)
        self.assertEqual(self.wire.ended, "")
        self.reactor.advance(1)
        self.assertEqual(self.wire.ended, "abort")

    def test_ping_interval(self):
        self.open()
        self.reactor.advance(6)
        self.assertEqual(self.wire.take(), b"")
        self.reactor.advance(1)
        self.assertEqual(self.wire.take()[:1], b"\x89")


class NoPingTests(WebSocketTestCase):
    server_limits = {"PING_INTERVAL": None}

    def test_none(self):
        self.open()
        self.reactor.advance(10_000)
        self.assertEqual(self.wire.take(), b"")


class BacklogTests(SimpleTestCase):
    def test_bytes_waiting(self):
        backlog = Backlog(frames=10, size=4)
        backlog.add("abc", False)
        self.assertIs(backlog.is_full, False)
        backlog.add("d", False)
        self.assertIs(backlog.is_full, True)
        backlog.drop_first()
        self.assertIs(backlog.is_half_empty, True)
