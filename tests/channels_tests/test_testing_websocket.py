import subprocess
import sys
import threading
import unittest
from unittest import mock

from django.channels import Channel, Group, channel_backends
from django.channels.testing import isolation
from django.channels.worker import Worker
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpResponse, QueryDict
from django.test import SimpleTestCase, TestCase, override_settings
from django.urls import path
from django.utils.functional import lazystr

from .running import environment
from .test_channel import memory


def broadcast(request):
    Group("room").send(content="from a view")
    return HttpResponse()


urlpatterns = [path("broadcast/", broadcast)]


class EchoTestCase(SimpleTestCase):
    """With an echo that writes down what else it's told."""

    def setUp(self):
        self.told = []

        @Channel.consumer("websocket.connect")
        def connect(reply_channel, **content):
            self.told.append(content)

        @Channel.consumer("websocket.receive")
        def receive(reply_channel, content):
            Channel(reply_channel).send(content=content)

        @Channel.consumer("websocket.disconnect")
        def disconnect(code, reason):
            self.told.append((code, reason))


class WebSocketTests(EchoTestCase):
    def test_conversation(self):
        with self.client.websocket("/a/") as socket:
            self.assertIs(socket.accepted, True)
            self.assertEqual(socket.response.status_code, 101)
            socket.send("text")
            socket.send(b"\0")
            socket.send_json({"a": [1]})
            self.assertEqual(socket.receive(), "text")
            self.assertEqual(socket.receive(), b"\0")
            self.assertEqual(socket.receive_json(), {"a": [1]})
            socket.receive_nothing()
            self.assertIs(socket.closed, False)
        self.assertEqual(self.told[1:], [(1000, "")])
        self.assertEqual(socket.close_code, 1000)
        self.assertConsumed("websocket.receive", times=3)
        self.assertEqual(channel_backends["default"]._state.sinks, {})

    def test_outside_tests(self):
        """A client in a shell, or in a test of unittest alone, opens sockets too."""
        # What is here in a test is made at its first use.
        self.assertIs(channel_backends["default"].process_local, True)
        isolation.current.used = True
        with mock.patch.object(isolation, "current", None):
            with self.client.websocket("/a/") as socket:
                socket.send("text")
                self.assertEqual(socket.receive(), "text")

    def test_handshake(self):
        self.client.cookies["a"] = "b c"
        self.client.websocket(
            "/ä/?x=1",
            headers={"X-Token": "t"},
            subprotocols=["chat", "v2"],
            secure=True,
            REMOTE_ADDR="10.0.0.1",
        )
        told = self.told[0]
        self.assertEqual(told["path"], "/ä/")
        self.assertEqual(told["query_string"], "x=1")
        self.assertEqual(told["scheme"], "wss")
        self.assertEqual(told["cookies"], {"a": "b c"})
        self.assertEqual(told["subprotocols"], ["chat", "v2"])
        self.assertEqual(told["client"], ["10.0.0.1", 0])
        self.assertIn(["x-token", "t"], told["headers"])
        self.assertIn(["host", "testserver"], told["headers"])

    def test_query_params(self):
        self.client.websocket("/", query_params={"a": [1, 2]})
        self.assertEqual(self.told[0]["query_string"], "a=1&a=2")

    def test_target(self):
        """Path and query are those that a request with these arguments has."""
        for target, query_params in (
            ("/ä/?x=1&y=ä", None),
            ("/?x=1", {"a": "ä"}),
            ("/", QueryDict("a=1&a=2")),
            ("/?x=1#part", {}),
            ("/#part", None),
            (lazystr("/?x"), {"a": 1}),
        ):
            with self.subTest(target=target, query_params=query_params):
                response = self.client.get(target, query_params=query_params)
                self.client.websocket(target, query_params=query_params)
                query = QueryDict(self.told[-1]["query_string"])
                self.assertEqual(query, response.wsgi_request.GET)
                self.assertEqual(self.told[-1]["path"], response.wsgi_request.path)
        with self.assertRaisesMessage(TypeError, "Cannot encode None for key 'a'"):
            self.client.websocket("/", query_params={"a": None})

    def test_client_headers(self):
        client = self.client_class(headers={"user-agent": "me"}, HTTP_X_Y="z")
        client.websocket("/")
        self.assertIn(["user-agent", "me"], self.told[0]["headers"])
        self.assertIn(["x-y", "z"], self.told[0]["headers"])

    def test_close(self):
        socket = self.client.websocket("/")
        socket.close(4000, "bye")
        socket.close()
        self.assertEqual(self.told[1:], [(4000, "bye")])
        with self.assertRaisesMessage(
            AssertionError, "the socket was closed with code 4000 (bye)."
        ):
            socket.send("too late")

    def test_not_closed_after_an_error(self):
        """The block's exception isn't followed by one of a consumer."""
        with self.assertRaisesMessage(ValueError, "first"):
            with self.client.websocket("/"):
                raise ValueError("first")

    def test_wrong_type(self):
        with self.assertRaisesMessage(TypeError, "not dict; send_json() sends"):
            self.client.websocket("/").send({})

    def test_message_too_big(self):
        socket = self.client.websocket("/")
        socket.send("x" * (1024 * 1024 + 1))
        self.assertEqual(socket.close_code, 1009)
        self.assertEqual(self.told[1:], [(1009, "")])

    def test_nothing_came(self):
        socket = self.client.websocket("/a/")
        socket.send("first")
        socket.receive()
        Channel("later").send()
        msg = (
            "No message came within 0 seconds: the socket is open. What came before: "
            "'first'. Messages wait on 'later': run_messages() runs their consumers."
        )
        with self.assertRaisesMessage(AssertionError, msg):
            socket.receive(timeout=0)

    def test_something_came(self):
        socket = self.client.websocket("/")
        socket.send("x")
        with self.assertRaisesMessage(AssertionError, "What came unexpectedly: 'x'."):
            socket.receive_nothing()
        with self.assertRaisesMessage(AssertionError, "What came isn't JSON: 'x'."):
            socket.receive_json()

    def test_many_messages(self):
        """A client takes what comes; none is too slow."""
        socket = self.client.websocket("/")
        for i in range(300):
            socket.send(str(i))
        self.assertEqual([socket.receive() for _ in range(300)][-1], "299")

    def test_what_is_no_message_from_another_thread(self):
        """It doesn't end the wait for a message."""
        socket = self.client.websocket("/").connect()
        reply = Channel(socket._edge.conversation.handshake["reply_channel"])
        to_send = [{"state": {"a": 1}}, {"content": "x"}]
        wait = socket._wait

        def send_and_wait(timeout):
            sender = threading.Thread(target=reply.send, kwargs=to_send.pop(0))
            sender.start()
            sender.join()
            return wait(timeout)

        with mock.patch.object(socket, "_wait", send_and_wait):
            self.assertEqual(socket.receive(timeout=60), "x")
        socket.close()


