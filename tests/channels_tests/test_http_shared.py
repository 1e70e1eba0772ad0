"""Requests that workers answer through a shared backend."""

import hashlib
import threading
from io import BytesIO
from unittest import mock

from asgiref.testing import ApplicationCommunicator

from django.channels import Channel, consumers, view_consumer, watch
from django.channels.message import Message
from django.channels.pending_request import PendingRequest
from django.channels.pending_response import PendingResponse
from django.channels.remote import PART
from django.core.asgi import get_asgi_application
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signals import request_finished, request_started
from django.http import FileResponse, HttpResponse
from django.test import AsyncRequestFactory, override_settings

from .running import PATIENCE
from .shared_http import (
    PIECE,
    Body,
    SharedHTTPTestCase,
)
from .shared_http import __file__ as views_file
from .shared_http import notes

UPLOAD = bytes(range(256)) * 80_000  # 20 MB


class SmallTests(SharedHTTPTestCase):
    """Requests and responses that fit into one message."""

    def setUp(self):
        super().setUp()
        self.worker = self.start_worker()

    def test_view(self):
        response, body = self.call("/")
        self.assertIs(type(response), HttpResponse)
        self.assertEqual((response.status_code, body), (200, b"hello"))

    @mock.patch.object(watch, "INTERVAL", PATIENCE)
    def test_one_message_each_way(self):
        self.call("/")
        there, back = self.edge._push, self.worker.backend._post_soon
        with (
            mock.patch.object(self.edge, "_push", side_effect=there) as push,
            mock.patch.object(self.edge, "_post") as post,
            mock.patch.object(self.edge, "_alive") as alive,
            mock.patch.object(self.worker.backend, "_push") as worker_push,
            mock.patch.object(
                self.worker.backend, "_post_soon", side_effect=back
            ) as reply,
        ):
            self.call("/", "post", data=b"x" * (PART - 1), content_type="text/plain")
        self.assertEqual((push.call_count, reply.call_count), (1, 1))
        for other in (post, alive, worker_push):
            other.assert_not_called()

    def test_form_files_cookies_and_reason(self):
        response, body = self.call(
            "/echo/?q=%C3%A9",
            "post",
            data={"a": "é", "f": SimpleUploadedFile("f", b"\xff")},
            headers={"cookie": "seen=yes"},
        )
        expected = repr(("POST", {"a": "é"}, {"f": b"\xff"}, "q=%C3%A9"))
        self.assertEqual(body.decode(), expected)
        self.assertEqual(response.cookies["seen"].value, "yes")
        self.assertEqual(response.cookies["seen"]["max-age"], 5)
        self.assertEqual(response.cookies["other"].value, "1")
        self.assertEqual(notes["started"][0], "200 Quite Fine")

    def test_client(self):
        """The test client and its request's body work."""
        response = self.client.post("/echo/", {"a": "b"})
        self.assertIn(b"{'a': 'b'}", response.content)
        self.assertIn(b"b", response.wsgi_request.body)

    async def test_async(self):
        response = await self.async_client.get("/")
        self.assertEqual(response.content, b"hello")

    def test_script_name(self):
        _, body = self.call("/link/", SCRIPT_NAME="/app")
        self.assertEqual(body, b"/app/")

    def test_errors(self):
        """The worker makes the page, and logs why."""
        with self.assertLogs("django.request", "ERROR") as logs:
            response, body = self.call("/error/")
        self.assertEqual(response.status_code, 500)
        self.assertIn(b"Server Error (500)", body)
        self.assertEqual(len(logs.output), 1)
        with self.assertLogs("django.request", "WARNING"):
            self.assertEqual(self.call("/no/")[0].status_code, 404)

    def test_failure_beyond_the_handler(self):
        with (
            mock.patch(
                "django.channels.remote_request.SyncHandler.shared", side_effect=OSError
            ),
            self.assertLogs("django.channels.worker", "ERROR"),
            self.assertLogs("django.request", "ERROR"),
        ):
            self.assertEqual(self.call("/")[0].status_code, 500)

    def test_signals(self):
        """They're sent once around each request where its view runs."""
        calls = []
        finished = threading.Event()
        edge = threading.current_thread()

        def note(name):
            if threading.current_thread() is not edge:
                calls.append(name)

        def on_started(environ, **kwargs):
            note(environ["PATH_INFO"])

        def on_finished(**kwargs):
            note("finished")
            if calls and calls[-1] == "finished":
                finished.set()

        request_started.connect(on_started)
        self.addCleanup(request_started.disconnect, on_started)
        request_finished.connect(on_finished)
        self.addCleanup(request_finished.disconnect, on_finished)
        for path in ("/", "/stream/2/", "/astream/2/", "/error/"):
            with self.subTest(path=path):
                calls.clear()
                finished.clear()
                with self.assertNoLogs("django.channels", "WARNING"):
                    self.call(path)
                    self.assertIs(finished.wait(PATIENCE), True)
                self.assertEqual(calls, [path, "finished"])

    def test_concurrency(self):
        """None is lost or mixed up."""
        self.start_worker(threads=3)
        answers = {}

        def ask(number):
            answers[number] = self.call(f"/echo/?{number}")[1].decode()

        threads = [threading.Thread(target=ask, args=[n]) for n in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, {n: repr(("GET", {}, {}, f"{n}")) for n in range(50)})


