"""WebSockets through the stock ASGI application, with a server that is a test."""

import asyncio
import threading
from enum import IntEnum
from unittest import mock

from asgiref.testing import ApplicationCommunicator

from django.channels import Channel, ChannelFull, Group, channel_backends
from django.channels.interfaces import asgi, asgi_worker
from django.channels.interfaces.limits import Limits
from django.core.asgi import get_asgi_application
from django.test import SimpleTestCase, override_settings
from django.utils.log import AdminEmailHandler

PATIENCE = 30


class ASGITestCase(SimpleTestCase):
    def setUp(self):
        # It configures logging, which a test's assertLogs() is not to miss.
        self.application = get_asgi_application()
        self.addCleanup(asgi_worker.stop_worker)
        # The line about channels in memory, which a test of its own is for.
        logger = mock.patch.object(asgi_worker, "logger")
        self.logger = logger.start()
        self.addCleanup(logger.stop)

    def limit(self, **limits):
        patch = mock.patch.object(
            asgi.Limits, "from_settings", lambda: Limits(**limits)
        )
        patch.start()
        self.addCleanup(patch.stop)

    def scope(self, path="/", headers=(), host=b"testserver", **values):
        return {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "ws",
            "path": path,
            "query_string": b"",
            "headers": [(b"host", host), *headers] if host else list(headers),
            "client": ("127.0.0.1", 1234),
            "server": ("127.0.0.1", 80),
            "subprotocols": [],
            "extensions": {"websocket.http.response": {}},
            **values,
        }

    async def serve(self, scope, receive, put):
        async def send(event):
            await self.before_send()
            await put(event)

        await self.application(scope, receive, send)

    async def before_send(self):
        """What a test puts in its place makes the client slow, or leave."""

    async def ask(self, **scope):
        """Begin a handshake."""
        socket = ApplicationCommunicator(self.serve, self.scope(**scope))
        await socket.send_input({"type": "websocket.connect"})
        return socket

    async def connect(self, **scope):
        socket = await self.ask(**scope)
        event = await self.output(socket)
        self.assertEqual(event["type"], "websocket.accept")
        return socket

    async def output(self, socket):
        return await socket.receive_output(timeout=PATIENCE)

    async def leave(self, socket, code=1001):
        await socket.send_input({"type": "websocket.disconnect", "code": code})
        await socket.wait(timeout=PATIENCE)

    async def refusal(self, **scope):
        """Return the events that refuse the handshake; the application ends."""
        socket = await self.ask(**scope)
        event = await self.output(socket)
        events = [event]
        if event["type"] == "websocket.http.response.start":
            events.append(await self.output(socket))
        await socket.wait(timeout=PATIENCE)
        return events


