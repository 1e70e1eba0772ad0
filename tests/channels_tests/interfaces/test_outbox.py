import threading
from unittest import mock

from django.channels.backends.memory import MemoryChannelBackend
from django.channels.exceptions import (
    BackendUnavailable,
    ChannelFull,
    MessageTooLarge,
)
from django.channels.interfaces.frames import frame_of
from django.channels.interfaces.limits import Limits
from django.channels.interfaces.mailbox import Mailbox
from django.channels.interfaces.outbox import Outbox
from django.channels.interfaces.sockets import Sockets
from django.channels.interfaces.websocket_factory import WebSocketFactory
from django.channels.message import Message
from django.http import HttpResponse
from django.test import SimpleTestCase

from .test_websocket import (
    CONNECT,
    DISCONNECT,
    RECEIVE,
    WebSocketTestCase,
    frame,
    handshake,
)
from .wires import HTTPWire, Reactor, lose, parts_of, status_of

PATIENCE = 60


class OutboxTests(SimpleTestCase):
    def setUp(self):
        self.reactor = Reactor()
        self.outbox = Outbox(Mailbox(self.reactor.callFromThread), threads=3)
        self.addCleanup(self.outbox.close)

    def test_order(self):
        """A key's calls are made one after the other, whatever others do."""
        done = {str(key): [] for key in range(20)}
        ended = threading.Semaphore(0)

        def call(key, number):
            done[key].append(number)
            ended.release()

        for number in range(50):
            for key in done:
                self.outbox.post(key, call, key, number)
        for _ in range(50 * len(done)):
            self.assertIs(ended.acquire(timeout=PATIENCE), True)
        for key, numbers in done.items():
            self.assertEqual(numbers, list(range(50)), key)

    def test_close(self):
        """It may wait for what is on its way."""
        begun, go_on, done = threading.Event(), threading.Event(), []

        def call():
            begun.set()
            go_on.wait(PATIENCE)
            done.append(True)

        self.outbox.post("a", call)
        begun.wait(PATIENCE)
        self.outbox.close()
        self.assertEqual(done, [])
        go_on.set()
        self.outbox.close(PATIENCE)
        self.assertEqual(done, [True])

    def test_close_from_its_own_thread(self):
        """As the last socket's end may do."""
        closed = threading.Event()

        def close():
            self.outbox.close()
            closed.set()

        with self.assertNoLogs("django.channels.server"):
            self.outbox.post("a", close)
            self.assertIs(closed.wait(PATIENCE), True)

    def test_answer(self):
        """What a call returns is told in the reactor's thread, not in its own."""
        ended = threading.Event()
        told = []
        self.outbox.post("a", str, 1, then=told.append)
        self.outbox.post("a", ended.set)
        self.assertIs(ended.wait(PATIENCE), True)
        self.assertEqual(told, [])
        self.reactor.spin()
        self.assertEqual(told, ["1"])

    def test_error(self):
        """A fault of one call's harms none of the others."""
        ended = threading.Event()
        with self.assertLogs("django.channels.server", "ERROR"):
            self.outbox.post("a", int, "x")
            self.outbox.post("a", ended.set)
            self.assertIs(ended.wait(PATIENCE), True)


class Later:
    """An outbox whose calls are made when the test says so."""

    def __init__(self):
        self.calls = []

    def post(self, key, function, *args, then=None):
        self.calls.append((function, args, then))

    def work(self, most=1000):
        while self.calls and most:
            most -= 1
            function, args, then = self.calls.pop(0)
            result = function(*args)
            if then is not None:
                then(result)


class SharedBackend(MemoryChannelBackend):
    """A backend that raises what ``errors`` has for a channel."""

    process_local = False

    def __init__(self, *args):
        super().__init__(*args)
        self.errors = {}

    def send(self, message):
        if message.channel in self.errors:
            raise self.errors[message.channel]
        super().send(message)

    def renew_inbox(self):
        if "inbox" in self.errors:
            raise self.errors["inbox"]

    def listen(self, name, sink):
        if "listen" in self.errors:
            raise self.errors["listen"]
        super().listen(name, sink)