class BodyTests(SharedHTTPTestCase):
    def setUp(self):
        super().setUp()
        self.worker = self.start_worker()

    def post(self, path, body):
        return self.call(
            path,
            "post",
            data=b"",
            content_type="application/octet-stream",
            body=body,
            CONTENT_LENGTH=str(len(body.getvalue())),
        )

    def test_large(self):
        for path, data in (("/digest/", UPLOAD), ("/adigest/", UPLOAD[:4_000_000])):
            with self.subTest(path=path):
                response, body = self.post(path, Body(data))
                self.assertEqual(body.decode(), hashlib.sha256(data).hexdigest())

    def test_bounds(self):
        for size in (PART - 1, PART, PART + 1):
            with self.subTest(size=size):
                data = b"b" * size
                _, body = self.post("/digest/", Body(data))
                self.assertEqual(body.decode(), hashlib.sha256(data).hexdigest())

    async def test_asgi(self):
        scope = AsyncRequestFactory()._base_scope(path="/digest/", method="POST")
        scope["headers"].append((b"content-length", str(len(UPLOAD)).encode()))
        communicator = ApplicationCommunicator(get_asgi_application(), scope)
        await communicator.send_input({"type": "http.request", "body": UPLOAD})
        await communicator.receive_output(PATIENCE)
        message = await communicator.receive_output(PATIENCE)
        self.assertEqual(message["body"].decode(), hashlib.sha256(UPLOAD).hexdigest())
        await communicator.wait(PATIENCE)

    def test_upload(self):
        """Middleware and views see files as ever."""
        data = UPLOAD[:3_000_000]
        _, body = self.call("/echo/", "post", data={"f": SimpleUploadedFile("f", data)})
        self.assertEqual(body.decode(), repr(("POST", {}, {"f": data}, "")))

    def test_small_messages(self):
        """Parts are as large as the backend carries."""
        self.edge.max_message_bytes = self.worker.backend.max_message_bytes = 20_000
        data = UPLOAD[:300_000]
        _, body = self.post("/digest/", Body(data))
        self.assertEqual(body.decode(), hashlib.sha256(data).hexdigest())
        self.assertEqual(self.call("/large/100000/")[1], b"l" * 100_000)

    def test_slow_worker(self):
        """The edge reads no more of the body than the worker has room for."""
        from django.channels.remote_body import BodyFile

        gate = threading.Semaphore(0)
        add = BodyFile.add

        def add_later(self, content):
            gate.acquire()
            add(self, content)

        answers = []
        data = UPLOAD[:8_000_000]
        body = Body(data)
        self.start_worker()
        with mock.patch.object(BodyFile, "add", add_later):
            thread = threading.Thread(
                target=lambda: answers.append(self.post("/digest/", body))
            )
            thread.start()
            for added in range(20):
                gate.release()
                # The other worker is as fast as ever.
                self.call("/")
                self.assertLessEqual(body.taken, (added + 1 + 1 + 4) * PART)
            self.assertLess(body.taken, len(data))
            gate.release(1000)
            thread.join()
        self.assertEqual(answers[0][1].decode(), hashlib.sha256(data).hexdigest())

    @override_settings(CHANNEL_HTTP_TIMEOUT=0.2)
    def test_body_that_does_not_come(self):
        """The worker doesn't wait for ever either."""
        with (
            mock.patch.object(PendingRequest, "send_body"),
            mock.patch.object(PendingResponse, "_next", autospec=True) as following,
            self.assertLogs("django.channels.worker", "ERROR") as logs,
            self.assertLogs("django.request", "ERROR"),
        ):
            following.side_effect = lambda self: self._contents.get(timeout=PATIENCE)
            response, _ = self.post("/digest/", Body(UPLOAD))
        self.assertEqual(response.status_code, 500)
        self.assertIn("The rest of a request's body didn't come", logs.output[0])