class ConversationTests(ASGITestCase):
    def setUp(self):
        super().setUp()
        self.told = []

        @Channel.consumer("websocket.connect")
        def connect(reply_channel, **content):
            self.told.append(content)
            Group("all").add(reply_channel)

        @Channel.consumer("websocket.receive")
        def receive(reply_channel, content):
            Channel(reply_channel).send(content=content)

        @Channel.consumer("websocket.disconnect")
        def disconnect(code, reason):
            self.told.append((code, reason))

    async def test_echo(self):
        socket = await self.connect()
        await socket.send_input({"type": "websocket.receive", "text": "é"})
        await socket.send_input(
            {"type": "websocket.receive", "bytes": b"\0", "text": None}
        )
        self.assertEqual(
            await self.output(socket), {"type": "websocket.send", "text": "é"}
        )
        self.assertEqual(
            await self.output(socket), {"type": "websocket.send", "bytes": b"\0"}
        )
        await socket.send_input(
            {"type": "websocket.disconnect", "code": 4000, "reason": "bye"}
        )
        await socket.wait(timeout=PATIENCE)
        self.assertEqual(self.told[1:], [(4000, "bye")])
        state = channel_backends["default"]._state
        self.assertEqual((state.sinks, state.groups, asgi._servers), ({}, {}, {}))

    def test_channel_is_full_after_the_loop(self):
        """Where a server ended without a word, each socket has its disconnect."""
        loop = asyncio.new_event_loop()
        self.addCleanup(loop.close)
        backend, refused = channel_backends["default"], set()
        send = backend.send

        def full_at_first(message):
            name = message.content.get("reply_channel")
            if message.channel == "websocket.disconnect" and name not in refused:
                refused.add(name)
                raise ChannelFull("full")
            send(message)

        async def connect():
            return [await self.connect() for _ in range(3)]

        sockets = loop.run_until_complete(connect())
        ending = RuntimeError("can't create new thread at interpreter shutdown")
        with (
            mock.patch.object(backend, "send", full_at_first),
            # As in Python 3.12.
            mock.patch.object(threading.Thread, "start", side_effect=ending),
        ):
            asgi.end_sockets()
        self.assertEqual(self.told[3:], [(1001, "")] * 3)
        self.assertEqual(len(refused), 3)
        for socket in sockets:
            loop.run_until_complete(socket.wait(timeout=PATIENCE))

    async def test_order(self):
        socket = await self.connect()
        numbers = [str(n) for n in range(100)]
        for number in numbers:
            await socket.send_input({"type": "websocket.receive", "text": number})
        got = [(await self.output(socket))["text"] for _ in numbers]
        self.assertEqual(got, numbers)
        await self.leave(socket)

    async def test_forced_script_name(self):
        """It's taken away as from a request's path, where it's there."""
        with override_settings(FORCE_SCRIPT_NAME="/app"):
            for path in ("/app/chat/", "/chat/"):
                await self.leave(await self.connect(path=path))
        paths = [content["path"] for content in self.told if "origin" in content]
        self.assertEqual(paths, ["/chat/", "/chat/"])

    async def test_connect_content(self):
        """It's what the project's own server tells, below the script name."""
        socket = await self.connect(
            path="/app/ö x/",
            root_path="/app",
            query_string=b"a=%20",
            scheme="wss",
            headers=[
                (b"cookie", b"a=b"),
                (b"origin", b"https://testserver"),
                (b"sec-websocket-protocol", b"one, two"),
                (b"x_y", b"dropped"),
            ],
        )
        await self.leave(socket)
        content = self.told[0]
        self.assertEqual(content["path"], "/ö x/")
        self.assertEqual(content["query_string"], "a=%20")
        self.assertEqual(content["scheme"], "wss")
        self.assertEqual(content["cookies"], {"a": "b"})
        self.assertEqual(content["client"], ["127.0.0.1", 1234])
        self.assertEqual(content["server"], ["127.0.0.1", 80])
        self.assertEqual(content["subprotocols"], ["one", "two"])
        self.assertNotIn("x_y", dict(content["headers"]))

    async def test_scope_without_addresses(self):
        """A Unix socket has none; the keys are optional."""
        scope = {"client": None, "server": ("/run/site.sock", None)}
        await self.leave(await self.connect(**scope))
        self.assertEqual(self.told[0]["client"], ["", 0])
        self.assertEqual(self.told[0]["server"], ["/run/site.sock", 0])

    async def test_port_as_text(self):
        """Granian's way."""
        await self.leave(await self.connect(client=("127.0.0.1", "1234")))
        self.assertEqual(self.told[0]["client"], ["127.0.0.1", 1234])

    async def test_scope_without_optional_keys(self):
        """Each of them may be missing, and some may be None."""
        optional = {
            "http_version": (),
            "scheme": (),
            "query_string": [None],
            "root_path": [None],
            "client": [None],
            "server": [None],
            "subprotocols": (),
            "extensions": [None],
        }
        whole = self.scope()
        scopes = [
            {k: v for k, v in whole.items() if k not in optional},
            {**whole, "asgi": {"version": "3.0"}},
            *({**whole, k: v} for k in optional for v in optional[k]),
        ]
        for scope in scopes:
            with self.subTest(scope=scope):
                socket = ApplicationCommunicator(self.serve, scope)
                await socket.send_input({"type": "websocket.connect"})
                await self.output(socket)
                await self.leave(socket)
                self.assertEqual(self.told[-2]["query_string"], "")

    async def test_group(self):
        sockets = [await self.connect() for _ in range(3)]
        await Group("all").asend(content="all")
        for socket in sockets:
            event = {"type": "websocket.send", "text": "all"}
            self.assertEqual(await self.output(socket), event)
        for socket in sockets:
            await self.leave(socket)

    async def test_send_after_client_left(self):
        """An error in send() is no application's error; disconnect follows."""
        socket = await self.connect()
        sent = asyncio.Event()

        async def fail():
            sent.set()
            raise OSError("The client has left.")

        self.before_send = fail
        await Group("all").asend(content="lost")
        await sent.wait()
        await self.leave(socket)
        self.assertEqual(self.told[1:], [(1001, "")])

    async def test_client_left_before_refusal(self):
        """What send() raises then is no error of the application's."""
        for error in (OSError, RuntimeError):
            self.before_send = mock.AsyncMock(side_effect=error("It has left."))
            socket = await self.ask(host=None)
            await socket.wait(timeout=PATIENCE)

    async def test_client_left_before_close(self):
        """Disconnect follows at once, though receive() isn't asked any more."""
        self.limit(close_timeout=PATIENCE * 10)
        socket = await self.connect()
        self.before_send = mock.AsyncMock(side_effect=OSError("It has left."))
        await Group("all").asend(close=4000)
        await socket.wait(timeout=PATIENCE)
        self.assertEqual(self.told[1:], [(1006, "")])

    async def test_cancelled(self):
        """A server that stops may cancel; disconnect comes all the same."""
        socket = await self.connect()
        socket.future.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await socket.future
        self.assertEqual(self.told[1:], [(1001, "")])
        self.assertEqual(channel_backends["default"]._state.groups, {})
        self.assertEqual(len(asyncio.all_tasks()), 1)

    async def test_code_is_plain(self):
        """Uvicorn's is of a class of its own."""
        await self.leave(await self.connect(), IntEnum("Code", {"AWAY": 1001}).AWAY)
        code, _ = self.told[1]
        self.assertIs(type(code), int)

    async def test_too_big(self):
        self.limit(message_size=10)
        socket = await self.connect()
        await socket.send_input({"type": "websocket.receive", "text": "é" * 6})
        event = {"type": "websocket.close", "code": 1009}
        self.assertEqual(await self.output(socket), event)
        await socket.wait(timeout=PATIENCE)
        self.assertEqual(self.told[1:], [(1009, "")])

    async def test_event_that_holds_no_message(self):
        """It's closed as a message with invalid data, and disconnect comes."""
        events = ({}, {"text": None, "bytes": None}, {"text": "\udc80"})
        for event in events:
            with self.subTest(event=event):
                socket = await self.connect()
                await socket.send_input({"type": "websocket.receive", **event})
                close = {"type": "websocket.close", "code": 1007}
                self.assertEqual(await self.output(socket), close)
                await socket.wait(timeout=PATIENCE)
                self.assertEqual(self.told[-1], (1007, ""))

    async def test_slow_client(self):
        """Messages wait up to a limit; past it a socket is passed over."""
        self.limit(messages_waiting=3)
        socket = await self.connect()
        taking = asyncio.Event()

        self.before_send = taking.wait
        (edge,) = asgi._servers[asyncio.get_running_loop()].sockets.by_name.values()
        await Group("all").asend(content="0")
        while not edge.handed or edge.held:
            await asyncio.sleep(0)
        with self.assertLogs("django.channels", "WARNING") as logs:
            for n in range(1, 6):
                await Group("all").asend(content=str(n))
        taking.set()
        got = [(await self.output(socket))["text"] for _ in range(4)]
        self.assertEqual(got, ["0", "1", "2", "3"])
        self.assertEqual(len(logs.output), 2)
        self.assertEqual(channel_backends["default"].dropped, {"full": 2})
        await self.leave(socket)

    async def test_worker(self):
        """One for the process, said once to be for itself."""
        for _ in range(2):
            await self.leave(await self.connect())
        self.logger.warning.assert_called_once()
        self.assertIn("in its memory", self.logger.warning.call_args[0][0])

    async def test_channels_off(self):
        with override_settings(CHANNEL_HTTP_BACKEND=None):
            msg = "Django can only handle ASGI/HTTP connections, not websocket."
            with self.assertRaisesMessage(ValueError, msg):
                await self.application(self.scope(), None, None)

    async def test_lifespan(self):
        msg = "Django can only handle ASGI/HTTP connections, not lifespan."
        with self.assertRaisesMessage(ValueError, msg):
            await self.application({"type": "lifespan"}, None, None)

    async def test_gone_before_handshake(self):
        socket = ApplicationCommunicator(self.application, self.scope())
        await socket.send_input({"type": "websocket.disconnect", "code": 1006})
        await socket.wait(timeout=PATIENCE)
        self.assertEqual(self.told, [])

    async def test_foreign_origin(self):
        with self.assertLogs("django.security.DisallowedHost", "ERROR"):
            start, body = await self.refusal(headers=[(b"origin", b"http://evil.com")])
        self.assertEqual(start["status"], 403)
        self.assertEqual(body["body"], b"403 Forbidden\n")

    @override_settings(ADMINS=["a@b.example"])
    async def test_mail_of_a_handshake(self):
        """The event loop doesn't wait for it."""
        by, mailed = [], threading.Event()

        def mail(*args, **kwargs):
            by.append(threading.current_thread().name)
            mailed.set()

        # Those of an earlier test are about handlers of an earlier set-up.
        asgi._mails.cache_clear()
        with mock.patch.object(AdminEmailHandler, "send_mail", mail):
            start, _ = await self.refusal(host=b"other")
            self.assertEqual(start["status"], 400)
            self.assertTrue(mailed.wait(PATIENCE))
        self.assertEqual(by, ["channels-mails"])

    async def test_foreign_host(self):
        with self.assertLogs("django.security.DisallowedHost", "ERROR"):
            start, _ = await self.refusal(host=b"other")
        self.assertEqual(start["status"], 400)

    async def test_no_host(self):
        start, _ = await self.refusal(host=None)
        self.assertEqual(start["status"], 400)


