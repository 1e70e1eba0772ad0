import logging
import re

from django.channels.interfaces.access import AccessLog, NoAccessLog
from django.channels.interfaces.exchange import Exchange
from django.core.management.commands.runwsserver import Command
from django.test import SimpleTestCase


class AccessLogTests(SimpleTestCase):
    def setUp(self):
        self.access = AccessLog(logging.getLogger("django.server"))
        content = {
            "method": "GET",
            "raw_path": "/a%20b",
            "query_string": "c=d",
            "http_version": "1.1",
        }
        self.exchange = Exchange(None, content, True)

    def logged(self, level, function, *args):
        with self.assertLogs("django.server", level) as logs:
            function(*args)
        (record,) = logs.records
        self.assertEqual(record.levelname, level)
        self.assertRegex(
            record.server_time, re.compile(r"^\d\d/[A-Z][a-z]{2}/\d{4} \d\d:\d\d:\d\d$")
        )
        return record

    def test_http(self):
        """The line is that of Django's development server."""
        record = self.logged("INFO", self.access.http, self.exchange, 200, 12)
        self.assertEqual(record.getMessage(), '"GET /a%20b?c=d HTTP/1.1" 200 12')
        self.assertEqual(record.status_code, 200)
        self.assertIs(record.request, self.exchange)
        # A filter may look at them, as at Django's.
        self.assertEqual(record.args[1:], ("200", "12"))

    def test_levels(self):
        self.logged("WARNING", self.access.http, self.exchange, 404, 1)
        self.logged("ERROR", self.access.http, self.exchange, 500, 1)

    def test_one_level(self):
        """A client's fault is no error, which Django would mail, of a site's."""
        command = Command()
        access = command.access(access_log=True, verbosity=1)
        for function, *args in (
            (access.http, self.exchange, 500, 1),
            (access.refused, None, 503, b""),
            (access.refused, None, 400, b"\x16\x03\x01\x00"),
            (access.connect, "/", 504, None),
        ):
            with self.subTest(args=args):
                with self.assertLogs("django.channels.server", "DEBUG") as logs:
                    function(*args)
                self.assertEqual([r.levelname for r in logs.records], ["INFO"])

    def test_level_is_off(self):
        """A line that nobody sees isn't made."""
        with self.assertNoLogs("django.server", "WARNING"):
            self.access.http(self.exchange, 200, 1)

    def test_websocket(self):
        record = self.logged("INFO", self.access.connect, "/chat/", 101, None)
        self.assertEqual(record.getMessage(), '"WebSocket CONNECT /chat/" 101')
        record = self.logged("WARNING", self.access.connect, "/chat/", 403, None)
        self.assertEqual(record.getMessage(), '"WebSocket CONNECT /chat/" 403')
        record = self.logged("INFO", self.access.disconnect, "/chat/", 1000, None)
        self.assertEqual(record.getMessage(), '"WebSocket DISCONNECT /chat/" 1000')

    def test_refused(self):
        """What a client sent can't forge or garble a line."""
        data = b"GET /\x1b[31m HTTP/1.1\r\n\r\n"
        record = self.logged("WARNING", self.access.refused, None, 400, data)
        self.assertEqual(record.getMessage(), r'"GET /\x1b[31m HTTP/1.1" 400 -')

    def test_refused_without_content(self):
        """Headers and bodies are secret, however the lines end."""
        for line, data in (
            ("GET /", b"GET /\nCookie: secret\r\n\r\n"),
            ("GET /", b"GET /\rCookie: secret\r\n\r\n"),
            ("", b"user=a&password=secret"),
            ("", b"Cookie: secret\r\n"),
            ("", b""),
        ):
            with self.subTest(data=data):
                record = self.logged("WARNING", self.access.refused, None, 400, data)
                self.assertEqual(record.getMessage(), f'"{line}" 400 -')

    def test_https(self):
        """TLS on a port without it is what the user should hear of."""
        record = self.logged(
            "ERROR", self.access.refused, None, 400, b"\x16\x03\x01\x00"
        )
        self.assertIn("over HTTPS", record.getMessage())
        self.assertEqual(record.status_code, 500)

    def test_none(self):
        access = NoAccessLog()
        access.http(self.exchange, 200, 1)
        access.refused(None, 400, b"")
        access.connect("/", 101, None)
        access.disconnect("/", 1000, None)
