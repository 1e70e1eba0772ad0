from unittest import TestCase as PlainTestCase

from django.channels.interfaces.close_codes import is_close_code
from django.channels.interfaces.conversation import (
    CLOSING,
    CONNECTING,
    ENDED,
    LOST,
    OPEN,
    REFUSED,
    Conversation,
)
from django.channels.interfaces.relay import (
    FULL,
    NOBODY,
    PATIENT_ATTEMPTS,
    SENT,
    TOO_LARGE,
)
from django.test import SimpleTestCase


class Edge:
    """
    Notes what a conversation does. ``full`` and ``nobody`` are channels,
    ``largest`` is how many keys of a state there's room for.
    """

    largest = 10

    def __init__(self):
        self.log = []
        self.full = set()
        self.nobody = set()

    def send(self, channel, values):
        kind = channel.removeprefix("websocket.")
        if kind in self.nobody:
            return NOBODY
        if len(values["state"]) > self.largest:
            self.log.append(("too large", kind))
            return TOO_LARGE
        if kind in self.full:
            self.log.append(("full", kind))
            return FULL
        self.log.append(("send", kind, values))
        return SENT

    def __getattr__(self, name):
        if name == "log" or name.startswith("__"):
            # pickle asks for them: a subtest that fails goes to another process.
            raise AttributeError(name)
        return lambda *args: self.log.append((name, *args))

    def take(self):
        """Return what was done since the last time; of messages, the kind."""
        log, self.log = self.log, []
        return [entry[:2] if entry[0] == "send" else entry for entry in log]


HANDSHAKE = {"reply_channel": "r", "path": "/", "origin": None, "subprotocols": ["a"]}
SCOPE = {"reply_channel": "r", "path": "/"}


class ConversationTestCase(SimpleTestCase):
    def setUp(self):
        self.edge = Edge()
        self.talk = Conversation(self.edge, HANDSHAKE, SCOPE, frames=4, size=100)

    def tell(self, frame=None, **content):
        self.talk.told(content, frame)

    def done(self, error=False):
        """The worker reports the message it has as done."""
        self.tell(done=self.talk.busy, error=error)

    def assertDid(self, *expected):
        self.assertEqual(self.edge.take(), list(expected))

    def open(self):
        self.talk.open()
        self.done()
        self.edge.take()


