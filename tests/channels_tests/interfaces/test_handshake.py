from django.channels.interfaces.handshake import (
    HostNotAllowed,
    OriginNotAllowed,
    check_handshake,
    connect_content,
    scope_of,
    usual_key,
)
from django.channels.interfaces.request import Refused, RequestHead
from django.test import SimpleTestCase, override_settings


def handshake(target="/", host=b"example.com", **headers):
    raw = [(b"host", host)]
    raw += [(k.replace("_", "-").encode(), v) for k, v in headers.items()]
    return RequestHead("GET", target, "1.1", raw)


@override_settings(ALLOWED_HOSTS=["example.com", ".example.org"])
class OriginTests(SimpleTestCase):
    def test_allowed(self):
        """The site's own pages may open a WebSocket, and those of its hosts."""
        for origin in (
            b"http://example.com",
            b"https://example.com",
            b"https://example.com:8443",
            b"https://www.example.org",
        ):
            with self.subTest(origin=origin):
                check_handshake(handshake(origin=origin))

    def test_no_origin(self):
        """Clients that aren't browsers send none, and have no cookies to lose."""
        check_handshake(handshake())

    def test_foreign(self):
        for origin in (
            b"https://evil.example",
            b"https://example.com.evil.example",
            b"https://evilexample.com",
            b"null",
            b"",
            b"file://",
            b"example.com",
            b"https://[",
            b"https://example.com@evil.example",
            b"chrome-extension://example.com",
            b"https://example.com, https://example.com",
        ):
            with self.subTest(origin=origin):
                with self.assertRaises(OriginNotAllowed) as caught:
                    check_handshake(handshake(origin=origin))
                self.assertEqual(caught.exception.status, 403)

    def test_host(self):
        with self.assertRaises(HostNotAllowed) as caught:
            check_handshake(handshake(host=b"evil.example"))
        self.assertEqual(caught.exception.status, 400)

    def test_subprotocols(self):
        """They are tokens (RFC 6455 section 4.1), and so of ASCII."""
        check_handshake(handshake(sec_websocket_protocol=b"chat,\tsuper.chat"))
        for protocols in (b"ch\xe4t", b"chat\x85"):
            with self.assertRaises(Refused) as caught:
                check_handshake(handshake(sec_websocket_protocol=protocols))
            self.assertEqual(caught.exception.status, 400)

    def test_no_host(self):
        for host in (b"", b"exa mple.com", b"example.com/path"):
            with self.subTest(host=host):
                with self.assertRaises(Refused) as caught:
                    handshake(host=host)
                self.assertEqual(caught.exception.status, 400)

    @override_settings(ALLOWED_HOSTS=["*"])
    def test_any(self):
        check_handshake(handshake(host=b"a.example", origin=b"https://b.example"))

    @override_settings(ALLOWED_HOSTS=[])
    def test_development(self):
        """With DEBUG and no ALLOWED_HOSTS, this machine is allowed."""
        head = handshake(host=b"127.0.0.1:8000", origin=b"http://localhost:3000")
        with override_settings(DEBUG=True):
            check_handshake(head)
            check_handshake(handshake(host=b"[::1]:8000"))
            with self.assertRaises(OriginNotAllowed):
                check_handshake(
                    handshake(host=b"localhost", origin=b"http://evil.example")
                )
        with self.assertRaises(HostNotAllowed):
            check_handshake(head)


class ConnectContentTests(SimpleTestCase):
    def test_content(self):
        head = handshake(
            "/caf%C3%A9/?a=1",
            cookie=b"sessionid=abc; b=2",
            origin=b"https://example.com",
            sec_websocket_protocol=b"chat, superchat",
        )
        content = connect_content(
            head,
            reply_channel="websocket.reply!1",
            scheme="https",
            client=["192.0.2.7", 5],
            server=["127.0.0.1", 80],
        )
        self.assertEqual(
            content,
            {
                "reply_channel": "websocket.reply!1",
                "method": "GET",
                "http_version": "1.1",
                "scheme": "wss",
                "path": "/café/",
                "query_string": "a=1",
                "headers": head.headers,
                "cookies": {"sessionid": "abc", "b": "2"},
                "client": ["192.0.2.7", 5],
                "server": ["127.0.0.1", 80],
                "origin": "https://example.com",
                "subprotocols": ["chat", "superchat"],
            },
        )
        self.assertEqual(
            sorted(scope_of(content)),
            ["client", "cookies", "headers", "path", "query_string", "reply_channel"],
        )

    def test_bare(self):
        content = connect_content(
            handshake(), reply_channel="r", scheme="http", client=[], server=[]
        )
        self.assertEqual(content["scheme"], "ws")
        self.assertEqual(content["subprotocols"], [])
        self.assertEqual(content["cookies"], {})
        self.assertIsNone(content["origin"])

    def test_cookies_in_several_headers(self):
        """So they come over HTTP/2, and no cookie is lost or part of another."""
        raw = [(b"host", b"a"), (b"cookie", b"a=1"), (b"cookie", b"b=2; c=3")]
        content = connect_content(
            RequestHead("GET", "/", "1.1", raw),
            reply_channel="r",
            scheme="https",
            client=[],
            server=[],
        )
        self.assertEqual(content["cookies"], {"a": "1", "b": "2", "c": "3"})


KEY = "dGhlIHNhbXBsZSBub25jZQ=="


class UsualKeyTests(SimpleTestCase):
    def key(self, *more, path="/", **changed):
        headers = {
            "host": "example.com:8000",
            "sec-websocket-key": KEY,
            "sec-websocket-version": "13",
            **{name.replace("_", "-"): value for name, value in changed.items()},
        }
        pairs = [[name, value] for name, value in headers.items() if value is not None]
        return usual_key({"path": path, "headers": [*pairs, *map(list, more)]})

    def test_usual(self):
        for changed in (
            {},
            {"origin": "https://example.com"},
            {"sec_websocket_extensions": "permessage-deflate; client_max_window_bits"},
            {"sec_websocket_protocol": "chat"},
            {"host": "localhost", "x_sent_twice": "1"},
        ):
            with self.subTest(changed=changed):
                self.assertEqual(self.key(**changed), KEY)

    def test_closer_look(self):
        """What may be refused is Autobahn's to judge."""
        for changed in (
            {"host": "[::1]:8000"},
            {"host": "example.com:"},
            {"host": "example.com:8000 "},
            {"origin": "null"},
            {"origin": "https://example.com/"},
            {"path": "//[/"},
            {"sec_websocket_extensions": "x-unknown"},
            {"sec_websocket_key": None},
            {"sec_websocket_key": KEY[:-1]},
            {"sec_websocket_key": KEY + "\n"},
            {"sec_websocket_key": KEY.replace("G", "\xc9")},
            {"sec_websocket_protocol": "chat, chat"},
            {"sec_websocket_version": None},
            {"sec_websocket_version": "8"},
            {"sec_websocket_version": "13\u0663"},
        ):
            with self.subTest(changed=changed):
                self.assertIsNone(self.key(**changed))

    def test_twice(self):
        for header in (
            ("sec-websocket-key", KEY),
            ("sec-websocket-version", "13"),
            ("origin", "https://example.com"),
        ):
            with self.subTest(header=header):
                self.assertIsNone(self.key(header, header))
