from unittest import mock

from django.channels.interfaces import head
from django.http import HttpResponse, StreamingHttpResponse
from django.test import SimpleTestCase

from .wires import parts_of


def head_of(response, method="GET", http_version="1.1", keep_alive=True, size=None):
    if size is None and not response.streaming:
        size = len(response.content)
    return head.response_head(
        response,
        method=method,
        http_version=http_version,
        keep_alive=keep_alive,
        size=size,
    )


class ResponseHeadTests(SimpleTestCase):
    def test_whole_response(self):
        """A response held in memory has its status, headers and length."""
        response = HttpResponse("hällo", headers={"X-One": "1"})
        result = head_of(response)
        status, headers, rest = parts_of(result.data)
        self.assertEqual(status, 200)
        self.assertEqual(headers["content-length"], ["6"])
        self.assertEqual(headers["content-type"], ["text/html; charset=utf-8"])
        self.assertEqual(headers["x-one"], ["1"])
        self.assertIn("date", headers)
        self.assertIn("server", headers)
        self.assertNotIn("connection", headers)
        self.assertEqual(rest, b"")
        self.assertEqual((result.framing, result.length), (head.LENGTH, 6))
        self.assertIs(result.close, False)

    def test_cookies(self):
        """Each cookie has a Set-Cookie line of its own."""
        response = HttpResponse()
        response.set_cookie("a", "1", httponly=True)
        response.set_cookie("b", "2")
        _, headers, _ = parts_of(head_of(response).data)
        self.assertEqual(
            headers["set-cookie"], ["a=1; HttpOnly; Path=/", "b=2; Path=/"]
        )

    def test_what_a_header_cannot_hold(self):
        """It isn't replaced: a cookie would come back as another."""
        response = HttpResponse()
        response.set_cookie("language", "λ")
        with self.assertRaises(UnicodeEncodeError):
            head_of(response)
        for value in ("a\0b", "a\x7f", "\x1b[31m"):
            with self.subTest(value), self.assertRaisesMessage(ValueError, "a control"):
                head_of(HttpResponse(headers={"X-A": value}))
        _, headers, _ = parts_of(head_of(HttpResponse(headers={"X-A": "a\tb é"})).data)
        self.assertEqual(headers["x-a"], ["a\tb é"])

    def test_wrong_length(self):
        """The length of what is sent wins over what the response states."""
        response = HttpResponse("abc", headers={"Content-Length": "7"})
        _, headers, _ = parts_of(head_of(response).data)
        self.assertEqual(headers["content-length"], ["3"])
        # One that str.isdigit() takes for a number, and int() doesn't.
        response = HttpResponse("abc", headers={"Content-Length": "²"})
        _, headers, _ = parts_of(head_of(response).data)
        self.assertEqual(headers["content-length"], ["3"])

    def test_no_body(self):
        """Statuses that have no body get none, and no length (RFC 9110 8.6)."""
        for status in (204, 304):
            with self.subTest(status=status):
                result = head_of(HttpResponse(status=status))
                _, headers, _ = parts_of(result.data)
                self.assertEqual(result.framing, head.NONE)
                self.assertNotIn("content-length", headers)
                self.assertNotIn("transfer-encoding", headers)

    def test_not_modified_keeps_length(self):
        """A 304 may tell how long the body would be."""
        response = HttpResponse(status=304, headers={"Content-Length": "5"})
        _, headers, _ = parts_of(head_of(response).data)
        self.assertEqual(headers["content-length"], ["5"])

    def test_head_request(self):
        """The answer to HEAD tells the length of the body that GET gets."""
        result = head_of(HttpResponse("abc"), method="HEAD")
        _, headers, _ = parts_of(result.data)
        self.assertEqual(headers["content-length"], ["3"])
        # One that str.isdigit() takes for a number, and int() doesn't.
        response = HttpResponse("abc", headers={"Content-Length": "²"})
        _, headers, _ = parts_of(head_of(response).data)
        self.assertEqual(headers["content-length"], ["3"])
        self.assertEqual(result.framing, head.NONE)

    def test_head_request_without_body(self):
        """A view that answers HEAD with no content isn't said to have none."""
        response = HttpResponse(headers={"Content-Length": "0"})
        _, headers, _ = parts_of(head_of(response, method="HEAD").data)
        self.assertNotIn("content-length", headers)

    def test_streamed(self):
        """A streamed response is chunked for HTTP/1.1, ended by the end for 1.0."""
        result = head_of(StreamingHttpResponse([]))
        _, headers, _ = parts_of(result.data)
        self.assertEqual(headers["transfer-encoding"], ["chunked"])
        self.assertEqual((result.framing, result.close), (head.CHUNKED, False))
        result = head_of(StreamingHttpResponse([]), http_version="1.0")
        _, headers, _ = parts_of(result.data)
        self.assertNotIn("transfer-encoding", headers)
        self.assertEqual(headers["connection"], ["close"])
        self.assertEqual((result.framing, result.close), (head.UNTIL_CLOSE, True))

    def test_streamed_with_length(self):
        """A stated length delimits a streamed response."""
        response = StreamingHttpResponse([], headers={"Content-Length": "9"})
        result = head_of(response)
        self.assertEqual((result.framing, result.length), (head.LENGTH, 9))

    def test_connection(self):
        """The connection ends where the client or the application wants it."""
        _, headers, _ = parts_of(head_of(HttpResponse(), keep_alive=False).data)
        self.assertEqual(headers["connection"], ["close"])
        for value in ("close", "Close, TE"):
            result = head_of(HttpResponse(headers={"Connection": value}))
            self.assertIs(result.close, True)
            self.assertEqual(parts_of(result.data)[1]["connection"], ["close"])
        self.assertIs(head_of(HttpResponse(headers={"Connection": "TE"})).close, False)
        _, headers, _ = parts_of(head_of(HttpResponse(), http_version="1.0").data)
        self.assertEqual(headers["connection"], ["keep-alive"])

    def test_framing_is_not_the_applications(self):
        """An application can't contradict the server about framing."""
        response = HttpResponse("a", headers={"Transfer-Encoding": "chunked"})
        _, headers, _ = parts_of(head_of(response).data)
        self.assertNotIn("transfer-encoding", headers)

    def test_own_date_and_server(self):
        response = HttpResponse(headers={"Date": "then", "server": "mine"})
        _, headers, _ = parts_of(head_of(response).data)
        self.assertEqual(headers["date"], ["then"])
        self.assertEqual(headers["server"], ["mine"])

    def test_reason(self):
        """A reason can't smuggle in a header."""
        response = HttpResponse()
        # Newer versions of Django refuse such a one by themselves.
        response._reason_phrase = "Fine\r\nX-Evil: 1"
        data = head_of(response).data
        self.assertTrue(data.startswith(b"HTTP/1.1 200 Fine X-Evil: 1\r\n"))


class ErrorResponseTests(SimpleTestCase):
    def test_error(self):
        data = head.error_response(503, close=False, headers=[("Retry-After", "1")])
        status, headers, body = parts_of(data)
        self.assertEqual(status, 503)
        self.assertEqual(headers["retry-after"], ["1"])
        self.assertEqual(headers["content-length"], [str(len(body))])
        self.assertEqual(body, b"503 Service Unavailable\n")

    def test_to_head(self):
        """The answer to HEAD has no body, whatever it says of its length."""
        _, headers, body = parts_of(head.error_response(504, close=True, head=True))
        self.assertEqual(body, b"")
        self.assertEqual(headers["connection"], ["close"])


class DateTests(SimpleTestCase):
    def test_date(self):
        """The date is that of the moment, in the form of RFC 9110 5.6.7."""
        with mock.patch("time.time", return_value=784111777.6):
            self.assertEqual(
                head.date_line(), "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            )
        self.assertNotEqual(head.date_line(), "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n")


class ChunkTests(SimpleTestCase):
    def test_chunk(self):
        self.assertEqual(head.chunk(b"a" * 31), b"1f\r\n" + b"a" * 31 + b"\r\n")