class ConnectTests(ConversationTestCase):
    def test_connect_message(self):
        self.talk.open()
        _, _, values = self.edge.log[0]
        self.assertEqual(values, {**HANDSHAKE, "order": 0, "state": {}})
        self.assertEqual(self.talk.state, CONNECTING)

    def test_done_accepts(self):
        """A connect consumer that says nothing accepts."""
        self.talk.open()
        self.done()
        self.assertDid(("send", "connect"), ("accept", None))
        self.assertEqual(self.talk.state, OPEN)

    def test_accept(self):
        """A consumer may accept before it has finished."""
        self.talk.open()
        self.tell(accept=True, subprotocol="a")
        self.done()
        self.assertDid(("send", "connect"), ("accept", "a"))

    def test_unoffered_subprotocol(self):
        """A subprotocol that the client doesn't speak is the server's error."""
        self.talk.open()
        with self.assertLogs("django.channels.server", "ERROR"):
            self.tell(accept=True, subprotocol="b")
        self.assertDid(("send", "connect"), ("refuse", 500))

    def test_failure_refuses(self):
        self.talk.open()
        self.done(error=True)
        self.assertDid(("send", "connect"), ("refuse", 500))
        self.assertEqual(self.talk.state, REFUSED)

    def test_accept_is_false(self):
        """Who computes it must not let everybody in."""
        self.talk.open()
        self.tell("F", content="x", accept=False)
        self.assertDid(("send", "connect"), ("refuse", 403))
        self.done()
        self.assertDid()

    def test_accept_is_false_when_it_is_open(self):
        self.open()
        self.tell("F", content="x", accept=False)
        self.assertDid(("write", "F"))

    def test_forged_log_line(self):
        """A message's keys may be a client's, where a project passes on JSON."""
        self.open()
        with self.assertLogs("django.channels.server", "WARNING") as logs:
            self.tell(**{"x\n\x1b[31mINFO": 1})
        self.assertIn(r"there: x\n\x1b[31mINFO.", logs.records[0].getMessage())

    def test_failure_after_accept(self):
        self.talk.open()
        self.tell(accept=True)
        self.done(error=True)
        self.assertDid(("send", "connect"), ("accept", None), ("close", 1011, ""))

    def test_close_refuses(self):
        self.talk.open()
        self.tell(close=True)
        self.done()
        self.assertDid(("send", "connect"), ("refuse", 403))

    def test_status_refuses(self):
        self.talk.open()
        self.tell(status=401)
        self.assertDid(("send", "connect"), ("refuse", 401))

    def test_odd_status(self):
        self.talk.open()
        with self.assertLogs("django.channels.server", "WARNING"):
            self.tell(status=200)
        self.assertDid(("send", "connect"), ("refuse", 403))

    def test_content_is_not_logged(self):
        """Nor is what a consumer has sent in the place of a number or a name."""
        for content in (
            {"status": "secret"},
            {"accept": True, "close": "secret"},
            {"accept": True, "subprotocol": "secret"},
        ):
            with self.subTest(content=content):
                self.setUp()
                self.talk.open()
                with self.assertLogs("django.channels.server", "WARNING") as logs:
                    self.tell(**content)
                self.assertNotIn("secret", logs.output[0])

    def test_full(self):
        """Without room for connect there is no connection, nor disconnect."""
        self.edge.full = {"connect"}
        self.talk.open()
        self.talk.lost(1006, "")
        self.assertDid(("full", "connect"), ("refuse", 503), ("forget",), ("end",))

    def test_time_out(self):
        self.talk.open()
        self.talk.time_out()
        self.assertDid(("send", "connect"), ("refuse", 504))
        self.done()
        self.assertDid()

    def test_time_out_is_over(self):
        self.open()
        self.talk.time_out()
        self.assertDid()

    def test_no_connect_consumer(self):
        """Where only frames are consumed, every client is accepted."""
        self.edge.nobody = {"connect"}
        self.talk.open()
        self.assertDid(("accept", None))
        self.talk.received("a", False)
        self.assertDid(("send", "receive"))

    def test_refused_is_disconnected(self):
        """A refused connection's disconnect follows its connect."""
        self.talk.open()
        self.tell(status=403)
        self.talk.lost(1006, "")
        self.assertDid(("send", "connect"), ("refuse", 403), ("forget",))
        self.done()
        self.assertDid(("send", "disconnect"))
        self.done()
        self.assertDid(("end",))

    def test_frames_before_accept(self):
        """The edge keeps what is written before the answer."""
        self.talk.open()
        self.tell(frame="F", content="x")
        self.done()
        self.assertDid(("send", "connect"), ("write", "F"), ("accept", None))

    def test_all_at_once(self):
        """Several keys are applied in the order state, accept, content, close."""
        self.talk.open()
        self.tell(frame="F", content="x", close=4000, accept=True, state={"n": 1})
        self.assertDid(
            ("send", "connect"), ("accept", None), ("write", "F"), ("close", 4000, "")
        )
        self.assertEqual(self.talk.values, {"n": 1})


