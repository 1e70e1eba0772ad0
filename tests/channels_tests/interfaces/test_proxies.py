import io
import time

from django.channels.interfaces.handshake import (
    HostNotAllowed,
    OriginNotAllowed,
    check_handshake,
)
from django.channels.interfaces.proxies import Proxies
from django.channels.interfaces.request import RequestHead
from django.core.management import CommandError, call_command
from django.test import SimpleTestCase, override_settings

from .wires import HTTPWire

PEER = ["10.0.0.1", 5555]
NETWORKS = ["10.0.0.0/8", "fd00::/8"]


def head_of(*headers):
    raw = [(b"host", b"example.com")]
    raw += [(name.encode(), value.encode()) for name, value in headers]
    return RequestHead("GET", "/", "1.1", raw)


class XForwardedTests(SimpleTestCase):
    def seen(self, hops=None, schemes=None, peer=PEER, scheme="http"):
        headers = []
        if hops is not None:
            headers.append(("X-Forwarded-For", hops))
        if schemes is not None:
            headers.append(("X-Forwarded-Proto", schemes))
        return Proxies(NETWORKS).seen(head_of(*headers), peer, scheme)

    def test_none(self):
        self.assertEqual(self.seen(), (PEER, "http"))
        self.assertEqual(self.seen("", ""), (PEER, "http"))

    def test_untrusted_peer(self):
        """Nobody else is believed, whatever they say."""
        peer = ["192.0.2.1", 1]
        self.assertEqual(
            self.seen("10.0.0.1, 192.0.2.9", "https", peer), (peer, "http")
        )

    def test_client(self):
        for hops, client in (
            ("192.0.2.9", ["192.0.2.9", 0]),
            ("192.0.2.9:4711", ["192.0.2.9", 4711]),
            ("2001:db8::1", ["2001:db8::1", 0]),
            ("[2001:db8::1]:4711", ["2001:db8::1", 4711]),
            ("::ffff:192.0.2.9", ["192.0.2.9", 0]),
            # The client made up what comes first.
            ("10.0.0.7, 192.0.2.9", ["192.0.2.9", 0]),
            ("nonsense, 192.0.2.9", ["192.0.2.9", 0]),
            # Several proxies.
            ("1.2.3.4, 192.0.2.9, 10.0.0.2, fd00::1", ["192.0.2.9", 0]),
            # All of them are trusted: the farthest.
            ("10.0.0.3, 10.0.0.2", ["10.0.0.3", 0]),
            # A hop that has no address hides what is behind it.
            ("192.0.2.9, unknown, 10.0.0.2", ["10.0.0.2", 0]),
            ("unknown", PEER),
        ):
            with self.subTest(hops):
                self.assertEqual(self.seen(hops), (client, "http"))

    def test_scheme(self):
        for hops, schemes, scheme in (
            ("192.0.2.9", "https", "https"),
            ("192.0.2.9", "HTTPS", "https"),
            ("192.0.2.9", "gopher", "http"),
            # Of a handshake, as some have it.
            ("192.0.2.9", "wss", "https"),
            ("192.0.2.9", "ws", "http"),
            (None, "https", "https"),
            # The client's own proxy comes first, and isn't trusted.
            ("1.2.3.4, 192.0.2.9", "https, http", "http"),
            ("1.2.3.4, 192.0.2.9", "http, https", "https"),
            # The farthest of those that are trusted.
            ("192.0.2.9, 10.0.0.2", "https, http", "https"),
            ("192.0.2.9, 10.0.0.2", "https", "https"),
        ):
            with self.subTest(hops=hops, schemes=schemes):
                self.assertEqual(self.seen(hops, schemes)[1], scheme)

    def test_trusted_as_the_log_has_it(self):
        """A port for IPv6 that serves IPv4, too, has such addresses."""
        for network in ("::ffff:10.0.0.1", "::ffff:10.0.0.0/104"):
            with self.subTest(network):
                proxies = Proxies([network])
                for peer in ("10.0.0.1", "::ffff:10.0.0.1"):
                    found = proxies.seen(head_of(), [peer, 1], "http")
                    self.assertEqual(found, ([peer, 1], "http"))
                    head = head_of(("X-Forwarded-For", "192.0.2.9"))
                    client, _ = proxies.seen(head, [peer, 1], "http")
                    self.assertEqual(client, ["192.0.2.9", 0])

    def test_unix_socket(self):
        client, scheme = self.seen("192.0.2.9", "https", ["", 0])
        self.assertEqual((client, scheme), (["192.0.2.9", 0], "https"))

    def test_repeated_headers(self):
        head = head_of(("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-For", "192.0.2.9"))
        client, _ = Proxies(NETWORKS).seen(head, PEER, "http")
        self.assertEqual(client, ["192.0.2.9", 0])

    def test_the_other_header_is_not_read(self):
        head = head_of(("Forwarded", "for=192.0.2.9;proto=https"))
        self.assertEqual(Proxies(NETWORKS).seen(head, PEER, "http"), (PEER, "http"))


