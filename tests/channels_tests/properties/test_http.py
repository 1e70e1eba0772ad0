from channels_tests.interfaces.wires import parts_of, status_of
from hypothesis import example, given
from hypothesis import strategies as st

from django.test import SimpleTestCase

from . import requests
from .servers import understood, understood_by_h11

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
any_request = requests.good() | requests.doubtful() | requests.damaged(requests.good())


class RequestTests(SimpleTestCase):
    @given(requests.good(), requests.good())
    def test_one_after_the_other(self, first, second):
        """Two requests sent at once are two that are sent by themselves."""
        both = understood(first + second)
        alone = [understood(data) for data in (first, second)]
        expected = [server.requests[0] for server in alone]
        if alone[0].closed:
            del expected[1]
        self.assertEqual(both.requests, expected)

    @given(any_request, st.data())
    def test_cut_anywhere(self, data, draw):
        """Where a request is cut changes nothing about how it's understood."""
        if not data.partition(b"\r\n")[0].isascii():
            # A path that isn't encoded is understood as a favour, if its line
            # comes in one piece.
            return
        whole = understood(data + NEXT)
        cut = understood(*draw.draw(requests.pieces(data + NEXT)))
        self.assertEqual(cut.requests, whole.requests)
        self.assertEqual(cut.closed, whole.closed)

    @given(st.lists(st.binary(max_size=60) | any_request, max_size=3))
    @example([b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
    @example([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
    @example([b"\0" * 100_000])
    @example([b"GET /" + b"a" * 100_000])
    @example([b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 1000])
    def test_any_bytes(self, pieces):
        """Any bytes at all end in responses and a closed connection."""
        server = understood(*pieces).end()
        self.assertTrue(server.closed or server.is_websocket)
        if server.answers:
            self.assertIsNotNone(status_of(server.answers))
        self.assertGreaterEqual(
            server.answers.count(b"HTTP/1.1 "), len(server.requests), server.answers
        )

    @given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
    def test_limits(self, target, headers, body):
        """What is as large as it may be is understood, and no byte more."""
        data = b"POST /" + b"a" * (target + 8) + b" HTTP/1.1\r\nHost: a\r\n"
        data += b"X: 1\r\n" * (headers + 1)
        data += b"Content-Length: %d\r\n\r\n" % (body + 8) + b"b" * (body + 8)
        server = understood(data, request_line_size=24, header_count=4, body_size=9)
        refusals = {414: target > 1, 431: headers > 1, 413: body > 1}
        expected = [status for status, is_due in refusals.items() if is_due] or [200]
        self.assertIn(status_of(server.answers), expected)
        self.assertEqual(len(server.requests), expected == [200])


class SmugglingTests(SimpleTestCase):
    """
    h11 as the other server behind a proxy: it may be stricter, but what both
    take for a request must be the same, and so must be where the next begins.
    """

    @given(requests.damaged(requests.doubtful()) | requests.damaged(requests.good()))
    @example(
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close, Upgrade\r\nUpgrade: x\r\n\r\n"
    )
    def test_same_requests(self, data):
        """What this server and h11 take for a request, they read alike."""
        data = data.lstrip(b"\r\n")
        ours = understood(data + NEXT)
        theirs, refused = understood_by_h11(data + NEXT)
        for mine, other in zip(ours.requests, theirs):
            self.assertEqual(mine, other)
        if not refused:
            self.assertLessEqual(len(ours.requests), len(theirs))


class ResponseTests(SimpleTestCase):
    @given(requests.good())
    def test_response_is_whole(self, data):
        """Each request gets one response with the length that it states."""
        server = understood(data)
        answer = server.answers.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
        status, headers, body = parts_of(answer)
        self.assertEqual(status, 200)
        expected = b"" if data.startswith(b"HEAD") else b"hello"
        self.assertEqual((body, headers["content-length"]), (expected, ["5"]))