class AnswerTests(ASGITestCase):
    """What a consumer's reply to connect becomes."""

    def answer(self, **reply):
        @Channel.consumer("websocket.connect")
        def connect(reply_channel):
            Channel(reply_channel).send(**reply)

    async def test_subprotocol(self):
        self.answer(accept=True, subprotocol="two")
        headers = [(b"sec-websocket-protocol", b"one, two")]
        socket = await self.ask(headers=headers)
        event = {"type": "websocket.accept", "subprotocol": "two"}
        self.assertEqual(await self.output(socket), event)
        await self.leave(socket)

    async def test_refused(self):
        self.answer(close=True)
        start, body = await self.refusal()
        self.assertEqual(start["status"], 403)
        self.assertIn((b"content-length", b"14"), start["headers"])

    async def test_refused_with_status(self):
        self.answer(status=503)
        start, _ = await self.refusal()
        self.assertEqual(start["status"], 503)
        self.assertIn((b"retry-after", b"1"), start["headers"])

    async def test_server_without_the_extension(self):
        """It has one answer for every refusal, 403."""
        self.answer(status=404)
        events = await self.refusal(extensions={})
        self.assertEqual(events, [{"type": "websocket.close"}])

    async def test_closed(self):
        self.answer(accept=True, content="last", close=4001, reason="ü" * 100)
        socket = await self.connect()
        self.assertEqual((await self.output(socket))["text"], "last")
        event = await self.output(socket)
        self.assertEqual(event["code"], 4001)
        # RFC 6455 section 5.5: 125 bytes with the code's two.
        self.assertEqual(event["reason"], "ü" * 61)
        await socket.wait(timeout=PATIENCE)

    async def test_server_without_the_code(self):
        """A client isn't left alone with a socket that Daphne doesn't close."""

        async def serve(scope, receive, put):
            async def send(event):
                if 1000 < event.get("code", 1000) < 3000:
                    raise Exception("invalid close code")
                await put(event)

            await self.application(scope, receive, send)

        self.serve = serve
        self.answer(accept=True, close=1012, reason="later")
        socket = await self.connect()
        event = {"type": "websocket.close", "code": 1000, "reason": "later"}
        self.assertEqual(await self.output(socket), event)
        await socket.wait(timeout=PATIENCE)

    async def test_reason_needs_a_newer_server(self):
        self.answer(accept=True, close=4001, reason="old")
        socket = await self.connect(asgi={"spec_version": "2.2"})
        event = {"type": "websocket.close", "code": 4001}
        self.assertEqual(await self.output(socket), event)
        await socket.wait(timeout=PATIENCE)

    async def test_client_does_not_take_close(self):
        self.limit(close_timeout=0.01)
        self.answer(accept=True, close=True)
        self.before_send = asyncio.Event().wait
        socket = await self.ask()
        await socket.wait(timeout=PATIENCE)

    async def test_no_consumer(self):
        with self.assertLogs("django.channels.server", "WARNING"):
            start, _ = await self.refusal()
        self.assertEqual(start["status"], 404)