class StreamTests(SharedHTTPTestCase):
    def setUp(self):
        super().setUp()
        self.worker = self.start_worker()

    def test_large(self):
        """What the view made whole arrives whole."""
        response, body = self.call("/large/20000000/")
        self.assertIs(type(response), HttpResponse)
        self.assertEqual(body, b"l" * 20_000_000)

    def test_streams(self):
        expected = b"".join(b"%d" % (n % 10) * PIECE for n in range(80))
        for path, number in (("stream", 80), ("astream", 12), ("mixed", 12)):
            with self.subTest(path=path):
                response, body = self.call(f"/{path}/{number}/")
                self.assertIs(response.streaming, True)
                self.assertIs(body == expected[: number * PIECE], True)

    async def test_asgi(self):
        for path in ("/stream/9/", "/astream/9/", "/large/2000000/"):
            with self.subTest(path=path):
                scope = AsyncRequestFactory()._base_scope(path=path)
                communicator = ApplicationCommunicator(get_asgi_application(), scope)
                await communicator.send_input({"type": "http.request"})
                start = await communicator.receive_output(PATIENCE)
                self.assertEqual(start["status"], 200)
                size, more = 0, True
                while more:
                    message = await communicator.receive_output(PATIENCE)
                    size += len(message.get("body", b""))
                    more = message.get("more_body")
                await communicator.wait(PATIENCE)
                self.assertEqual(size, 2_000_000 if "large" in path else 9 * PIECE)

    def test_file(self):
        response, body = self.call("/file/")
        with open(views_file, "rb") as file:
            self.assertEqual(body, file.read())
        self.assertEqual(response.headers["Content-Length"], str(len(body)))
        self.assertEqual(response.headers["Content-Type"], "text/x-python")

    def test_slow_reader(self):
        """The view makes no more than the client has room for."""
        self.start_worker()
        for path in ("/stream/20/", "/astream/20/"):
            with self.subTest(path=path):
                notes["made"] = 0
                response = self.begin(path)
                for read, _ in enumerate(response, 1):
                    if read < 8:
                        # Time in which a view without bounds would go on.
                        self.call("/")
                    # Four on their way, one that waits, one not yet told of.
                    self.assertLessEqual(notes["made"], read + 6)
                response.close()
                self.assertEqual((read, notes["made"]), (20, 20))

    def test_broken(self):
        """A body that isn't whole must not look whole."""
        with self.assertLogs("django.channels.worker", "ERROR"):
            response = self.begin("/broken/")
            with self.assertRaisesMessage(Exception, "failed before its response"):
                list(response)
        response.close()
        self.assertEqual(self.call("/")[1], b"hello")


class ForwardTests(SharedHTTPTestCase):
    """Views whose consumers are in another process."""

    @override_settings(CHANNEL_HTTP_BACKEND="local")
    def test_consumer_names_what_it_wants(self):
        @Channel.consumer("forwarded")
        def consumer(reply_channel, method, url_kwargs):
            Channel(reply_channel).send(content=f"{method} {url_kwargs}")

        self.start_worker(channel="forwarded")
        self.assertEqual(self.call("/forward/3/")[1], b"GET {'number': 3}")

    @override_settings(CHANNEL_HTTP_BACKEND="local")
    def test_wrong_reply(self):
        """Its sender doesn't hear of it here; the request gets its 500."""

        @Channel.consumer("forwarded")
        def consumer(reply_channel):
            worker.backend.send(Message(reply_channel, {"status": 99}))

        worker = self.start_worker(channel="forwarded")
        with self.assertLogs("django.channels", "ERROR") as logs:
            self.assertStatus(500, "/forward/3/")
        self.assertIn("A reply can't be used: A reply to an HTTP", logs.output[0])

    @override_settings(CHANNEL_HTTP_BACKEND="local")
    def test_streamed(self):
        """It's an error, and not a response that never ends."""

        def plain(request, number):
            return FileResponse(notes["file"])

        async def on_loop(request, number):
            return FileResponse(notes["file"])

        self.start_worker(channel="forwarded")
        for view in (plain, on_loop):
            with self.subTest(view=view.__name__), consumers.isolate():
                view_consumer("forwarded")(view)
                notes["file"] = BytesIO(b"x")
                with self.assertLogs("django.request", "ERROR") as logs:
                    response, _ = self.call("/forward/3/")
                self.assertEqual(response.status_code, 500)
                text = f"{view.__qualname__} returned a streamed response"
                self.assertIn(text, logs.output[0])
                self.assertIs(notes["file"].closed, True)