class ServerTests(SimpleTestCase):
    """What consumers do to a socket."""

    def consumer(self, channel):
        return Channel.consumer(f"websocket.{channel}")

    def test_refused(self):
        @self.consumer("connect")
        def connect(reply_channel):
            Channel(reply_channel).send(content="unseen")
            Channel(reply_channel).send(status=403)

        with self.client.websocket("/") as socket:
            self.assertIs(socket.accepted, False)
            self.assertEqual(socket.response.status_code, 403)
            with self.assertRaisesMessage(AssertionError, "refused with status 403."):
                socket.receive()
            with self.assertRaisesMessage(AssertionError, "refused with status 403."):
                socket.send("x")

    def test_refused_and_disconnected(self):
        """Disconnect comes if connect did, as from the server."""
        codes = []

        @self.consumer("connect")
        def connect(reply_channel):
            Channel(reply_channel).send(close=True)

        @self.consumer("disconnect")
        def disconnect(code):
            codes.append(code)

        self.assertEqual(self.client.websocket("/").status_code, 403)
        self.assertEqual(codes, [1006])

    def test_no_consumers(self):
        with self.assertLogs("django.channels.server", "WARNING"):
            self.assertEqual(self.client.websocket("/").status_code, 404)

    @override_settings(ALLOWED_HOSTS=["testserver"])
    def test_origin_and_host(self):
        """The checks are the server's."""

        @self.consumer("receive")
        def receive():
            pass

        for headers, status in (
            ({}, 101),
            ({"Origin": "https://testserver"}, 101),
            ({"Origin": "https://evil.example"}, 403),
            ({"Host": "evil.example"}, 400),
        ):
            with self.subTest(headers=headers):
                if status == 101:
                    socket = self.client.websocket("/", headers=headers)
                else:
                    with self.assertLogs("django.security.DisallowedHost", "ERROR"):
                        socket = self.client.websocket("/", headers=headers)
                self.assertEqual(socket.status_code, status)

    def test_subprotocol(self):
        @self.consumer("connect")
        def connect(reply_channel, subprotocols):
            Channel(reply_channel).send(accept=True, subprotocol=subprotocols[-1])

        socket = self.client.websocket("/", subprotocols=["a", "b"])
        self.assertEqual(socket.subprotocol, "b")

    def test_state_and_close(self):
        @self.consumer("connect")
        def connect(reply_channel, path):
            Channel(reply_channel).send(accept=True, state={"path": path})

        @self.consumer("receive")
        def receive(reply_channel, state, content):
            Channel(reply_channel).send(content=state["path"])
            Channel(reply_channel).send(close=1008, reason="Too long.")

        codes = []

        @self.consumer("disconnect")
        def disconnect(code):
            codes.append(code)

        socket = self.client.websocket("/a/")
        socket.send("x")
        self.assertEqual((socket.close_code, socket.close_reason), (1008, "Too long."))
        self.assertEqual(socket.receive(), "/a/")
        self.assertEqual(codes, [1008])
        msg = "the socket was closed with code 1008 (Too long.)."
        with self.assertRaisesMessage(AssertionError, msg):
            socket.receive()

    def test_consumer_fails(self):
        @self.consumer("receive")
        def receive():
            raise ValueError("why")

        socket = self.client.websocket("/")
        with self.assertLogs("django.channels.worker", "ERROR"):
            with self.assertRaisesMessage(ValueError, "why"):
                socket.send("x")
        self.assertEqual(socket.close_code, 1011)
        self.client.raise_request_exception = False
        socket = self.client.websocket("/")
        with self.assertLogs("django.channels.worker", "ERROR"):
            socket.send("x")
        self.assertEqual(socket.close_code, 1011)

    def test_connect_fails(self):
        @self.consumer("connect")
        def connect():
            raise ValueError

        self.client.raise_request_exception = False
        with self.assertLogs("django.channels.worker", "ERROR"):
            self.assertEqual(self.client.websocket("/").status_code, 500)

    @override_settings(CHANNEL_BACKENDS=memory(CAPACITY={"websocket.connect": 0}))
    def test_connect_full(self):
        @self.consumer("connect")
        def connect():
            pass

        response = self.client.websocket("/").response
        self.assertEqual(response.status_code, 503)
        self.assertEqual(response.headers["Retry-After"], "1")

    @override_settings(CHANNEL_BACKENDS=memory(CAPACITY={"websocket.receive": 0}))
    def test_receive_full(self):
        @self.consumer("receive")
        def receive():
            pass

        socket = self.client.websocket("/")
        with self.assertLogs("django.channels.server", "WARNING"):
            socket.send("x")
        self.assertEqual(socket.close_code, 1013)

    @override_settings(ROOT_URLCONF=__name__)
    def test_group(self):
        """Several sockets, from a view and from each other."""

        @self.consumer("connect")
        def connect(reply_channel):
            Group("room").add(reply_channel)

        @self.consumer("receive")
        async def receive(content):
            await Group("room").asend(content=content)

        first, second = self.client.websocket("/"), self.client.websocket("/")
        first.send("hello")
        self.assertEqual(first.receive(), "hello")
        self.assertEqual(second.receive(), "hello")
        self.assertGroupSent("room", content="hello")
        self.client.get("/broadcast/")
        self.assertEqual(first.receive(), "from a view")
        first.close()
        Group("room").send(content="for the second")
        self.assertEqual(second.receive(), "from a view")
        self.assertEqual(second.receive(), "for the second")
        first.receive_nothing()

    def test_answer_through_another_channel(self):
        @self.consumer("receive")
        def receive(reply_channel, content):
            Channel("slow").send(reply_channel=reply_channel, content=content)

        @Channel.consumer("slow")
        def slow(reply_channel, content):
            Channel(reply_channel).send(content=content.upper())

        socket = self.client.websocket("/")
        socket.send("a")
        socket.receive_nothing()
        self.assertEqual(self.run_messages(), 1)
        self.assertEqual(socket.receive(), "A")
        with self.runMessages():
            socket.send("b")
            self.assertEqual(socket.receive(), "B")

    def test_from_another_thread(self):
        """receive() waits for it."""

        @self.consumer("connect")
        def connect(reply_channel):
            Group("room").add(reply_channel)

        socket = self.client.websocket("/")
        thread = threading.Thread(target=Group("room").send, kwargs={"content": "x"})
        thread.start()
        self.assertEqual(socket.receive(timeout=60), "x")
        thread.join()

    def test_with_a_worker(self):
        """Where a worker's threads are, they do it."""
        threads = []

        @self.consumer("receive")
        def receive(reply_channel, content):
            threads.append(threading.current_thread())
            Channel(reply_channel).send(content=content)

        worker = Worker(channel_backends["default"])
        worker.start()
        try:
            socket = self.client.websocket("/")
            socket.send("x")
            self.assertEqual(socket.receive(), "x")
        finally:
            worker.stop(10)
        self.assertEqual(len(threads), 1)


