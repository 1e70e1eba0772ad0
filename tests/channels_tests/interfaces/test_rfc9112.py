"""What the server takes for a request, and how it refuses the rest: raw bytes."""

from django.http import BadHeaderError, HttpResponse, StreamingHttpResponse
from django.test import SimpleTestCase

from .wires import HTTPWire, parts_of, status_of

LINE = b"POST / HTTP/1.1\r\n"
START = LINE + b"Host: a\r\n"
CHUNKED = START + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class TableTestCase(SimpleTestCase):
    def assertStatus(self, status, data):
        """It's refused with the status, in one piece and byte by byte."""
        for size in (1, len(data)):
            with self.subTest(data=data[:200], size=size):
                http = HTTPWire()
                for i in range(0, len(data), size):
                    http.receive(data[i : i + size])
                # Were it taken for the start of a request.
                http.receive(b"\r\n\r\n" + GET)
                answer = http.wire.take()
                self.assertEqual(status_of(answer), status)
                self.assertEqual(answer.count(b"HTTP/1.1 "), 1)
                self.assertEqual(parts_of(answer)[1]["connection"], ["close"])
                self.assertEqual(http.requests, [])

    def served(self, data):
        """Return the content of the one request that the data are."""
        contents = []
        for size in (1, len(data)):
            http = HTTPWire()
            for i in range(0, len(data), size):
                http.receive(data[i : i + size])
            with self.subTest(data=data[:200], size=size):
                self.assertEqual(http.wire.take(), b"")
                (exchange,) = http.requests
            http.respond(HttpResponse())
            self.assertEqual(len(http.requests), 1)
            contents.append(exchange.content)
        self.assertEqual(*contents)
        return contents[0]


