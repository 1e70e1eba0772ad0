from django.channels.interfaces.request import (
    Refused,
    RequestHead,
    decode_path,
    split_target,
)
from django.test import SimpleTestCase


def request(*headers, method="GET", target="/", http_version="1.1", host=b"a"):
    headers = [(b"Host", host), *headers]
    return RequestHead(method, target, http_version, headers)


class RequestHeadTests(SimpleTestCase):
    def assertRefused(self, status, *headers, **kwargs):
        with self.assertRaises(Refused) as caught:
            request(*headers, **kwargs)
        self.assertEqual(caught.exception.status, status)

    def test_headers(self):
        """Names are in lower case, values as sent."""
        head = request((b"X-One", b"A\xe9"), (b"x-one", b"b"))
        self.assertEqual(head.headers, [["host", "a"], ["x-one", "Aé"], ["x-one", "b"]])
        self.assertEqual(head.get("x-one"), "Aé, b")
        self.assertEqual(head.get("x-two", "none"), "none")

    def test_blanks(self):
        """Those around a value are no part of it (RFC 9112 section 5.1)."""
        head = request((b"X-One", b" A b\t "), (b"X-Two", b" "), host=b"a \t")
        self.assertEqual(head.headers, [["host", "a"], ["x-one", "A b"], ["x-two", ""]])
        for other in (b"\xa0", b"\x85"):
            with self.subTest(other=other):
                self.assertRefused(400, host=b"a" + other)
                self.assertRefused(400, (b"Content-Length", b"1" + other))
                self.assertRefused(501, (b"Transfer-Encoding", b"chunked" + other))

    def test_underscores(self):
        """A header that could be mistaken for another is dropped."""
        head = request((b"X_Forwarded_For", b"1"))
        self.assertEqual(head.headers, [["host", "a"]])

    def test_host(self):
        """HTTP/1.1 needs one Host; HTTP/1.0 none (RFC 9112 section 3.2)."""
        self.assertRefused(400, (b"host", b"b"))
        with self.assertRaises(Refused) as caught:
            RequestHead("GET", "/", "1.1", [])
        self.assertEqual(caught.exception.status, 400)
        RequestHead("GET", "/", "1.0", [])

    def test_version(self):
        for version in ("0.9", "2.0"):
            with self.subTest(version=version):
                self.assertRefused(505, http_version=version)

    def test_smuggling(self):
        """What two servers could read as different requests is refused."""
        length = b"Content-Length"
        coding = b"Transfer-Encoding"
        self.assertRefused(400, (length, b"3"), (coding, b"chunked"))
        self.assertRefused(400, (length, b"3"), (length, b"3"))
        for value in (b"+3", b"3, 3", b"-1", b"0x3", b"", b"\xb2"):
            with self.subTest(length=value):
                self.assertRefused(400, (length, value))
        self.assertRefused(400, (coding, b"chunked"), http_version="1.0")

    def test_transfer_encodings(self):
        self.assertIs(request((b"Transfer-Encoding", b"Chunked")).chunked, True)
        for value in (b"gzip, chunked", b"gzip", b"chunked, chunked"):
            with self.subTest(coding=value):
                self.assertRefused(501, (b"Transfer-Encoding", value))

    def test_expect(self):
        self.assertIs(request((b"Expect", b"100-Continue")).expects, True)
        self.assertRefused(417, (b"Expect", b"magic"))
        # HTTP/1.0 doesn't know it (RFC 9110 section 10.1.1).
        head = request((b"Expect", b"100-continue"), http_version="1.0")
        self.assertIs(head.expects, False)

    def test_wants_websocket(self):
        upgrade = (b"Upgrade", b"WebSocket")
        connection = (b"Connection", b"keep-alive, Upgrade")
        self.assertIs(request(upgrade, connection).wants_websocket, True)
        self.assertIs(request(upgrade).wants_websocket, False)
        self.assertIs(request(connection).wants_websocket, False)
        post = request(upgrade, connection, method="POST")
        self.assertIs(post.wants_websocket, False)
        old = request(upgrade, connection, http_version="1.0")
        self.assertIs(old.wants_websocket, False)
        body = request(upgrade, connection, (b"Content-Length", b"1"))
        self.assertIs(body.wants_websocket, False)

    def test_content(self):
        head = request(
            method="PUT", target="/caf%C3%A9/a%2Fb?x=%20&y", http_version="1.0"
        )
        self.assertEqual(
            head.content("http", ["192.0.2.7", 5], ["127.0.0.1", 80], b"body"),
            {
                "method": "PUT",
                "path": "/café/a/b",
                "raw_path": "/caf%C3%A9/a%2Fb",
                "query_string": "x=%20&y",
                "headers": [["host", "a"]],
                "http_version": "1.0",
                "scheme": "http",
                "client": ["192.0.2.7", 5],
                "server": ["127.0.0.1", 80],
                "body": b"body",
            },
        )

    def test_serialize(self):
        head = request((b"X-One", b"1"), (b"Upgrade", b"h2c"), target="/a?b")
        self.assertEqual(
            head.serialize(without={"upgrade"}),
            b"GET /a?b HTTP/1.1\r\nhost: a\r\nx-one: 1\r\n\r\n",
        )


class TargetTests(SimpleTestCase):
    def test_forms(self):
        """The forms of RFC 9112 section 3.2."""
        for target, expected in (
            ("/a/b?c=d?e", ("/a/b", "c=d?e")),
            ("/", ("/", "")),
            ("*", ("*", "")),
            ("http://example.com/a?b", ("/a", "b")),
            ("http://example.com", ("/", "")),
        ):
            with self.subTest(target=target):
                self.assertEqual(split_target(target), expected)

    def test_decode(self):
        for path, expected in (
            ("/plain", "/plain"),
            ("/caf%C3%A9", "/café"),
            ("/caf\xc3\xa9", "/café"),
            ("/%FF", "/\udcff"),
            ("/100%", "/100%"),
        ):
            with self.subTest(path=path):
                self.assertEqual(decode_path(path), expected)