class AsyncWebSocketTests(EchoTestCase):
    async def test_conversation(self):
        async with self.async_client.websocket("/a/", subprotocols=["x"]) as socket:
            self.assertEqual(socket.status_code, 101)
            await socket.send("text")
            await socket.send_json([1])
            self.assertEqual(await socket.receive(), "text")
            self.assertEqual(await socket.receive_json(), [1])
            await socket.receive_nothing()
            with self.assertRaisesMessage(AssertionError, "No message came within"):
                await socket.receive(timeout=0.01)
        self.assertEqual(self.told[1:], [(1000, "")])

    async def test_await(self):
        socket = await self.async_client.websocket("/a/")
        self.assertEqual(self.told[0]["path"], "/a/")
        await socket.close(4000)
        self.assertEqual(self.told[1:], [(4000, "")])

    async def test_async_consumer(self):
        @Channel.consumer("slow")
        async def slow(reply_channel):
            await Channel(reply_channel).asend(content="done")

        @Channel.consumer("fails")
        async def fails():
            raise ValueError("why")

        socket = await self.async_client.websocket("/")
        reply_channel = socket._edge.name
        await Channel("slow").asend(reply_channel=reply_channel)
        await self.arun_messages()
        self.assertEqual(await socket.receive(), "done")
        await Channel("fails").asend()
        with self.assertLogs("django.channels.worker", "ERROR"):
            with self.assertRaisesMessage(ValueError, "why"):
                await self.arun_messages()