REFUSED = BackendUnavailable("refused", unsent=True)
LOST = BackendUnavailable("lost")


class SharedSocketTests(WebSocketTestCase):
    """Sockets on a backend that the reactor's thread doesn't wait for."""

    def setUp(self):
        super().setUp()
        self.backend = SharedBackend("default", {"LOCATION": self.id()})
        self.outbox = Later()
        limits = Limits(message_size=1000, messages_waiting=3, message_timeout=60.0)
        self.sockets = Sockets(
            self.backend,
            Mailbox(self.reactor.callFromThread),
            self.notes,
            limits,
            WebSocketFactory(self.reactor, limits).make_protocol,
            frame_of,
            outbox=self.outbox,
            clock=self.reactor,
        )
        self.http.factory.sockets = self.sockets
        self.http.factory.limits = limits

    def open(self):
        self.http.receive(handshake())
        self.work()
        connect = self.taken(CONNECT)
        self.done(connect)
        self.assertEqual(status_of(self.wire.take()), 101)
        return connect

    def work(self):
        self.outbox.work()
        self.reactor.spin()

    def closed(self):
        """Return the code that the socket was closed with, None if it's open."""
        # After the pings.
        _, _, close = self.wire.take().partition(b"\x88\x02")
        return int.from_bytes(close[:2], "big") if close else None

    def test_nothing_is_asked_of_the_backend_in_the_reactor(self):
        self.http.receive(handshake())
        self.assertEqual(self.backend._state.sinks, {})
        self.assertNothing(CONNECT)
        self.open_after_all()
        self.send(frame(b"a"))
        self.assertNothing(RECEIVE)
        self.work()
        self.assertEqual(self.taken(RECEIVE).content["content"], "a")

    def open_after_all(self):
        self.work()
        self.done(self.taken(CONNECT))
        self.wire.take()

    def test_inbox_that_cannot_be_renewed(self):
        """Nothing was sent then, and the message is sent when it can be."""
        self.open()
        self.backend.errors["inbox"] = BackendUnavailable("away")
        self.send(frame(b"a"))
        with self.assertLogs("django.channels.server", "WARNING"):
            self.work()
        self.assertNothing(RECEIVE)
        del self.backend.errors["inbox"]
        self.reactor.advance(1)
        self.work()
        self.assertEqual(self.taken(RECEIVE).content["content"], "a")

    def test_one_at_a_time(self):
        self.open()
        self.send(frame(b"a"))
        self.send(frame(b"b"))
        self.work()
        first = self.taken(RECEIVE)
        self.assertNothing(RECEIVE)
        self.done(first)
        self.work()
        self.assertEqual(self.taken(RECEIVE).content["content"], "b")

    def test_done_is_faster_than_the_answer(self):
        """A worker may have handled a message before it's known to be sent."""
        self.open()
        self.send(frame(b"a"))
        self.send(frame(b"b"))
        function, args, then = self.outbox.calls.pop(0)
        outcome = function(*args)
        self.done(self.taken(RECEIVE))
        then(outcome)
        self.work()
        second = self.taken(RECEIVE)
        self.assertEqual(second.content["content"], "b")
        self.assertEqual(second.content["order"], 2)

    def test_lost_while_a_frame_is_on_its_way(self):
        connect = self.open()
        self.send(frame(b"a"))
        lose(self.http.connection, clean=False)
        self.work()
        self.assertNothing(DISCONNECT)
        self.done(self.taken(RECEIVE))
        self.work()
        self.done(self.taken(DISCONNECT))
        self.work()
        self.assertNotIn(connect.content["reply_channel"], self.backend._state.sinks)
        self.assertEqual(self.sockets.by_name, {})

    def test_lost_while_connect_is_on_its_way(self):
        for error, disconnected in ((None, True), (REFUSED, False)):
            with self.subTest(error=error):
                self.backend.errors = {CONNECT: error} if error else {}
                self.http.connection, self.wire = self.http.connect()
                self.http.receive(handshake())
                self.outbox.work(1)
                lose(self.http.connection, clean=False)
                self.work()
                if disconnected:
                    self.done(self.taken(CONNECT))
                    self.work()
                    self.done(self.taken(DISCONNECT))
                    self.work()
                self.assertEqual(self.sockets.by_name, {})
                self.assertEqual(self.backend._state.sinks, {})

    def test_lost_before_it_is_listened_to(self):
        """Nobody hears of a client that left at once."""
        self.http.receive(handshake())
        lose(self.http.connection, clean=False)
        self.work()
        self.assertNothing(CONNECT)
        self.assertEqual(self.backend._state.sinks, {})

    def test_handshake_without_a_store(self):
        for place in ("listen", CONNECT):
            for error in (REFUSED, ChannelFull("full")):
                with self.subTest(place=place, error=error):
                    self.backend.errors = {place: error}
                    self.http.connection, self.wire = self.http.connect()
                    self.http.receive(handshake())
                    self.work()
                    self.assertEqual(parts_of(self.wire.take())[0], 503)
                    lose(self.http.connection)
                    self.work()
                    self.assertEqual(self.sockets.by_name, {})

    def test_short_outage(self):
        """A frame that the store didn't take is sent when it's back."""
        self.open()
        self.backend.errors = {RECEIVE: REFUSED}
        for i in range(20):
            self.send(frame(b"%d" % i))
        with self.assertLogs("django.channels.server", "WARNING") as logs:
            for _ in range(20):
                self.work()
                self.reactor.advance(2)
        self.assertEqual(len(logs.records), 1)
        self.assertIs(self.wire.is_read, False)
        self.assertIsNone(self.closed())
        self.backend.errors = {}
        self.reactor.advance(2)
        for i in range(20):
            self.work()
            message = self.taken(RECEIVE)
            self.assertEqual(message.content["content"], str(i))
            self.done(message)
        self.assertIs(self.wire.is_read, True)

    def test_long_outage(self):
        """In the end the client is told to come again; all is tidied up."""
        self.open()
        self.backend.errors = {RECEIVE: REFUSED, DISCONNECT: REFUSED}
        self.send(frame(b"a"))
        with self.assertLogs("django.channels.server", "WARNING"):
            for _ in range(35):
                self.work()
                self.reactor.advance(2)
        self.assertEqual(self.closed(), 1013)
        lose(self.http.connection)
        with self.assertLogs("django.channels.server", "ERROR"):
            for _ in range(35):
                self.work()
                self.reactor.advance(2)
        self.assertEqual(self.sockets.by_name, {})

    def test_too_large(self):
        """A frame that no message can hold is the client's fault, at once."""
        self.open()
        self.backend.errors = {RECEIVE: MessageTooLarge("It's too large.")}
        self.send(frame(b"a") + frame(b"b"))
        with self.assertLogs("django.channels.server", "WARNING") as logs:
            self.work()
        self.assertEqual(len(logs.output), 1)
        self.assertIn("websocket.receive was dropped: It's too large.", logs.output[0])
        self.assertEqual(self.closed(), 1009)
        self.backend.errors = {}
        lose(self.http.connection)
        self.work()
        self.assertNothing(RECEIVE)
        self.assertEqual(self.taken(DISCONNECT).content["code"], 1006)

    def test_lost_in_the_middle(self):
        """What may have been sent isn't sent again; its end is waited for."""
        self.open()
        self.backend.errors = {RECEIVE: LOST}
        self.send(frame(b"a"))
        self.work()
        self.backend.errors = {}
        self.send(frame(b"b"))
        self.work()
        self.assertNothing(RECEIVE)
        with self.assertLogs("django.channels.server", "WARNING"):
            for _ in range(8):
                self.reactor.advance(10)
        self.assertEqual(self.closed(), 1013)
        lose(self.http.connection)
        self.work()
        self.assertNothing(RECEIVE)
        self.assertEqual(self.taken(DISCONNECT).content["code"], 1006)
        for _ in range(8):
            self.reactor.advance(10)
        self.assertEqual(self.sockets.by_name, {})

    def test_workers_have_time(self):
        """A message that is reported done in time harms no socket."""
        self.open()
        for _ in range(5):
            self.send(frame(b"a"))
            self.work()
            self.reactor.advance(30)
            self.done(self.taken(RECEIVE))
        self.reactor.advance(1000)
        self.assertIsNone(self.closed())