class ConsumerTests(ASGITestCase):
    async def test_failed_connect(self):
        @Channel.consumer("websocket.connect")
        def connect():
            raise ValueError

        with self.assertLogs("django.channels.worker", "ERROR"):
            start, _ = await self.refusal()
        self.assertEqual(start["status"], 500)

    async def test_failed_receive(self):
        @Channel.consumer("websocket.receive")
        def receive():
            raise ValueError

        with self.assertLogs("django.channels.worker", "ERROR"):
            socket = await self.connect()
            await socket.send_input({"type": "websocket.receive", "text": ""})
            event = {"type": "websocket.close", "code": 1011}
            self.assertEqual(await self.output(socket), event)
            await socket.wait(timeout=PATIENCE)

    async def test_slow_connect(self):
        self.limit(handshake_timeout=0.01)
        released = threading.Event()

        @Channel.consumer("websocket.connect")
        def connect():
            released.wait(PATIENCE)

        with self.assertLogs("django.channels.server", "WARNING"):
            socket = await self.ask()
            event = await self.output(socket)
            released.set()
            await self.output(socket)
            await socket.wait(timeout=PATIENCE)
        self.assertEqual(event["status"], 504)

    async def test_async_consumer(self):
        """It's on the server's event loop, as async views are."""
        loops = []

        @Channel.consumer("websocket.receive")
        async def receive(reply_channel, content):
            loops.append(asyncio.get_running_loop())
            await Channel(reply_channel).asend(content=content)

        socket = await self.connect()
        await socket.send_input({"type": "websocket.receive", "text": "a"})
        self.assertEqual((await self.output(socket))["text"], "a")
        self.assertEqual(loops, [asyncio.get_running_loop()])
        await self.leave(socket)

    async def test_fast_client(self):
        """It's read no further while frames wait for their consumers."""
        self.limit(frames_waiting=2)
        began, released = threading.Event(), threading.Event()

        @Channel.consumer("websocket.receive")
        def receive(reply_channel, content):
            began.set()
            released.wait(PATIENCE)
            Channel(reply_channel).send(content=content)

        socket = await self.connect()
        for n in range(10):
            await socket.send_input({"type": "websocket.receive", "text": str(n)})
        while not began.is_set():
            await asyncio.sleep(0)
        (edge,) = asgi._servers[asyncio.get_running_loop()].sockets.by_name.values()
        while edge._readable.is_set():
            await asyncio.sleep(0)
        self.assertGreater(socket.input_queue.qsize(), 4)
        released.set()
        got = [(await self.output(socket))["text"] for _ in range(10)]
        self.assertEqual(got, [str(n) for n in range(10)])
        await self.leave(socket)
