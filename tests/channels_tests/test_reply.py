import threading
from unittest import mock

from django.channels import channel_backends
from django.channels.exceptions import IncompleteResponse, InvalidMessage, ReplyTimeout
from django.channels.message import Message
from django.channels.reply import Reply
from django.channels.request import ResponseMessage
from django.http import HttpResponse, StreamingHttpResponse

from .test_channel import ChannelTestCase


class ReplyTests(ChannelTestCase):
    def setUp(self):
        self.backend = channel_backends["default"]
        self.reply = Reply(self.backend, timeout=5)
        self.addCleanup(self.backend.unlisten, self.reply.name)

    def send(self, **content):
        self.backend.send(Message(self.reply.name, content))

    def test_stream_that_is_late(self):
        """Nobody has it, and so nobody closes it."""
        self.reply.timeout = 0.01
        with self.assertRaises(ReplyTimeout):
            self.reply.wait()
        self.send(content="a", more_content=True)
        self.reply.close()
        self.assertNotIn(self.reply.name, self.backend._state.sinks)

    def test_stream_by_reference(self):
        """It takes no messages, and so nobody listens for any."""
        response = StreamingHttpResponse([b"a"])
        self.backend.send(ResponseMessage(self.reply.name, response))
        self.assertIs(self.reply.wait(), response)
        self.reply.close()
        self.assertNotIn(self.reply.name, self.backend._state.sinks)

    def test_content(self):
        self.send(
            status=201,
            headers=[["X-A", "1"], ["Set-Cookie", "a=b; Path=/"]],
            content="é",
        )
        response = self.reply.wait()
        self.assertEqual(response.status_code, 201)
        self.assertEqual(response.content, "é".encode())
        self.assertEqual(response.headers["X-A"], "1")
        self.assertEqual(response.cookies["a"].value, "b")

    def test_set_cookie(self):
        """It's passed on as it is, and no warning calls it meaningless."""
        with self.assertNoLogs("django.channels", "WARNING"):
            self.send(set_cookie="a=b; Odd=1")
        self.assertEqual(self.reply.wait().headers["Set-Cookie"], "a=b; Odd=1")

    def test_unknown_keys(self):
        """A key that means nothing is said, and the rest is the reply."""
        with self.assertLogs("django.channels", "WARNING") as logs:
            self.send(status=201, contents="secret", **{"x\nINFO": 1})
        self.assertIn(r"mean nothing there: contents, x\nINFO.", logs.output[0])
        self.assertNotIn("secret", logs.output[0])
        self.assertEqual(self.reply.wait().status_code, 201)

    def test_by_reference(self):
        response = HttpResponse("a")
        self.backend.send(ResponseMessage(self.reply.name, response))
        self.assertIs(self.reply.wait(), response)

    def test_first_reply_counts(self):
        self.send(content=b"1")
        self.send(content=b"2")
        self.assertEqual(self.reply.wait().content, b"1")

    def test_replies_at_once(self):
        """
        Of replies that threads send at once, each of which finds none there,
        the first counts, too.
        """
        with mock.patch.object(self.reply._first, "done", return_value=False):
            self.send(content=b"1")
            self.send(content=b"2")
            self.reply.fail(ValueError())
        self.assertEqual(self.reply.wait().content, b"1")

    def test_failed_consumer(self):
        self.send(done=None, error=True)
        self.assertEqual(self.reply.wait().status_code, 500)

    def test_receipt_is_no_reply(self):
        self.send(done=1, error=False)
        self.assertIs(self.reply.arrived, False)

    def test_wrong_reply(self):
        """Its sender is told, and the request gets a 500 by its worker."""
        for content in ({"status": 99}, {"headers": [1]}, {"headers": {"a": "\n"}}):
            with self.subTest(content=content):
                with self.assertRaisesMessage(InvalidMessage, "needs status (an int"):
                    self.send(**content)
        self.assertIs(self.reply.arrived, False)

    def test_streamed(self):
        self.send(content=b"1", more_content=True)
        self.send(content=b"2", more_content=True)
        threading.Timer(0.01, self.send, kwargs={"content": b"3"}).start()
        response = self.reply.wait()
        self.reply.close()
        self.assertEqual(list(response), [b"1", b"2", b"3"])
        response._resource_closers[-1]()
        self.assertEqual(self.backend._state.sinks, {})

    def test_streamed_and_failed(self):
        """A body that isn't whole must not look whole."""
        self.send(content=b"1", more_content=True)
        self.send(done=None, error=True)
        with self.assertRaises(IncompleteResponse):
            list(self.reply.wait())

    def test_timeout(self):
        self.reply.timeout = 0.01
        with self.assertRaisesMessage(ReplyTimeout, "No reply came within 0.01 s"):
            self.reply.wait()

    async def test_async(self):
        self.send(content=b"1")
        self.assertEqual((await self.reply.await_()).content, b"1")

    async def test_async_timeout(self):
        self.reply.timeout = 0.01
        with self.assertRaises(ReplyTimeout):
            await self.reply.await_()
        self.send(content=b"late")

    def test_close(self):
        self.reply.close()
        self.send(content=b"late")
        self.assertEqual(self.backend.dropped, {"gone": 1})