class LengthTests(TableTestCase):
    """RFC 9112 section 6."""

    def test_refused(self):
        for status, headers in (
            (400, b"Content-Length: 3\r\nContent-Length: 3\r\n"),
            (400, b"Content-Length: 3\r\nContent-Length: 4\r\n"),
            (400, b"Content-Length: 3, 3\r\n"),
            (400, b"Content-Length: 3,4\r\n"),
            (400, b"Content-Length: +5\r\n"),
            (400, b"Content-Length: -5\r\n"),
            (400, b"Content-Length: 0x5\r\n"),
            (400, b"Content-Length: a\r\n"),
            (400, b"Content-Length: 5.0\r\n"),
            (400, b"Content-Length: 5 5\r\n"),
            (400, b"Content-Length: 5;\r\n"),
            (400, b"Content-Length: \xb2\r\n"),
            (400, b"Content-Length:\r\n"),
            (400, b"Content-Length: 18446744073709551617\r\n"),
            (400, b"Content-Length: " + b"9" * 400 + b"\r\n"),
            (400, b"Content-Length: " + b"0" * 5000 + b"1\r\n"),
            (413, b"Content-Length: 9999999999999\r\n"),
            (400, b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"),
            (400, b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"),
            (400, b"Content-Length: 3\r\nTransfer-Encoding: gzip\r\n"),
            (400, b"Transfer-Encoding: chunked, chunked\r\n"),
            (
                400,
                b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            ),
            (400, b"Transfer-Encoding: chunked, gzip\r\n"),
            (400, b"Transfer-Encoding: chunked, identity\r\n"),
            (501, b"Transfer-Encoding: gzip, chunked\r\n"),
            (501, b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
            (501, b"Transfer-Encoding: gzip\r\n"),
            (501, b"Transfer-Encoding: identity\r\n"),
            (501, b"Transfer-Encoding: xchunked\r\n"),
            (501, b"Transfer-Encoding: chunked;q=1\r\n"),
            (501, b'Transfer-Encoding: "chunked"\r\n'),
            (400, b"Transfer-Encoding:\r\n"),
            (400, b"Transfer-Encoding: \x0bchunked\r\n"),
            (400, b"Transfer-Encoding : chunked\r\n"),
            (400, b"Transfer-Encoding\r\n : chunked\r\n"),
        ):
            self.assertStatus(status, START + headers + b"\r\n0\r\n\r\n")
        self.assertStatus(
            400, b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        )

    def test_served(self):
        for data, body in (
            (START + b"\r\n", b""),
            (START + b"Content-Length: 0\r\n\r\n", b""),
            (START + b"Content-Length: 005 \r\n\r\nabcde", b"abcde"),
            (START + b"Transfer-Encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n", b"a"),
            (b"POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\na", b"a"),
        ):
            self.assertEqual(self.served(data)["body"], body)

    def test_underscore(self):
        """A header that would look like Content-Length is none."""
        content = self.served(START + b"Content_Length: 3\r\n\r\n")
        self.assertEqual((content["body"], content["headers"]), (b"", [["host", "a"]]))

    def test_next_request(self):
        """Where a body ends for sure, the next request begins."""
        for body in (b"Content-Length: 1\r\n\r\na", b"Content-Length: 0\r\n\r\n"):
            http = HTTPWire()
            http.receive(START + body + GET)
            http.respond(HttpResponse())
            self.assertEqual(http.requests[1].content["method"], "GET")

    def test_bytes_after_the_body(self):
        """What isn't a request ends the connection, after the answer."""
        http = HTTPWire()
        http.receive(START + b"Content-Length: 1\r\n\r\nabc" + GET)
        http.respond(HttpResponse())
        self.assertEqual(len(http.requests), 1)
        self.assertEqual(http.wire.ended, "half")

    def test_bytes_after_close(self):
        http = HTTPWire()
        http.receive(START + b"Connection: close\r\n\r\n" + GET)
        http.respond(HttpResponse())
        self.assertEqual(len(http.requests), 1)


class ChunkTests(TableTestCase):
    """RFC 9112 section 7.1."""

    def test_refused(self):
        for chunks in (
            b"\r\n",
            b"g\r\n",
            b"-1\r\na\r\n",
            b"+1\r\na\r\n",
            b"0x1\r\na\r\n",
            b" 1\r\na\r\n",
            b"1 \r\na\r\n",
            b"1\t;x\r\na\r\n",
            b"fffffffffffffffff\r\n",
            b"10000000000000000\r\n",
            b"1\na\r\n",
            b"1\ra\r\n",
            b"1\r\na\n0\r\n\r\n",
            b"1\r\nab\r\n0\r\n\r\n",
            b"1\r\na0\r\n\r\n",
            b"0\n\n",
            b"1;\r\na\r\n",
            b"1;x=\0\r\na\r\n",
            b"1;x\ny\r\na\r\n",
            b"1;x\ry\r\na\r\n",
            b'1;x="a\r\nb"\r\na\r\n',
            b"0\r\nX : y\r\n\r\n",
            b"0\r\nX: \0\r\n\r\n",
            b"0\r\n folded\r\n\r\n",
            # Trailers that would frame a request (RFC 9110 section 6.5.1).
            b"0\r\nContent-Length: 5\r\n\r\n",
            b"0\r\nTransfer-Encoding: chunked\r\n\r\n",
        ):
            self.assertStatus(400, CHUNKED + chunks)

    def test_served(self):
        for chunks, body in (
            (b"0\r\n\r\n", b""),
            (b"0001\r\na\r\n0\r\n\r\n", b"a"),
            (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
            (b"1;x\r\na\r\n0;y=z\r\n\r\n", b"a"),
            (b'1;x="a;b"\r\na\r\n0\r\n\r\n', b"a"),
            (b'1;x="a\\"b"\r\na\r\n0\r\n\r\n', b"a"),
        ):
            self.assertEqual(self.served(CHUNKED + chunks)["body"], body)

    def test_trailers(self):
        """They are dropped: a request has the headers that came first."""
        content = self.served(
            CHUNKED + b"0\r\nX: y\r\nHost: b\r\nAuthorization: z\r\n\r\n"
        )
        self.assertEqual(
            content["headers"], [["host", "a"], ["transfer-encoding", "chunked"]]
        )

    def test_overhead(self):
        """Neither extensions nor trailers go on for ever."""
        for piece in (
            b";" + b"x" * 999,
            b"1;" + b"x" * 995 + b"\r\na\r\n",
            b"X: y\r\n",
        ):
            http = HTTPWire()
            start = {b";": b"1", b"1": b"", b"X": b"0\r\n"}[piece[:1]]
            http.receive(CHUNKED + start)
            for _ in range(20_000):
                http.receive(piece)
                if http.wire.ended:
                    break
            with self.subTest(piece=piece[:5]):
                self.assertEqual(status_of(http.wire.take()), 400)

    def test_overhead_in_a_row(self):
        """However large the body is, its trailers are no larger than a head."""
        http = HTTPWire(header_size=1000)
        http.receive(CHUNKED + b"2710\r\n")
        http.receive(b"a" * 10_000)
        http.receive(b"\r\n0\r\nX: ")
        for _ in range(9):
            http.receive(b"y" * 100)
        self.assertEqual(http.wire.ended, "")
        http.receive(b"y" * 100)
        self.assertEqual(status_of(http.wire.take()), 400)

    def test_overhead_of_each(self):
        """The end of one body doesn't count for the one after it."""
        http = HTTPWire(header_size=200)
        http.receive(CHUNKED + b"12c\r\n")
        http.receive(b"a" * 300 + b"\r\n0\r\n\r\n" + CHUNKED + b"1")
        http.receive(b"\r\nb\r\n0\r\n\r\n")
        for body in (b"a" * 300, b"b"):
            self.assertEqual(http.requests[-1].content["body"], body)
            http.respond(HttpResponse())

    def test_tiny_chunks(self):
        """A body that comes in chunks of one byte is none of that."""
        http = HTTPWire()
        http.receive(CHUNKED)
        for _ in range(2000):
            http.receive(b"1\r\na\r\n" * 10)
        http.receive(b"0\r\n\r\n")
        self.assertEqual(http.requests[0].content["body"], b"a" * 20_000)


class LineTests(TableTestCase):
    """RFC 9112 sections 2.2, 3 and 5."""

    def test_refused(self):
        for status, data in (
            # Ends of lines.
            (400, b"GET / HTTP/1.1\nHost: a\n\n"),
            (400, b"GET / HTTP/1.1\nHost: a\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
            (400, b"GET / HTTP/1.1\rHost: a\r\r"),
            (400, b"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n"),
            # Folded lines, and blanks.
            (400, b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\tb\r\n\r\n"),
            (400, b" GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
            (400, b"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"),
            (400, b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
            # Names of headers.
            (400, b"GET / HTTP/1.1\r\nHost: a\r\nA B: c\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nHost: a\r\n: c\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nHost: a\r\nA\0: c\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nHost: a\r\nA\xe9: c\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nHost: a\r\nA(: c\r\n\r\n"),
            (400, b"GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n"),
            # Versions and methods.
            (400, b"GET / http/1.1\r\nHost: a\r\n\r\n"),
            (400, b"GET / HTTP/01.1\r\nHost: a\r\n\r\n"),
            (400, b"GET / HTTP/1.10\r\nHost: a\r\n\r\n"),
            (505, b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"),
            (505, b"GET /\r\nHost: a\r\n\r\n"),
            (400, b"get / HTTP/1.1\r\nHost: a\r\n\r\n"),
            (400, b"G\0T / HTTP/1.1\r\nHost: a\r\n\r\n"),
            (501, b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"),
            (501, b"SOURCE / ICE/1.0\r\nHost: a\r\n\r\n"),
            (501, b"DESCRIBE / RTSP/1.0\r\nHost: a\r\n\r\n"),
            (501, b"DESCRIBE / HTTP/1.1\r\nHost: a\r\n\r\n"),
            (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            # Expectations (RFC 9110 section 10.1.1).
            (417, b"GET / HTTP/1.1\r\nHost: a\r\nExpect: other\r\n\r\n"),
            (417, b"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, x\r\n\r\n"),
        ):
            self.assertStatus(status, data)

    def test_unknown_method(self):
        http = HTTPWire()
        http.receive(b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(status_of(http.wire.take()), 501)

    def test_known_methods(self):
        for method in ("HEAD", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "QUERY"):
            content = self.served(f"{method} / HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            self.assertEqual(content["method"], method)

    def test_bytes_in_values(self):
        """Control bytes other than a tab are refused; the others are values."""
        for byte in range(256):
            data = b"GET / HTTP/1.1\r\nHost: a\r\nX: a%cb\r\n\r\n" % byte
            if byte in (10, 13) or (byte < 32 and byte != 9) or byte == 127:
                self.assertStatus(400, data)
            else:
                value = self.served(data)["headers"][1][1]
                self.assertEqual(value, f"a{chr(byte)}b")

    def test_bytes_in_targets(self):
        for byte in (*range(33), ord("#"), 127):
            for target in (b"/a%cb" % byte, b"/?a%cb" % byte):
                self.assertStatus(400, b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)

    def test_empty_lines_before(self):
        """They're passed over, however they end (section 2.2)."""
        for lines in (b"\r\n\r\n", b"\n", b"\r", b"\r\r\n\n"):
            self.assertEqual(self.served(lines + GET)["path"], "/")

    def test_expectation_of_http_1_0(self):
        self.served(b"GET / HTTP/1.0\r\nExpect: other\r\n\r\n")


class HostTests(TableTestCase):
    """RFC 9112 section 3.2."""

    def test_refused(self):
        for headers in (
            b"",
            b"Host:\r\n",
            b"Host: a\r\nHost: a\r\n",
            b"Host: a\r\nhost: b\r\n",
            b"Host: a b\r\n",
            b"Host: a, b\r\n",
            b"Host: a,b\r\n",
            b"Host: a/b\r\n",
            b"Host: a?b\r\n",
            b"Host: u@a\r\n",
            b"Host: a:x\r\n",
            b"Host: a:1:2\r\n",
            b"Host: [::1\r\n",
            b"Host: [a]\r\n".replace(b"a", b"g"),
            b"Host: \xe9\r\n",
            b"Host: http://a\r\n",
        ):
            self.assertStatus(400, b"GET / HTTP/1.1\r\n" + headers + b"\r\n")
        self.assertStatus(400, b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n")
        self.assertStatus(400, b"GET / HTTP/1.0\r\nHost: a b\r\n\r\n")

    def test_served(self):
        for host in (b"a", b"a:80", b"a:", b"127.0.0.1:1", b"[::1]:80", b"a_b.c-d"):
            self.served(b"GET / HTTP/1.1\r\nHost: %b\r\n\r\n" % host)
        self.served(b"GET / HTTP/1.0\r\n\r\n")


class TargetTests(TableTestCase):
    """RFC 9112 sections 3.2.1 to 3.2.4."""

    def test_refused(self):
        for line in (
            b"GET b",
            b"GET a:80",
            b"GET *",
            b"GET *x",
            b"OPTIONS *x",
            b"GET ftp://a/b",
            b"GET http:/b",
            b"GET http:///b",
            b"GET http://u@a/b",
            b"GET http://a:x/b",
            b"GET http://a/b#c",
        ):
            self.assertStatus(400, line + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        # Also then the header must be there.
        self.assertStatus(400, b"GET http://a/ HTTP/1.1\r\n\r\n")

    def test_unencoded(self):
        """Bytes that should be encoded are understood in one piece alone."""
        data = b"GET /caf\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"
        http = HTTPWire()
        http.receive(data)
        self.assertEqual(http.requests[0].content["path"], "/café")
        for at in range(len(b"GET /c"), len(b"GET /caf  HTTP")):
            with self.subTest(at=at):
                http = HTTPWire()
                http.receive(data[:at])
                http.receive(data[at:])
                self.assertEqual(status_of(http.wire.take()), 400)
                self.assertEqual(http.requests, [])

    def test_absolute_form(self):
        """The target's host takes the place of the header's."""
        for target, path, query in (
            (b"http://b:81/c?d", "/c", "d"),
            (b"HTTP://b:81", "/", ""),
            (b"https://b:81?d", "/", "d"),
        ):
            content = self.served(
                b"GET %b HTTP/1.1\r\nX: y\r\nHost: a\r\n\r\n" % target
            )
            self.assertEqual((content["path"], content["query_string"]), (path, query))
            self.assertEqual(content["headers"], [["host", "b:81"], ["x", "y"]])

    def test_asterisk_form(self):
        self.assertEqual(
            self.served(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")["path"], "*"
        )

    def test_two_slashes(self):
        self.assertEqual(
            self.served(b"GET //b/c HTTP/1.1\r\nHost: a\r\n\r\n")["path"], "//b/c"
        )


class ResponseTests(SimpleTestCase):
    """RFC 9112 section 6.3, and RFC 9110 section 5.5."""

    def test_no_body(self):
        for method, status in ((b"HEAD", 200), (b"GET", 204), (b"GET", 304)):
            with self.subTest(method=method, status=status):
                http = HTTPWire()
                http.receive(method + GET[3:] + GET)
                data = http.respond(HttpResponse("abc", status=status), 0)
                answered, _, body = parts_of(data)
                self.assertEqual((answered, body), (status, b""))

    def test_interim_status(self):
        """A client would wait on, and take the next response for this one."""
        for status in (100, 101, 199):
            for response in (HttpResponse(status=status), StreamingHttpResponse()):
                with self.subTest(status=status, streaming=response.streaming):
                    response.status_code = status
                    http = HTTPWire()
                    http.receive(GET)
                    with self.assertLogs("django.server", "ERROR"):
                        data = http.respond(response)
                    self.assertEqual(status_of(data), 500)
                    self.assertEqual(http.wire.ended, "half")

    def test_line_break(self):
        """No header can end before its line does."""
        with self.assertRaises(BadHeaderError):
            HttpResponse(headers={"X": "a\r\nSet-Cookie: b"})
        for name, value in (("X", "a\r\nb: c"), ("X", "a\nb"), ("X\rY", "a")):
            with self.subTest(name=name, value=value):
                http = HTTPWire()
                http.receive(GET)
                response = HttpResponse()
                response.headers._store["x"] = (name, value)
                with self.assertLogs("django.server", "ERROR"):
                    status, headers, _ = parts_of(http.respond(response))
                self.assertEqual(status, 500)
                self.assertNotIn("b", headers)