class LeaseTests(SharedSocketTests):
    """A worker that has a message says so while it lives."""

    def setUp(self):
        self.queued = 0
        patch = mock.patch.multiple(
            SharedBackend, create=True, lease=9, waiting=lambda *args: self.queued
        )
        patch.start()
        self.addCleanup(patch.stop)
        super().setUp()

    def pass_time(self, seconds):
        for _ in range(seconds // 3):
            self.reactor.advance(3)
            self.work()

    def ask(self):
        """Return the message of a frame, which a worker has taken."""
        self.open()
        self.send(frame(b"a"))
        self.work()
        return self.taken(RECEIVE)

    def say_running(self, message):
        name, order = message.content["reply_channel"], message.content["order"]
        self.backend.send(Message(name, {"running": order}))
        self.work()

    def test_worker_is_gone(self):
        message = self.ask()
        self.say_running(message)
        with self.assertLogs("django.channels.server", "WARNING"):
            self.pass_time(15)
        self.assertEqual(self.closed(), 1011)

    def test_worker_that_said_nothing(self):
        self.ask()
        with self.assertLogs("django.channels.server", "WARNING"):
            self.pass_time(15)
        self.assertEqual(self.closed(), 1011)

    def test_worker_goes_on(self):
        message = self.ask()
        for _ in range(10):
            self.pass_time(3)
            self.say_running(message)
        self.assertIsNone(self.closed())
        self.done(message)
        self.pass_time(60)
        self.assertIsNone(self.closed())

    def test_no_worker_yet(self):
        """What waits on its channel is not lost."""
        self.ask()
        self.queued = 1
        self.pass_time(45)
        self.assertIsNone(self.closed())

    def test_outage(self):
        """A store that can't be asked says nothing about workers."""
        message = self.ask()
        self.say_running(message)
        with mock.patch.object(SharedBackend, "waiting", side_effect=REFUSED):
            self.pass_time(45)
        self.assertIsNone(self.closed())

    def test_other_messages_of_workers(self):
        """One that comes late is nobody's."""
        message = self.ask()
        self.done(message)
        self.say_running(message)
        self.pass_time(30)
        self.assertIsNone(self.closed())


class RequestTests(SimpleTestCase):
    """Requests of which it's known later that they could not be sent."""

    def test_not_sent(self):
        for error, status in (
            (ChannelFull("full"), 503),
            (REFUSED, 503),
            (LOST, 502),
            (MessageTooLarge("large"), 413),
            (ValueError("?"), 500),
        ):
            with self.subTest(error=error):
                http = HTTPWire()
                http.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
                first = http.requests[0]
                gone = []
                first.on_disconnect(lambda: gone.append(True))
                if isinstance(error, ChannelFull):
                    http.connection.turns.not_sent(first, error)
                else:
                    with self.assertLogs("django.channels.server", "ERROR"):
                        http.connection.turns.not_sent(first, error)
                self.assertEqual(status_of(http.wire.take()), status)
                self.assertEqual(gone, [True])
                # One that was answered already has no second answer.
                http.connection.turns.not_sent(first, error)
                if status != 500:
                    self.assertEqual(
                        status_of(http.respond(HttpResponse(), number=1)), 200
                    )