class ForwardedTests(SimpleTestCase):
    def seen(self, value, peer=PEER):
        proxies = Proxies(NETWORKS, forwarded=True)
        return proxies.seen(head_of(("Forwarded", value)), peer, "http")

    def test_client(self):
        """Some values are the examples of RFC 7239."""
        for value, client, scheme in (
            ("for=192.0.2.9", ["192.0.2.9", 0], "http"),
            ("for=192.0.2.60;proto=https;by=203.0.113.43", ["192.0.2.60", 0], "https"),
            ('For="[2001:db8:cafe::17]:4711"', ["2001:db8:cafe::17", 4711], "http"),
            ('for="192.0.2.9:80";Proto="https"', ["192.0.2.9", 80], "https"),
            ("for=1.2.3.4, for=192.0.2.9;proto=https", ["192.0.2.9", 0], "https"),
            ("for=192.0.2.9;proto=https,for=10.0.0.2", ["192.0.2.9", 0], "https"),
            ('for="a,b;c=d", for=192.0.2.9', ["192.0.2.9", 0], "http"),
            ('for=192.0.2.9, for="_hidden"', PEER, "http"),
            ("for=unknown;proto=https", PEER, "https"),
            ("proto=https", PEER, "https"),
            ("", PEER, "http"),
        ):
            with self.subTest(value):
                self.assertEqual(self.seen(value), (client, scheme))

    def test_broken(self):
        """What a client broke can't reach into what a proxy adds."""
        for value in ('for="1.2.3.4, for=192.0.2.9', "for=1.2.3.4;;;=, for=192.0.2.9"):
            with self.subTest(value):
                self.assertIn(self.seen(value)[0], (["192.0.2.9", 0], PEER))

    def test_unclosed_quotes(self):
        """However many of them there are, they are read once."""
        start = time.process_time()
        self.assertEqual(
            self.seen('"' + r"\"" * 16_000 + ", for=192.0.2.9"),
            (["192.0.2.9", 0], "http"),
        )
        # Seconds; reading each of them to the end takes 10 to 20.
        self.assertLess(time.process_time() - start, 1)

    def test_the_other_header_is_not_read(self):
        head = head_of(("X-Forwarded-For", "192.0.2.9"))
        proxies = Proxies(NETWORKS, forwarded=True)
        self.assertEqual(proxies.seen(head, PEER, "http"), (PEER, "http"))


class ServerTests(SimpleTestCase):
    REQUEST = (
        b"GET / HTTP/1.1\r\nHost: example.com\r\nX-Forwarded-For: 198.51.100.1\r\n"
        b"X-Forwarded-Proto: https\r\n%b\r\n"
    )

    def content(self, proxies):
        http = HTTPWire()
        http.factory.proxies = proxies
        http.receive(self.REQUEST % b"")
        return http.requests[0].content

    def test_default(self):
        content = self.content(None)
        self.assertEqual(content["client"], ["192.0.2.7", 5555])
        self.assertEqual(content["scheme"], "http")

    def test_trusted(self):
        content = self.content(Proxies(["192.0.2.7"]))
        self.assertEqual(content["client"], ["198.51.100.1", 0])
        self.assertEqual(content["scheme"], "https")

    def test_handshake(self):
        http = HTTPWire()
        http.factory.proxies = Proxies(["192.0.2.7"])
        http.receive(self.REQUEST % b"Upgrade: websocket\r\nConnection: upgrade\r\n")
        connection, head, _ = http.sockets.taken[0]
        self.assertEqual(connection.seen(head), (["198.51.100.1", 0], "https"))


@override_settings(ALLOWED_HOSTS=["example.com"])
class OriginTests(SimpleTestCase):
    def test_scheme(self):
        """A page that isn't secure opens no socket that is."""
        head = head_of(("Origin", "http://example.com"))
        check_handshake(head)
        with self.assertRaises(OriginNotAllowed):
            check_handshake(head, secure=True)
        check_handshake(head_of(("Origin", "https://example.com")), secure=True)

    def test_forwarded_host(self):
        head = head_of(("X-Forwarded-Host", "evil.example"))
        check_handshake(head)
        with override_settings(USE_X_FORWARDED_HOST=True):
            check_handshake(head_of())
            with self.assertRaises(HostNotAllowed):
                check_handshake(head)


@override_settings(ALLOWED_HOSTS=["example.com"])
class CommandTests(SimpleTestCase):
    def assertRefused(self, text, *args):
        with self.assertRaisesMessage(CommandError, text):
            call_command("runwsserver", *args, stdout=io.StringIO())

    def test_refusals(self):
        self.assertRefused(
            "--trusted-proxies: 'nonsense' does not appear to be",
            "--proxy-headers",
            "--trusted-proxies=10.0.0.0/8, nonsense",
        )
        self.assertRefused("needs --proxy-headers", "--trusted-proxies=10.0.0.0/8")
        self.assertRefused("invalid choice", "--proxy-headers=x-real-ip")