class DatabaseTests(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.user = User.objects.create_user("ada", password="secret")

    def setUp(self):
        @Channel.consumer("websocket.connect")
        def connect(reply_channel, cookies):
            session = SessionStore(cookies.get("sessionid"))
            Channel(reply_channel).send(state={"user": session.get("_auth_user_id")})

        @Channel.consumer("websocket.receive")
        def receive(reply_channel, state, content):
            User.objects.filter(pk=state["user"]).update(first_name=content)
            Channel(reply_channel).send(content=str(state["user"]))

    def test_login(self):
        """Its session, in the test's transaction."""
        self.client.login(username="ada", password="secret")
        with self.client.websocket("/") as socket:
            socket.send("Ada")
            self.assertEqual(socket.receive(), str(self.user.pk))
        self.user.refresh_from_db()
        self.assertEqual(self.user.first_name, "Ada")

    def test_rolled_back(self):
        self.assertEqual(User.objects.get().first_name, "")

    async def test_async_login(self):
        await self.async_client.alogin(username="ada", password="secret")
        async with self.async_client.websocket("/") as socket:
            await socket.send("Ada")
            self.assertEqual(await socket.receive(), str(self.user.pk))


class ImportTests(unittest.TestCase):
    def test_needs_no_server(self):
        """The client's sockets need neither Twisted nor Autobahn."""
        code = (
            "import sys; import django.test.channels as c; c.WebSocket; "
            "sys.exit(bool({'twisted', 'autobahn'} & {*sys.modules}))"
        )
        run = subprocess.run([sys.executable, "-c", code], env=environment())
        self.assertEqual(run.returncode, 0)