class ReceiveTests(ConversationTestCase):
    def setUp(self):
        super().setUp()
        self.open()

    def test_receive_message(self):
        self.talk.received(b"\0", True)
        _, _, values = self.edge.log[0]
        self.assertEqual(
            values,
            {**SCOPE, "content": b"\0", "binary": True, "order": 1, "state": {}},
        )

    def test_one_at_a_time(self):
        self.talk.received("a", False)
        self.talk.received("b", False)
        self.assertDid(("send", "receive"))
        self.done()
        self.assertDid(("send", "receive"))
        self.done()
        self.assertDid()

    def test_order(self):
        for text in "abc":
            self.talk.received(text, False)
        contents = []
        while self.edge.log:
            ((_, _, values),) = self.edge.log
            contents.append((values["order"], values["content"]))
            self.edge.take()
            self.done()
        self.assertEqual(contents, [(1, "a"), (2, "b"), (3, "c")])

    def test_state_goes_along(self):
        """What a consumer stores goes with the messages that follow."""
        self.talk.received("a", False)
        self.tell(state={"user": 1, "list": [1]})
        self.tell(state={"room": "x"})
        self.edge.take()
        self.done()
        self.talk.received("b", False)
        _, _, values = self.edge.log[0]
        self.assertEqual(values["state"], {"user": 1, "list": [1], "room": "x"})
        # What one consumer does to it is not seen by the next.
        values["state"]["list"].append(2)
        self.assertEqual(self.talk.values["list"], [1])

    def test_state_that_is_no_dict(self):
        """It's said that it isn't kept, and not what it is."""
        with self.assertLogs("django.channels.server", "WARNING") as logs:
            self.tell(state="secret")
        self.assertIn("a state of type str, not dict", logs.output[0])
        self.assertNotIn("secret", logs.output[0])
        self.assertEqual(self.talk.values, {})
        with self.assertNoLogs("django.channels.server", "WARNING"):
            self.tell(state=None)

    def test_pauses(self):
        """The socket is read no further while frames wait, and then again."""
        for text in "abcd":
            self.talk.received(text, False)
        self.assertDid(("send", "receive"))
        self.talk.received("e", False)
        self.assertDid(("pause",))
        self.done()
        self.assertDid(("send", "receive"))
        self.done()
        self.assertDid(("send", "receive"), ("resume",))

    def test_pauses_by_size(self):
        self.talk.received("a", False)
        self.talk.received("b" * 200, False)
        self.assertDid(("send", "receive"), ("pause",))
        self.done()
        self.assertDid(("send", "receive"), ("resume",))

    def test_failure_closes(self):
        """A failed consumer closes its socket; frames that wait are dropped."""
        self.talk.received("a", False)
        self.talk.received("b", False)
        self.done(error=True)
        self.assertDid(("send", "receive"), ("close", 1011, ""))
        self.assertEqual(self.talk.state, CLOSING)
        self.talk.received("c", False)
        self.tell(frame="F", content="x")
        self.assertDid()

    def test_foreign_failure(self):
        """A failed consumer of other messages doesn't close the socket."""
        self.talk.received("a", False)
        self.tell(done=None, error=True)
        self.tell(done=0, error=True)
        self.assertDid(("send", "receive"))
        self.assertEqual(self.talk.state, OPEN)

    def test_full_then_room(self):
        """A frame without room is tried again, and comes before the next."""
        self.edge.full = {"receive"}
        self.talk.received("a", False)
        self.assertDid(("full", "receive"), ("pause",), ("retry", 0.1))
        self.talk.received("b", False)
        self.edge.full = set()
        self.talk.retry()
        (_, _, values), *rest = self.edge.log
        self.assertEqual((values["content"], rest), ("a", [("resume",)]))

    def test_full_for_long(self):
        self.edge.full = {"receive"}
        self.talk.received("a", False)
        with self.assertLogs("django.channels.server", "WARNING"):
            for _ in range(5):
                self.talk.retry()
        self.assertEqual(
            [entry for entry in self.edge.take() if entry[0] in ("retry", "close")],
            [("retry", d) for d in (0.1, 0.2, 0.5, 1.0, 2.0)] + [("close", 1013, "")],
        )

    def test_lost_while_full(self):
        """Frames come before disconnect even when they had to be retried."""
        self.edge.full = {"receive"}
        self.talk.received("a", False)
        self.talk.lost(1000, "")
        self.edge.full = set()
        self.edge.take()
        self.talk.retry()
        self.done()
        self.assertDid(("send", "receive"), ("resume",), ("send", "disconnect"))

    def test_no_receive_consumer(self):
        self.edge.nobody = {"receive"}
        for _ in range(100):
            self.talk.received("a", False)
        self.assertDid()


class CloseTests(ConversationTestCase):
    def setUp(self):
        super().setUp()
        self.open()

    def test_close(self):
        self.tell(close=True, reason="bye")
        self.assertDid(("close", 1000, "bye"))

    def test_close_codes(self):
        for code, expected in ((4001, 4001), (1001, 1001), (0, 1000), (1006, 1000)):
            with self.subTest(code=code):
                self.setUp()
                if code == expected:
                    self.tell(close=code)
                else:
                    with self.assertLogs("django.channels.server", "WARNING"):
                        self.tell(close=code)
                self.assertDid(("close", expected, ""))

    def test_close_false(self):
        self.tell(frame="F", content="x", close=False)
        self.assertDid(("write", "F"))

    def test_once(self):
        self.tell(close=True)
        self.tell(close=4000)
        self.tell(status=403)
        self.talk.shut_down()
        self.assertDid(("close", 1000, ""))

    def test_status_after_accept(self):
        self.tell(status=403)
        self.assertDid(("close", 1008, ""))

    def test_shut_down(self):
        self.talk.shut_down()
        self.assertDid(("close", 1001, ""))

    def test_shut_down_connecting(self):
        self.setUp()
        self.talk = Conversation(self.edge, HANDSHAKE, SCOPE)
        self.talk.open()
        self.talk.shut_down()
        self.assertDid(("send", "connect"), ("refuse", 503))

    def test_unknown_keys(self):
        """A key that means nothing is said, once a message, and ignored."""
        with self.assertLogs("django.channels.server", "WARNING") as logs:
            self.tell(frame="F", content="secret", contents=1, txt=2)
        self.assertIn("contents, txt", logs.output[0])
        self.assertNotIn("secret", logs.output[0])
        self.assertDid(("write", "F"))


