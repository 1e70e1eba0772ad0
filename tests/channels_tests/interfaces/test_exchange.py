import asyncio

from django.channels.exceptions import ReplyTimeout
from django.http import HttpResponse, StreamingHttpResponse
from django.test import SimpleTestCase

from .wires import HTTPWire, parts_of

GET = b"GET / HTTP/1.0\r\n\r\n"


class AsyncRespondTests(SimpleTestCase):
    def setUp(self):
        self.http = HTTPWire()
        self.http.receive(GET)
        (self.exchange,) = self.http.requests

    def arespond(self, response):
        asyncio.run(self.exchange.arespond(response))
        self.http.reactor.spin()
        return self.http.wire.take()

    def test_whole(self):
        response = HttpResponse("hello")
        self.assertEqual(parts_of(self.arespond(response))[2], b"hello")
        self.assertIs(response.closed, True)

    def test_own_iterator(self):
        class Shouted(HttpResponse):
            def __iter__(self):
                return iter([self.content.upper(), b"!"])

        self.assertEqual(parts_of(self.arespond(Shouted("hello")))[2], b"HELLO!")

    def test_async_iterator(self):
        async def pieces():
            yield "a"
            await asyncio.sleep(0)
            yield "b"

        response = StreamingHttpResponse(pieces())
        self.assertEqual(parts_of(self.arespond(response))[2], b"ab")
        self.assertIs(response.closed, True)

    def test_sync_iterator(self):
        """A sync iterator is stepped through in a thread, piece by piece."""

        def pieces():
            with self.assertRaises(RuntimeError):
                asyncio.get_running_loop()
            yield "a"
            yield "b"

        data = self.arespond(StreamingHttpResponse(pieces()))
        self.assertEqual(parts_of(data)[2], b"ab")

    def test_client_that_leaves(self):
        """That a reply doesn't come whole then is no error."""

        async def pieces():
            yield "a"
            self.exchange.abandon()
            raise ReplyTimeout("No reply came within 60 seconds.")

        with self.assertLogs("django.server", "INFO") as logs:
            self.arespond(StreamingHttpResponse(pieces()))
        self.assertEqual({record.levelname for record in logs.records}, {"INFO"})

    def test_failure(self):
        async def pieces():
            yield "a"
            raise ValueError("secret")

        response = StreamingHttpResponse(pieces())
        with self.assertLogs("django.server", "ERROR"):
            self.arespond(response)
        self.assertEqual(self.http.wire.ended, "abort")
        self.assertIs(response.closed, True)

    def test_cancelled(self):
        """A response whose task is cancelled is cut off, and closed."""

        async def pieces():
            yield "a"
            await asyncio.Event().wait()

        response = StreamingHttpResponse(pieces())

        async def main():
            task = asyncio.create_task(self.exchange.arespond(response))
            while not self.http.reactor.posted:
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.assertIs(task.cancelled(), True)

        asyncio.run(main())
        self.http.reactor.spin()
        self.assertEqual(self.http.wire.ended, "abort")
        self.assertIs(response.closed, True)

    def test_client_leaves(self):
        """The iterator of a client that left is closed where it was."""
        ended = []

        async def pieces():
            try:
                for i in range(100):
                    if i == 2:
                        self.http.reactor.spin()
                        self.http.lose()
                    yield "a"
            finally:
                ended.append(i)

        response = StreamingHttpResponse(pieces())
        with self.assertLogs("django.server", "INFO"):
            self.arespond(response)
        self.assertEqual(ended, [2])
        self.assertIs(response.closed, True)

    def test_already_gone(self):
        self.http.lose()
        response = HttpResponse()
        self.assertEqual(self.arespond(response), b"")
        self.assertIs(response.closed, True)
