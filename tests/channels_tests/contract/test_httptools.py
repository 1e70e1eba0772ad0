from httptools import (
    HttpParserCallbackError,
    HttpParserInvalidMethodError,
    HttpParserInvalidURLError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from django.test import SimpleTestCase

from .relying import relied_on

PARSER = "django/channels/interfaces/parser.py"


class HttptoolsTests(SimpleTestCase):
    def feed(self, data, **callbacks):
        """Feed a parser with a request; return it."""
        self.parser = HttpRequestParser(type("Callbacks", (), callbacks)())
        self.parser.feed_data(data)
        return self.parser

    @relied_on(
        PARSER,
        "the parser calls back at the start, with target, headers and "
        "body, and at the end of each; and tells the method, the "
        "version, and whether the connection goes on.",
    )
    def test_callbacks(self):
        calls = []

        def note(name):
            return lambda self, *args: calls.append((name, *args))

        on = ("message_begin", "url", "header", "headers_complete", "body")
        callbacks = {f"on_{name}": note(name) for name in (*on, "message_complete")}
        parser = self.feed(
            b"POST /a HTTP/1.1\r\nA: b\r\nContent-Length: 1\r\n\r\nc", **callbacks
        )
        self.assertEqual(
            calls,
            [
                ("message_begin",),
                ("url", b"/a"),
                ("header", b"A", b"b"),
                ("header", b"Content-Length", b"1"),
                ("headers_complete",),
                ("body", b"c"),
                ("message_complete",),
            ],
        )
        told = (parser.get_method(), parser.get_http_version())
        self.assertEqual(told, (b"POST", "1.1"))
        self.assertIs(parser.should_keep_alive(), True)
        self.assertIs(parser.should_upgrade(), False)

    @relied_on(PARSER, "HttpParserUpgrade's first argument is where the head ends.")
    def test_upgrade(self):
        request = b"GET / HTTP/1.1\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"
        with self.assertRaises(HttpParserUpgrade) as raised:
            self.feed(request + b"rest")
        self.assertEqual(raised.exception.args[0], len(request))
        self.assertIs(self.parser.should_upgrade(), True)

    @relied_on(
        PARSER, "what a callback raises is the __context__ of the parser's error."
    )
    def test_callback_error(self):
        def fail(self, part):
            raise LookupError

        with self.assertRaises(HttpParserCallbackError) as raised:
            self.feed(b"GET / HTTP/1.1\r\n", on_url=fail)
        self.assertIsInstance(raised.exception.__context__, LookupError)

    @relied_on(PARSER, "errors tell a wrong method, target and version.")
    def test_errors(self):
        with self.assertRaises(HttpParserInvalidMethodError):
            self.feed(b"GETS / HTTP/1.1\r\n\r\n")
        with self.assertRaises(HttpParserInvalidURLError):
            self.feed(b"GET /\xc3\xa9 HTTP/1.1\r\n\r\n")
        with self.assertRaisesMessage(Exception, "version"):
            self.feed(b"GET / HTTP/9.9\r\n\r\n")