class DisconnectTests(ConversationTestCase):
    def test_disconnect_with_too_large_a_state(self):
        """Its consumer runs nevertheless, without the state."""
        self.open()
        self.tell(state={"a": 1, "b": 2})
        self.edge.largest = 1
        self.talk.lost(1001, "going")
        refused, (kind, channel, values) = self.edge.log[-2:]
        self.assertEqual(refused, ("too large", "disconnect"))
        self.assertEqual((kind, channel), ("send", "disconnect"))
        self.assertEqual((values["code"], values["state"]), (1001, {}))
        self.done()
        self.assertEqual(self.talk.state, ENDED)

    def test_disconnect(self):
        self.open()
        self.talk.lost(1001, "going")
        _, (_, _, values) = self.edge.log
        self.assertEqual(
            values, {**SCOPE, "code": 1001, "reason": "going", "order": 1, "state": {}}
        )
        self.assertEqual(self.talk.state, LOST)
        self.edge.take()
        self.done()
        self.assertDid(("end",))
        self.assertEqual(self.talk.state, ENDED)

    def test_after_all_frames(self):
        """Frames that came before the end are handled before disconnect."""
        self.open()
        self.talk.received("a", False)
        self.talk.received("b", False)
        self.talk.lost(1000, "")
        self.assertDid(("send", "receive"), ("forget",))
        self.done()
        self.done()
        self.done()
        self.assertDid(("send", "receive"), ("send", "disconnect"), ("end",))

    def test_during_connect(self):
        """A client that leaves during connect is disconnected after it."""
        self.talk.open()
        self.talk.lost(1006, "")
        self.tell(accept=True)
        self.tell(frame="F", content="x")
        self.assertDid(("send", "connect"), ("forget",))
        self.done()
        self.assertDid(("send", "disconnect"))

    def test_failed_connect(self):
        self.talk.open()
        self.done(error=True)
        self.talk.lost(1006, "")
        self.done()
        self.assertDid(
            ("send", "connect"),
            ("refuse", 500),
            ("forget",),
            ("send", "disconnect"),
            ("end",),
        )

    def test_once(self):
        self.open()
        self.talk.lost(1000, "")
        self.talk.lost(1006, "")
        self.done()
        self.talk.lost(1006, "")
        self.assertDid(("forget",), ("send", "disconnect"), ("end",))

    def test_failed_disconnect(self):
        self.open()
        self.talk.lost(1000, "")
        self.done(error=True)
        self.assertDid(("forget",), ("send", "disconnect"), ("end",))

    def test_full(self):
        """Disconnect is tried for about a minute, then given up and said."""
        self.open()
        self.edge.full = {"disconnect"}
        self.talk.lost(1000, "")
        with self.assertLogs("django.channels.server", "ERROR"):
            for _ in range(PATIENT_ATTEMPTS):
                self.talk.retry()
        waited = sum(entry[1] for entry in self.edge.log if entry[0] == "retry")
        self.assertAlmostEqual(waited, 60, delta=5)
        self.assertEqual(self.edge.log[-1], ("end",))

    def test_no_disconnect_consumer(self):
        self.open()
        self.edge.nobody = {"disconnect"}
        self.talk.lost(1000, "")
        self.assertDid(("forget",), ("end",))

    def test_before_open(self):
        """A handshake that was never understood has no disconnect."""
        self.talk.lost(1006, "")
        self.assertDid(("forget",), ("end",))


class CloseCodeTests(PlainTestCase):
    def test_codes(self):
        for code in (1000, 1001, 1008, 1011, 1013, 3000, 4999):
            self.assertTrue(is_close_code(code), code)
        for code in (True, 0, 999, 1004, 1005, 1006, 1015, 2999, 5000, "1000", None):
            self.assertFalse(is_close_code(code), code)
