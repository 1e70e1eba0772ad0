import logging
import socket
import tempfile
import threading
from math import inf
from unittest import mock

from django.channels.interfaces.access import AccessLog
from django.channels.interfaces.parser import escape_target
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import SimpleTestCase, override_settings

from .wires import HTTPWire, parts_of, status_of

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class RequestTests(SimpleTestCase):
    def setUp(self):
        self.http = HTTPWire()

    def test_get(self):
        self.http.receive(b"GET /caf%C3%A9?a=b HTTP/1.1\r\nHost: a\r\nX-B: c\r\n\r\n")
        (exchange,) = self.http.requests
        self.assertEqual(exchange.content["method"], "GET")
        self.assertEqual(exchange.content["path"], "/café")
        self.assertEqual(exchange.content["query_string"], "a=b")
        self.assertEqual(exchange.content["headers"], [["host", "a"], ["x-b", "c"]])
        self.assertEqual(exchange.content["client"], ["192.0.2.7", 5555])
        self.assertEqual(exchange.content["server"], ["127.0.0.1", 8000])
        self.assertEqual(exchange.request_line, "GET /caf%C3%A9?a=b HTTP/1.1")
        status, _, body = parts_of(self.http.respond(HttpResponse("hello")))
        self.assertEqual((status, body), (200, b"hello"))
        self.assertEqual(self.http.wire.ended, "")

    def test_byte_by_byte(self):
        """A request may come in pieces of any size."""
        data = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        for i in range(len(data)):
            self.http.receive(data[i : i + 1])
        (exchange,) = self.http.requests
        self.assertEqual(exchange.content["path"], "/a")
        self.assertEqual(exchange.content["body"], b"abc")

    def test_chunked_body(self):
        """The pieces and their trailers become one body."""
        self.http.receive(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n"
        )
        (exchange,) = self.http.requests
        self.assertEqual(exchange.content["body"], b"abcde")
        self.assertNotIn(["x-trailer", "1"], exchange.content["headers"])

    @override_settings(FILE_UPLOAD_MAX_MEMORY_SIZE=4)
    def test_spooled_body(self):
        self.http.receive(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabcdef"
        )
        (exchange,) = self.http.requests
        self.assertEqual(exchange.content["body"], b"")
        self.assertEqual(exchange.body_file.read(), b"abcdef")
        self.http.respond(HttpResponse())
        self.assertIs(exchange.body_file.closed, True)

    @override_settings(FILE_UPLOAD_MAX_MEMORY_SIZE=4)
    def test_unfinished_body(self):
        """A client that leaves amid its body leaves no file."""
        self.http.receive(
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60\r\n\r\nabcdef"
        )
        file = self.http.connection.parser._body._file
        self.http.lose()
        self.assertIs(file.closed, True)
        self.assertEqual(self.http.requests, [])

    def test_expect_continue(self):
        head = (
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        self.http.receive(head)
        self.assertEqual(self.http.wire.take(), b"HTTP/1.1 100 Continue\r\n\r\n")
        self.http.receive(b"abc")
        self.assertEqual(self.http.requests[0].content["body"], b"abc")

    def test_expect_continue_in_turn(self):
        """100 Continue doesn't come before the answer to the request before."""
        self.http.receive(
            GET + b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        self.assertEqual(self.http.wire.take(), b"")
        data = self.http.respond(HttpResponse("first"))
        self.assertTrue(data.endswith(b"firstHTTP/1.1 100 Continue\r\n\r\n"))

    def test_expect_continue_of_a_slow_reader(self):
        """It doesn't come before answers that wait for the client, nor twice."""
        self.http.receive(GET)
        self.http.wire.slow = True
        data = self.http.respond(HttpResponse("first"))
        self.http.receive(
            GET + b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        self.http.wire.read_all()
        self.assertTrue((data + self.http.wire.take()).endswith(b"first"))
        data = self.http.respond(HttpResponse("second"))
        self.assertTrue(data.endswith(b"secondHTTP/1.1 100 Continue\r\n\r\n"))

    def test_unescaped_path(self):
        """A path that was sent as it was typed is understood."""
        self.http.receive("GET /café HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        (exchange,) = self.http.requests
        self.assertEqual(exchange.content["path"], "/café")
        self.assertIsNone(escape_target(b"GET / HTTP/1.1\r\n"))
        self.assertIsNone(escape_target(b"GET /\xff"))

    def test_absolute_form(self):
        self.http.receive(b"GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(self.http.requests[0].content["path"], "/b")

    def test_ignored_upgrade(self):
        """A request that offers HTTP/2 is answered as it is, body and all."""
        self.http.receive(
            b"POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\n"
            b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAA\r\nContent-Length: 3\r\n\r\n"
            b"abc" + GET
        )
        self.assertEqual(self.http.requests[0].content["body"], b"abc")
        self.http.respond(HttpResponse())
        self.assertEqual(self.http.requests[1].content["method"], "GET")

    def test_ignored_upgrade_without_its_body(self):
        """It's waited for, behind another request, no longer than for others."""
        http = HTTPWire(body_timeout=10)
        http.receive(
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
            b"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: b\r\n"
            b"Content-Length: 9\r\n\r\nabc"
        )
        self.assertEqual(status_of(http.respond(HttpResponse("a"))), 200)
        http.advance(9)
        self.assertEqual(http.wire.take(), b"")
        http.advance(1)
        self.assertEqual(status_of(http.wire.take()), 408)

    def test_ignored_upgrade_of_http_1_0(self):
        """Neither a Host is missed there, nor is what keeps the connection lost."""
        self.http.receive(
            b"GET / HTTP/1.0\r\nConnection: Keep-Alive, Upgrade\r\nUpgrade: b\r\n\r\n"
        )
        _, headers, _ = parts_of(self.http.respond(HttpResponse()))
        self.assertEqual(headers["connection"], ["keep-alive"])
        self.assertEqual(self.http.wire.ended, "")

    def test_ignored_upgrades(self):
        """Any number of them may come at once, and be answered at once."""
        self.http.full = True
        self.http.receive(
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: b\r\n\r\n"
            * 1000
        )
        self.assertEqual(self.http.wire.take().count(b"HTTP/1.1 503 "), 1000)
        self.assertEqual(self.http.wire.ended, "")

    def test_ignored_upgrade_of_a_last_request(self):
        """The connection that the client wants closed is closed."""
        self.http.receive(
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade\r\n"
            b"Upgrade: h2c\r\n\r\n" + GET
        )
        _, headers, _ = parts_of(self.http.respond(HttpResponse()))
        self.assertEqual(headers["connection"], ["close"])
        self.assertEqual(len(self.http.requests), 1)
        self.assertEqual(self.http.wire.ended, "half")

    def test_websocket(self):
        """A WebSocket's handshake goes to the sockets, with what came after."""
        handshake = (
            b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\n\r\n"
        )
        self.http.receive(handshake + b"\x81\x80")
        ((connection, head, rest),) = self.http.sockets.taken
        self.assertIs(connection, self.http.connection)
        self.assertEqual(head.target, "/ws")
        self.assertEqual(rest, b"\x81\x80")

    def test_websocket_in_turn(self):
        """The handshake waits for the answers to the requests before it."""
        self.http.receive(
            GET + b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\n\r\n"
        )
        self.http.receive(b"more")
        self.assertEqual(self.http.sockets.taken, [])
        self.http.respond(HttpResponse())
        ((_, _, rest),) = self.http.sockets.taken
        self.assertEqual(rest, b"more")

    def test_websocket_after_a_large_response(self):
        """The handshake waits until the client has taken all of the answer."""
        self.http.receive(GET)
        self.http.wire.slow = True
        data = self.http.respond(HttpResponse(b"0" * 300_000))
        self.http.receive(
            b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\n\r\n"
        )
        self.assertEqual(self.http.sockets.taken, [])
        self.http.wire.read_all()
        self.assertEqual(parts_of(data + self.http.wire.take())[2], b"0" * 300_000)
        self.assertEqual(len(self.http.sockets.taken), 1)


class RefusalTests(SimpleTestCase):
    def assertRefused(self, status, data, **limits):
        http = HTTPWire(**limits)
        http.receive(data)
        answer = http.wire.take()
        self.assertEqual(status_of(answer), status, data[:80])
        self.assertEqual(parts_of(answer)[1]["connection"], ["close"])
        # So that a client that is still sending gets to read the answer.
        self.assertEqual(http.wire.ended, "half")
        self.assertEqual(http.requests, [])
        http.receive(b"more of the same")
        self.assertEqual(http.wire.take(), b"")

    def test_unescaped_path(self):
        """A request whose path is escaped here is refused as any other is."""
        self.assertRefused(400, "GET /café HTTP/1.1\r\n\r\n".encode())

    def test_malformed(self):
        for data in (
            b"hello\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01",
            b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
        ):
            with self.subTest(data=data):
                self.assertRefused(400, data)

    def test_smuggling(self):
        start = b"POST / HTTP/1.1\r\nHost: a\r\n"
        for headers in (
            b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
            b"Content-Length: 3\r\nContent-Length: 4\r\n",
            b"Content-Length: 3\r\nContent-Length: 3\r\n",
            b"Content-Length: +3\r\n",
            b"Content-Length: 3 3\r\n",
            b"Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n",
        ):
            with self.subTest(headers=headers):
                self.assertRefused(400, start + headers + b"\r\n0\r\n\r\n")

    def test_broken_chunk(self):
        self.assertRefused(
            400,
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        )

    def test_unknown_method(self):
        for method in (b"BREW", b"FOO1", b"VERSION-CONTROL"):
            self.assertRefused(501, method + b" / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertRefused(400, b"B[R]EW / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertRefused(501, b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n")

    def test_version(self):
        for version in (b"2.0", b"0.9", b"3.7"):
            with self.subTest(version=version):
                self.assertRefused(505, b"GET / HTTP/%b\r\nHost: a\r\n\r\n" % version)

    def test_long_target(self):
        self.assertRefused(
            414,
            b"GET /" + b"a" * 200 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
            request_line_size=100,
        )

    def test_large_head(self):
        """A head is refused when it's too large, not when it ends."""
        self.assertRefused(
            431, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 500, header_size=400
        )
        self.assertRefused(
            431, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 20, header_count=10
        )

    def test_large_body(self):
        """A body that is said, or found, to be too large is refused."""
        start = b"POST / HTTP/1.1\r\nHost: a\r\n"
        self.assertRefused(413, start + b"Content-Length: 101\r\n\r\n", body_size=100)
        self.assertRefused(
            413,
            start + b"Transfer-Encoding: chunked\r\n\r\n65\r\n" + b"a" * 101,
            body_size=100,
        )

    def test_head(self):
        """A refusal of HEAD has no body either, as soon as it's known to be one."""
        for data in (
            b"HEAD / HTTP/1.1\r\n\r\n",
            b"HEAD / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n",
            b"HEAD / HTTP/1.1\r\nbroken header\r\n\r\n",
        ):
            with self.subTest(data=data):
                http = HTTPWire()
                http.receive(data)
                answer = http.wire.take()
                self.assertIn(status_of(answer), (400, 417))
                self.assertEqual(parts_of(answer)[2], b"")

    def test_after_a_good_request(self):
        """What comes before garbage is answered; then the connection ends."""
        http = HTTPWire()
        http.receive(GET + b"garbage\r\n\r\n")
        self.assertEqual(http.wire.take(), b"")
        data = http.respond(HttpResponse("good"))
        self.assertTrue(data.endswith(b"good"))
        self.assertEqual(http.wire.ended, "half")


class ConnectionTests(SimpleTestCase):
    def test_keep_alive(self):
        http = HTTPWire()
        for i in range(3):
            http.receive(GET)
            self.assertTrue(http.respond(HttpResponse(str(i))).endswith(b"%d" % i))
        self.assertEqual(http.wire.ended, "")

    def test_close(self):
        http = HTTPWire()
        http.receive(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET)
        _, headers, _ = parts_of(http.respond(HttpResponse()))
        self.assertEqual(headers["connection"], ["close"])
        self.assertEqual(http.wire.ended, "half")
        self.assertEqual(len(http.requests), 1)

    def test_close_while_the_client_sends(self):
        """
        It's read on until it closes, or for a moment: with something unread, the
        system would drop what it still has to send (RFC 9112 section 9.6).
        """
        http = HTTPWire(pipelined_requests=1, linger_time=2)
        http.receive(GET * 3)
        self.assertIs(http.wire.is_read, False)
        http.respond(HttpResponse(headers={"Connection": "close"}))
        self.assertEqual((http.wire.ended, http.wire.is_read), ("half", True))
        http.receive(GET)
        self.assertEqual((http.wire.take(), len(http.requests)), (b"", 1))
        http.advance(1)
        self.assertEqual(http.wire.ended, "half")
        http.advance(1)
        self.assertEqual(http.wire.ended, "orderly")

    def test_http_1_0(self):
        """HTTP/1.0 ends after a response, unless the client asks otherwise."""
        http = HTTPWire()
        http.receive(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        _, headers, _ = parts_of(http.respond(HttpResponse()))
        self.assertEqual(headers["connection"], ["keep-alive"])
        http.receive(b"GET / HTTP/1.0\r\n\r\n")
        http.respond(HttpResponse())
        self.assertEqual(http.wire.ended, "half")

    def test_pipelining(self):
        """Requests sent ahead are answered one after the other, in order."""
        http = HTTPWire()
        http.receive(GET * 3)
        self.assertEqual(len(http.requests), 1)
        for i in range(3):
            data = http.respond(HttpResponse(str(i)), i)
            self.assertTrue(data.endswith(b"%d" % i))

    def test_pipelining_is_bounded(self):
        """A connection with many requests ahead is read no further."""
        http = HTTPWire(pipelined_requests=2)
        http.receive(GET * 4)
        self.assertIs(http.wire.is_read, False)
        http.respond(HttpResponse(), 0)
        self.assertIs(http.wire.is_read, False)
        http.respond(HttpResponse(), 1)
        self.assertIs(http.wire.is_read, True)

    def test_many_requests_in_one_piece(self):
        """Those that have no place to wait are kept as bytes, in their order."""
        requests = [
            b"POST /%d HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\r\n\r\n" % n
            for n in range(500)
        ]
        http = HTTPWire()
        http.receive(b"".join(requests[:400]))
        # What comes nevertheless, as it does with TLS.
        http.receive(b"".join(requests[400:])[:-1])
        most = 0
        for n in range(499):
            most = max(most, len(http.connection.turns.queue))
            self.assertEqual(http.requests[n].content["path"], f"/{n}")
            self.assertEqual(http.requests[n].content["body"], b"\r\n\r\n")
            http.respond(HttpResponse(), n)
        self.assertLess(most, 50)
        self.assertIs(http.wire.is_read, True)
        # The last one's body isn't whole yet.
        http.receive(b"\n")
        self.assertEqual(http.requests[-1].content["path"], "/499")

    def test_large_bodies_ahead(self):
        """One may wait: a file of each would take the process's descriptors."""
        body = b"a" * 100_000
        request = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + body
        for size in (50_000, 200_000):
            with (
                self.subTest(FILE_UPLOAD_MAX_MEMORY_SIZE=size),
                override_settings(FILE_UPLOAD_MAX_MEMORY_SIZE=size),
            ):
                http = HTTPWire()
                http.receive(request)
                self.assertIs(http.wire.is_read, True)
                http.receive(request + GET + request[:-1])
                self.assertIs(http.wire.is_read, False)
                self.assertEqual(len(http.connection.turns.queue), 1)
                http.respond(HttpResponse(), 0)
                self.assertIs(http.wire.is_read, True)
                self.assertEqual(len(http.connection.turns.queue), 1)
                http.receive(b"a")
                for n in range(1, 4):
                    http.respond(HttpResponse(), n)
                self.assertEqual(len(http.requests), 4)

    def test_many_requests_after_a_chunked_body(self):
        http = HTTPWire()
        http.receive(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        http.receive(b"1000\r\n" + b" " * 0x1000 + b"\r\n0\r\n\r\n" + GET * 500)
        self.assertLess(len(http.connection.turns.queue), 50)
        for n in range(501):
            http.respond(HttpResponse(), n)
        self.assertEqual(len(http.requests), 501)

    def test_many_refused_requests_in_one_piece(self):
        """Each has its answer when the client reads, and 100 Continue comes once."""
        http = HTTPWire()
        http.full = True
        http.wire.slow = True
        http.receive(
            GET * 400 + b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
            b"Expect: 100-continue\r\n\r\n"
        )
        self.assertLess(len(http.connection.turns.queue), 50)
        http.wire.read_all()
        data = http.wire.take()
        self.assertEqual(data.count(b" 503 Service Unavailable\r\n"), 400)
        self.assertEqual(data.count(b" 100 Continue\r\n"), 1)
        self.assertTrue(data.endswith(b" 100 Continue\r\n\r\n"))

    def test_websocket_after_many_refused_requests_in_one_piece(self):
        http = HTTPWire()
        http.full = True
        http.wire.slow = True
        successor = mock.Mock()
        http.sockets.take_over = lambda connection, head, rest: connection.hand_over(
            successor, rest
        )
        http.receive(
            GET * 100 + b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\n\r\nframes"
        )
        http.wire.read_all()
        successor.dataReceived.assert_called_once_with(b"frames")

    def test_upgrade_among_many_requests_in_one_piece(self):
        http = HTTPWire()
        offer = (
            b"GET /%d HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
            b"Upgrade: x\r\n\r\n"
        )
        http.receive(GET * 100 + offer % 1 + GET * 100 + offer % 2 + GET * 100)
        for n in range(302):
            path = {100: "/1", 201: "/2"}.get(n, "/")
            self.assertEqual(http.requests[n].content["path"], path)
            http.respond(HttpResponse(), n)
        self.assertEqual(len(http.requests), 302)

    def test_head(self):
        http = HTTPWire()
        http.receive(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        _, headers, body = parts_of(http.respond(HttpResponse("abc")))
        self.assertEqual((headers["content-length"], body), (["3"], b""))

    def test_channel_is_full(self):
        """Without room for the request: 503, and the client may try again."""
        http = HTTPWire()
        http.full = True
        http.receive(GET * 2000)
        data = http.wire.take()
        status, headers, _ = parts_of(data)
        self.assertEqual((status, headers["retry-after"]), (503, ["1"]))
        self.assertEqual(data.count(b"HTTP/1.1 503 "), 2000)
        self.assertEqual(http.wire.ended, "")
        http.full = False
        http.receive(GET)
        self.assertEqual(status_of(http.respond(HttpResponse())), 200)

    def test_channel_fails(self):
        http = HTTPWire()
        http.factory.send = mock.Mock(side_effect=OSError("no such backend"))
        with self.assertLogs("django.channels.server", "ERROR"):
            http.receive(GET)
        self.assertEqual(status_of(http.wire.take()), 500)

    def test_slow_reader(self):
        """A request is not started while the answer before it isn't read."""
        http = HTTPWire()
        http.receive(GET * 2)
        http.wire.slow = True
        http.respond(HttpResponse("a"))
        self.assertEqual(len(http.requests), 1)
        http.wire.read_all()
        self.assertEqual(len(http.requests), 2)

    def test_large_response(self):
        """A large response is given to the transport as the client takes it."""
        http = HTTPWire()
        http.receive(GET)
        http.wire.slow = True
        body = b"0123456789" * 100_000
        data = http.respond(HttpResponse(body))
        self.assertLess(len(data), 200_000)
        while http.connection.outlet.blocked:
            http.wire.read_all()
            http.wire.slow = True
            data += http.wire.take()
        self.assertEqual(parts_of(data)[2], body)

    def test_large_last_response(self):
        """The connection ends after all of the response, not before."""
        http = HTTPWire()
        http.receive(b"GET / HTTP/1.0\r\n\r\n")
        http.wire.slow = True
        http.respond(HttpResponse(b"0" * 300_000))
        self.assertEqual(http.wire.ended, "")
        http.wire.read_all()
        self.assertEqual(http.wire.ended, "half")


class DeadlineTests(SimpleTestCase):
    def test_no_response(self):
        """Without a response in time: 504; the late one is closed, not sent."""
        http = HTTPWire(timeout=5)
        http.receive(GET)
        http.advance(4)
        self.assertEqual(http.wire.take(), b"")
        http.advance(2)
        self.assertEqual(status_of(http.wire.take()), 504)
        self.assertEqual(http.wire.ended, "half")
        response = HttpResponse("late")
        with mock.patch.object(response, "close") as close:
            self.assertEqual(http.respond(response), b"")
        close.assert_called_once_with()

    def test_no_timeout(self):
        http = HTTPWire(timeout=None)
        http.receive(GET)
        http.advance(10_000)
        self.assertEqual(status_of(http.respond(HttpResponse())), 200)

    def test_streaming_has_begun(self):
        """The deadline is for the response's beginning."""
        http = HTTPWire(timeout=5)
        http.receive(GET)

        def pieces():
            yield "a"
            http.reactor.spin()
            http.advance(10)
            yield "b"

        data = http.respond(StreamingHttpResponse(pieces()))
        self.assertTrue(data.endswith(b"1\r\na\r\n1\r\nb\r\n0\r\n\r\n"))

    def test_idle(self):
        """An open connection without a request is closed, silently."""
        http = HTTPWire(idle_timeout=60)
        http.receive(GET)
        http.advance(100)
        http.respond(HttpResponse())
        http.advance(59)
        self.assertEqual(http.wire.ended, "")
        http.advance(1)
        self.assertEqual(http.wire.take(), b"")
        self.assertEqual(http.wire.ended, "orderly")

    def test_slow_head(self):
        """A head must come whole in its time, however steadily it drips."""
        http = HTTPWire(header_timeout=10)
        http.receive(b"GET / HTTP/1.1\r\n")
        for _ in range(9):
            http.advance(1)
            http.receive(b"X: y\r\n")
        self.assertEqual(http.wire.take(), b"")
        http.advance(1)
        self.assertEqual(status_of(http.wire.take()), 408)

    def test_slow_body(self):
        """A body may take long, but not pause for long."""
        http = HTTPWire(body_timeout=10)
        http.receive(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
        for _ in range(3):
            http.advance(9)
            http.receive(b"a")
        self.assertEqual(http.wire.take(), b"")
        http.advance(10)
        self.assertEqual(status_of(http.wire.take()), 408)

    def test_reader_stalls(self):
        """A client that stops reading is dropped."""
        http = HTTPWire(write_timeout=10)
        http.receive(GET)
        http.wire.slow = True
        http.respond(HttpResponse("a"))
        http.advance(9)
        self.assertEqual(http.wire.ended, "")
        http.advance(1)
        self.assertEqual(http.wire.ended, "abort")

    def test_refused_client_stays(self):
        """Who doesn't hang up after a refusal is hung up on."""
        http = HTTPWire(linger_time=2, write_timeout=5)
        http.receive(b"garbage\r\n\r\n")
        self.assertEqual(http.wire.ended, "half")
        http.advance(2)
        self.assertEqual(http.wire.ended, "orderly")
        http.advance(4)
        self.assertEqual(http.wire.ended, "orderly")
        http.advance(1)
        self.assertEqual(http.wire.ended, "abort")

    def test_client_that_sends_on(self):
        """Whose body was refused has no more time than others."""
        head = b"POST / HTTP/1.1\r\nHost: a\r\n"
        for timeout in (60, float("inf")):
            for rest, status in (
                (b"Content-Length: 11\r\n\r\nabc", 413),
                (b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
            ):
                with self.subTest(status=status, timeout=timeout):
                    http = HTTPWire(linger_time=2, body_timeout=timeout, body_size=10)
                    http.receive(head + rest)
                    self.assertEqual(status_of(http.wire.take()), status)
                    self.assertEqual(http.wire.ended, "half")
                    http.receive(b"more")
                    http.advance(2)
                    self.assertEqual(http.wire.ended, "orderly")

    def test_refused_client_of_tls(self):
        """There is no half of a connection to be ended there."""
        http = HTTPWire(linger_time=2, header_timeout=5)
        http.connection, http.wire = http.connect(secure=True)
        http.receive(b"GET")
        http.advance(5)
        self.assertEqual(status_of(http.wire.take()), 408)
        self.assertEqual((http.wire.ended, http.wire.transport.ended), ("orderly", ""))
        http.advance(2)
        self.assertEqual(http.wire.transport.ended, "orderly")

    def test_idle_client_of_tls(self):
        """It isn't waited for: it may not read, and so not end its side."""
        http = HTTPWire(idle_timeout=5)
        http.connection, http.wire = http.connect(secure=True)
        http.advance(5)
        self.assertEqual(http.wire.ended, "orderly")
        self.assertEqual(http.wire.transport.ended, "orderly")

    def test_last_response_by_tls(self):
        """The client has a moment to read it, then it isn't waited for."""
        http = HTTPWire(linger_time=2, write_timeout=5)
        http.connection, http.wire = http.connect(secure=True)
        http.receive(b"GET / HTTP/1.0\r\n\r\n")
        http.respond(HttpResponse())
        self.assertEqual((http.wire.ended, http.wire.transport.ended), ("orderly", ""))
        http.advance(2)
        self.assertEqual(http.wire.transport.ended, "orderly")
        # It has not even taken what was written.
        http.advance(5)
        self.assertEqual(http.wire.ended, "abort")


class ErrorLineTests(SimpleTestCase):
    def test_size(self):
        """What the server answers by itself has a size like any other."""
        for method, size in ((b"GET", 20), (b"HEAD", 0)):
            http = HTTPWire(
                access=AccessLog(logging.getLogger("django.server")), timeout=5
            )
            with self.assertLogs("django.server", "ERROR") as logs:
                http.receive(method + b" /a HTTP/1.1\r\nHost: a\r\n\r\n")
                http.advance(6)
            self.assertEqual(len(http.wire.take().partition(b"\r\n\r\n")[2]), size)
            line = f'"{method.decode()} /a HTTP/1.1" 504 {size}'
            self.assertEqual(logs.records[-1].getMessage(), line)


class RefusedLineTests(SimpleTestCase):
    """What is logged of a request that is refused: never a header or a body."""

    def line(self, *pieces, seconds=0):
        http = HTTPWire(access=AccessLog(logging.getLogger("django.server")))
        with self.assertLogs("django.server", "WARNING") as logs:
            for piece in pieces:
                http.receive(piece)
                for number in range(len(http.requests)):
                    http.respond(HttpResponse(), number)
                http.requests.clear()
            http.advance(seconds)
        return logs.records[-1].getMessage()

    def test_body_is_late(self):
        head = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n"
        line = self.line(head, b"GET secret", seconds=100)
        self.assertEqual(line, '"POST /a HTTP/1.1" 408 -')

    def test_header_in_pieces(self):
        line = self.line(b"GET /a HTTP/1.1\r\n", b"COOKIE secret\x00\r\n")
        self.assertEqual(line, '"GET /a HTTP/1.1" 400 -')

    def test_line_in_pieces(self):
        line = self.line(b"GET /", b"a HTTP/1.1\r\nA b: secret\r\n")
        self.assertEqual(line, '"GET /" 400 -')

    def test_sent_ahead_in_pieces(self):
        line = self.line(GET + b"GET /b HTTP/1.1\r\n", b"A b: secret\r\n\r\n")
        self.assertEqual(line, '"GET /b" 400 -')

    def test_body_is_too_long(self):
        head = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"
        self.assertEqual(self.line(head + b"x", b"secret"), '"" 400 -')


class ShutDownTests(SimpleTestCase):
    def test_idle(self):
        http = HTTPWire(linger_time=2)
        http.receive(GET)
        http.respond(HttpResponse())
        http.advance(2)
        http.connection.shut_down()
        self.assertEqual(http.wire.ended, "orderly")

    def test_idle_by_tls(self):
        http = HTTPWire(linger_time=2)
        connection, wire = http.connect(secure=True)
        http.advance(2)
        connection.shut_down()
        self.assertEqual((wire.ended, wire.transport.ended), ("orderly", "orderly"))

    def test_just_answered(self):
        """What the client sends next takes nothing of the answer from it."""
        for idle_timeout in (60, inf):
            with self.subTest(idle_timeout):
                http = HTTPWire(linger_time=2, idle_timeout=idle_timeout)
                http.receive(GET)
                http.respond(HttpResponse())
                http.advance(1)
                http.connection.shut_down()
                self.assertEqual(http.wire.ended, "half")
                http.receive(GET)
                self.assertEqual((http.wire.take(), len(http.requests)), (b"", 1))
                http.advance(2)
                self.assertEqual(http.wire.ended, "orderly")

    def test_just_answered_and_sent(self):
        """Where the client's system has the answer, there is nothing to wait for."""
        ours, theirs = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(theirs.close)
        for unread, ended in ((b"", "orderly"), (b"a", "half")):
            with self.subTest(unread=unread):
                ours.send(unread)
                http = HTTPWire(linger_time=2)
                http.wire.fileno = ours.fileno
                http.receive(GET)
                http.respond(HttpResponse())
                http.connection.shut_down()
                self.assertEqual(http.wire.ended, ended)

    def test_cut_off(self):
        """Whoever has its answer loses nothing of it when the time is over."""
        http = HTTPWire()
        http.receive(GET)
        http.connection.cut_off()
        self.assertEqual(http.wire.ended, "abort")
        http = HTTPWire()
        http.receive(b"GET / HTTP/1.0\r\n\r\n")
        http.respond(HttpResponse())
        self.assertEqual(http.wire.ended, "half")
        http.connection.cut_off()
        self.assertEqual(http.wire.ended, "orderly")

    def test_busy(self):
        """The request at hand is answered; those behind it are not."""
        http = HTTPWire()
        http.receive(GET * 2)
        http.connection.shut_down()
        data = http.respond(HttpResponse("last"))
        self.assertEqual(parts_of(data)[1]["connection"], ["close"])
        self.assertTrue(data.endswith(b"last"))
        self.assertEqual(http.wire.ended, "half")
        self.assertEqual(len(http.requests), 1)

    def test_slow_reader(self):
        """An answer that the client is still reading is written to its end."""
        http = HTTPWire()
        http.receive(GET)
        http.wire.producer.pauseProducing()
        self.assertEqual(http.respond(HttpResponse(b"x" * 1000)), b"")
        http.factory.stopping = True
        http.connection.shut_down()
        self.assertEqual(http.wire.ended, "")
        http.wire.producer.resumeProducing()
        self.assertTrue(http.wire.take().endswith(b"x" * 1000))
        self.assertEqual(http.wire.ended, "half")

    def test_half_a_request(self):
        """A request that was on its way in is answered, as the last."""
        http = HTTPWire()
        http.receive(GET[:10])
        http.factory.stopping = True
        http.connection.shut_down()
        http.receive(GET[10:])
        _, headers, _ = parts_of(http.respond(HttpResponse()))
        # So that the client sends its next one elsewhere (RFC 9112 section 9.6).
        self.assertEqual(headers["connection"], ["close"])
        self.assertEqual(http.wire.ended, "half")

    def test_half_a_request_without_room(self):
        """What answers for the workers says so, too."""
        http = HTTPWire()
        http.full = True
        http.receive(GET[:10])
        http.factory.stopping = True
        http.connection.shut_down()
        http.receive(GET[10:])
        status, headers, _ = parts_of(http.wire.take())
        self.assertEqual((status, headers["connection"]), (503, ["close"]))
        self.assertEqual(http.wire.ended, "half")

    def test_waiting_for_a_slow_reader(self):
        """Of the requests behind an answer that isn't read yet, one is served."""
        http = HTTPWire()
        http.receive(GET * 3)
        http.wire.slow = True
        http.respond(HttpResponse("first"))
        http.factory.stopping = True
        http.connection.shut_down()
        http.wire.read_all()
        _, headers, body = parts_of(http.respond(HttpResponse("last")))
        self.assertEqual((headers["connection"], body), (["close"], b"last"))
        self.assertEqual(len(http.requests), 2)
        self.assertEqual(http.wire.ended, "half")


class ResponseTests(SimpleTestCase):
    """What becomes of responses that are streamed, or fail."""

    def setUp(self):
        self.http = HTTPWire()

    def test_file(self):
        file = tempfile.TemporaryFile()
        file.write(b"0123456789" * 1000)
        file.seek(0)
        self.http.receive(GET)
        response = FileResponse(file, filename="a.txt")
        _, headers, body = parts_of(self.http.respond(response))
        self.assertEqual(headers["content-length"], ["10000"])
        self.assertEqual(body, b"0123456789" * 1000)
        self.assertIs(file.closed, True)

    def test_http_1_0_stream(self):
        self.http.receive(b"GET / HTTP/1.0\r\n\r\n")
        data = self.http.respond(StreamingHttpResponse(["a", "", "b"]))
        self.assertEqual(parts_of(data)[2], b"ab")
        self.assertEqual(self.http.wire.ended, "half")

    def test_head_of_a_stream(self):
        """The answer to HEAD has no body, and its iterator is not run."""
        self.http.receive(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        pieces = mock.MagicMock()
        response = StreamingHttpResponse(pieces)
        pieces.__iter__.return_value.__next__.reset_mock()
        _, _, body = parts_of(self.http.respond(response))
        self.assertEqual(body, b"")
        pieces.__iter__.return_value.__next__.assert_not_called()

    def test_too_long(self):
        """What exceeds the stated length is cut, and said."""
        self.http.receive(GET)
        response = StreamingHttpResponse(
            ["ab", "cd", "ef"], headers={"Content-Length": "3"}
        )
        with self.assertLogs("django.server", "WARNING"):
            data = self.http.respond(response)
        self.assertEqual(parts_of(data)[2], b"abc")
        self.http.receive(GET)
        self.assertEqual(len(self.http.requests), 2)

    def test_too_short(self):
        """A client that got less than it was told sees the connection end."""
        self.http.receive(GET)
        response = StreamingHttpResponse(["ab"], headers={"Content-Length": "3"})
        with self.assertLogs("django.server", "ERROR"):
            self.http.respond(response)
        self.assertEqual(self.http.wire.ended, "half")

    def test_iterator_fails(self):
        """The client can tell that the response isn't whole."""

        def pieces():
            yield "a"
            raise ValueError("secret")

        self.http.receive(GET)
        response = StreamingHttpResponse(pieces())
        with self.assertLogs("django.server", "ERROR"):
            data = self.http.respond(response)
        self.assertTrue(data.endswith(b"\r\n\r\n1\r\na\r\n"))
        self.assertEqual(self.http.wire.ended, "half")
        self.assertIs(response.closed, True)

    def test_iterator_fails_before_another_request(self):
        """The answer to the next request isn't taken for the rest of this one."""

        def pieces():
            yield "a"
            raise ValueError("secret")

        self.http.receive(GET * 2)
        response = StreamingHttpResponse(pieces(), headers={"Content-Length": "999"})
        with self.assertLogs("django.server", "ERROR"):
            data = self.http.respond(response)
        self.assertTrue(data.endswith(b"\r\n\r\na"))
        self.assertEqual(len(self.http.requests), 1)
        self.assertEqual(self.http.wire.ended, "half")

    def test_iterator_fails_http_1_0(self):
        """Where the end of the connection is the end of the body: abort it."""

        def pieces():
            yield "a"
            raise ValueError("secret")

        self.http.receive(b"GET / HTTP/1.0\r\n\r\n")
        with self.assertLogs("django.server", "ERROR"):
            self.http.respond(StreamingHttpResponse(pieces()))
        self.assertEqual(self.http.wire.ended, "abort")

    def test_head_fails(self):
        """A response that can't be made into bytes becomes a 500."""
        self.http.receive(GET)
        response = HttpResponse()
        response.status_code = "odd"
        with self.assertLogs("django.server", "ERROR"):
            data = self.http.respond(response)
        self.assertEqual(status_of(data), 500)
        self.assertIs(response.closed, True)

    def test_client_leaves(self):
        """A response that nobody reads is iterated no further, and closed."""
        seen = []

        def pieces():
            for i in range(100):
                seen.append(i)
                if i == 2:
                    self.http.lose()
                yield "a"

        self.http.receive(GET)
        left = []
        self.http.requests[0].on_disconnect(lambda: left.append(True))
        response = StreamingHttpResponse(pieces())
        with self.assertLogs("django.server", "INFO") as logs:
            self.http.respond(response)
        self.assertIn("Broken pipe from", logs.output[0])
        self.assertEqual(seen, [0, 1, 2])
        self.assertEqual(left, [True])
        self.assertIs(response.closed, True)

    def test_client_leaves_during_head(self):
        """A stream that begins as the client leaves waits for nobody."""

        class Leaving(StreamingHttpResponse):
            def items(response):
                self.http.lose()
                return super().items()

        self.http.receive(GET)
        pieces = iter([b"a", b"b"])
        response = Leaving(pieces)
        with self.assertLogs("django.server", "INFO"):
            self.http.respond(response)
        self.assertEqual(list(pieces), [b"b"])
        self.assertIs(response.closed, True)

    def test_client_left_before(self):
        self.http.receive(GET)
        (exchange,) = self.http.requests
        self.http.lose()
        self.assertIs(exchange.gone, True)
        left = []
        exchange.on_disconnect(lambda: left.append(True))
        self.assertEqual(left, [True])
        response = StreamingHttpResponse(iter([]))
        exchange.respond(response)
        self.assertIs(response.closed, True)

    def test_no_disconnect_after_response(self):
        self.http.receive(GET)
        left = []
        self.http.requests[0].on_disconnect(lambda: left.append(True))
        self.http.respond(HttpResponse())
        self.http.lose()
        self.assertEqual(left, [])

    def test_failing_callback(self):
        self.http.receive(GET)
        left = []
        self.http.requests[0].on_disconnect(lambda: left.append(True))
        self.http.requests[0].on_disconnect(lambda: 1 / 0)
        with self.assertLogs("django.server", "ERROR"):
            self.http.lose()
        self.assertEqual(left, [True])

    def test_back_pressure(self):
        """A stream is made no faster than the client reads it."""
        self.http.receive(GET)
        self.http.wire.slow = True
        made = []

        def pieces():
            for i in range(100):
                made.append(i)
                yield b"0" * 64 * 1024

        response = StreamingHttpResponse(pieces())
        maker = threading.Thread(target=self.http.requests[0].respond, args=[response])
        maker.start()
        flow = None
        while flow is None or flow._wake is None:
            # Until the maker waits.
            self.http.reactor.spin()
            flow = self.http.requests[0].flow
        self.assertLess(len(made), 10)
        self.http.wire.read_all()
        while maker.is_alive():
            self.http.reactor.spin()
        self.http.reactor.spin()
        self.assertEqual(len(made), 100)
        self.assertTrue(self.http.wire.value().endswith(b"0\r\n\r\n"))


class OneProtocolTests(SimpleTestCase):
    def websocket_only(self):
        http = HTTPWire()
        http.factory.send = None
        http.connection, http.wire = http.connect()
        return http

    def assertToldToUpgrade(self, http):
        status, headers, body = parts_of(http.wire.take())
        self.assertEqual((status, headers["upgrade"]), (426, ["websocket"]))
        # Who names a protocol says that it's for this connection.
        self.assertEqual(headers["connection"], ["upgrade", "close"])
        self.assertEqual(http.wire.ended, "half")
        return body

    def test_websocket_only(self):
        """A request that doesn't ask for a WebSocket is told to."""
        http = self.websocket_only()
        http.receive(GET)
        self.assertEqual(self.assertToldToUpgrade(http), b"426 Upgrade Required\n")

    def test_websocket_only_and_head(self):
        http = self.websocket_only()
        http.receive(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(self.assertToldToUpgrade(http), b"")

    def test_websocket_only_and_another_offer(self):
        http = self.websocket_only()
        http.receive(
            b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n"
        )
        self.assertToldToUpgrade(http)

    def test_websocket_only_and_a_body(self):
        """It isn't asked for, nor waited for, nor kept (RFC 9110 section 10.1.1)."""
        for framing in (
            b"Content-Length: 9\r\n",
            b"Content-Length: 9\r\nExpect: 100-continue\r\n",
            b"Transfer-Encoding: chunked\r\n",
        ):
            with self.subTest(framing):
                http = self.websocket_only()
                http.receive(b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n")
                self.assertToldToUpgrade(http)
                http.receive(b"1\r\na\r\n")
                self.assertEqual(http.wire.take(), b"")
                self.assertIsNone(http.connection.parser._body)

    def test_handshake_after_the_end(self):
        """A handshake that comes after the last request isn't heard."""
        http = self.websocket_only()
        http.receive(
            GET + b"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
            b"Connection: upgrade\r\n\r\n"
        )
        self.assertEqual(status_of(http.wire.take()), 426)
        self.assertEqual(http.sockets.taken, [])
        self.assertEqual(http.wire.ended, "half")

    def test_http_only(self):
        """A handshake is a request as any other."""
        http = HTTPWire()
        http.factory.sockets = None
        http.receive(
            b"GET /a HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
            b"Connection: upgrade\r\n\r\n"
        )
        self.assertEqual(http.requests[0].content["path"], "/a")
        self.assertEqual(status_of(http.respond(HttpResponse())), 200)
