"""Answers of the server that are lost."""

import threading
from time import monotonic
from unittest import mock

from django.channels.backends.redis.waiting import SLICE
from django.channels.delivery import Delivery
from django.channels.exceptions import BackendUnavailable
from django.channels.message import Message
from django.test import SimpleTestCase

from .redis_case import RedisTestCase


class LostAnswerTests(RedisTestCase, SimpleTestCase):
    """What the server has done, and could say nobody."""

    def lose_answers(self, target, name, number=1):
        """Carry calls out, and have the connection break before the answer."""
        from redis.exceptions import ConnectionError

        function = getattr(target, name)
        left = [number]

        def call(*args, **kwargs):
            answer = function(*args, **kwargs)
            # Not those that block in vain.
            if left[0] and answer not in (None, []):
                left[0] -= 1
                raise ConnectionError("Connection reset by peer")
            return answer

        patch = mock.patch.object(target, name, side_effect=call)
        patch.start()
        self.addCleanup(patch.stop)

    def test_message(self):
        """Each is received, once, in order; so is what had expired counted."""
        self.send("a", self.make(EXPIRY=0.001), n=0)
        self.wait_until(lambda: self.is_over(0))
        for n in range(1, 4):
            self.send("a", n=n)
        receiver = self.open("a", "b")
        self.lose_answers(self.backend.connection, "take", 3)
        with self.assertLogs("django.channels", "WARNING"):
            got = [receiver.receive(5).content["n"] for _ in "123"]
        self.assertEqual(got, [1, 2, 3])
        self.assertIsNone(receiver.receive(0))
        self.assertEqual(self.backend.dropped, {"expired": 1})

    def test_signal_without_an_answer(self):
        """Whoever takes something else then passes the signal on."""
        receiver = self.open("a", "b")
        signal = self.backend.signals_key("a").encode()
        with (
            mock.patch.object(
                receiver, "_take", side_effect=[(None, 1), (("b", b"x"), 1)]
            ),
            # The call that goes with it got no answer.
            mock.patch.object(receiver, "_wait", return_value=(signal, None)),
            mock.patch.object(receiver, "_pass_on") as pass_on,
        ):
            self.assertEqual(receiver.receive_entry(5), ("b", b"x"))
        pass_on.assert_called_once_with(signal)

    def test_signal_before_an_outage(self):
        """The time of a call is over for all that."""
        receiver = self.open("a")
        signal = self.backend.signals_key("a").encode()
        away = BackendUnavailable("It's away.")
        with (
            mock.patch.object(receiver, "_take", side_effect=[(None, 1), *[away] * 99]),
            mock.patch.object(receiver, "_wait", return_value=(signal, None)),
            mock.patch.object(receiver, "_pass_on") as pass_on,
            self.assertLogs("django.channels", "WARNING"),
        ):
            self.assertIsNone(receiver.receive_entry(0.1))
        pass_on.assert_called_once_with(signal)

    def test_between_two_calls(self):
        """The time was over when the answer was lost: the next call has it."""
        self.send("a", n=1)
        receiver = self.open("a")
        self.lose_answers(self.backend.connection, "take")
        with self.assertLogs("django.channels", "WARNING"):
            self.assertIsNone(receiver.receive(0))
        self.assertEqual(receiver.receive(0).content, {"n": 1})

    def test_expires_meanwhile(self):
        backend = self.make(EXPIRY=0.2)
        self.send("a", backend, n=1)
        receiver = self.open("a", backend=backend)
        self.lose_answers(backend.connection, "take")
        with self.assertLogs("django.channels", "WARNING"):
            self.assertIsNone(receiver.receive(0))
            self.wait_until(lambda: self.is_over(0.2))
            self.assertIsNone(receiver.receive(0))
        self.assertEqual(backend.dropped, {"expired": 1})

    def test_durable(self):
        """It's there again at once, not at the end of its lease."""
        self.backend.add(Message("a", {"n": 1}), Delivery(durable=True))
        receiver = self.open("a")
        self.lose_answers(self.backend.connection, "take")
        with self.assertLogs("django.channels", "WARNING"):
            message = receiver.receive(5)
        self.assertEqual(message.attempt, 1)
        self.assertIs(self.backend.acknowledge(message), True)

    def test_late_call(self):
        """One that the server comes to after a later one takes nothing."""
        receiver = self.open("a")
        with mock.patch.object(
            self.backend.connection, "take", wraps=self.backend.connection.take
        ) as take:
            self.assertIsNone(receiver.receive(0))
        late = take.call_args.args
        self.assertIsNone(receiver.receive(0))
        self.send("a", n=1)
        self.backend.connection.take(*late)
        self.assertEqual(receiver.receive(0).content, {"n": 1})

    def test_acknowledgement(self):
        """Who began it is told, and the next message comes nevertheless."""
        for n in range(3):
            self.backend.add(Message("a", {"n": n}), Delivery(durable=True))
        receiver, answers = self.open("a"), []
        # The server knows the script then.
        self.backend.acknowledge(receiver.receive(0))
        message = receiver.receive(0)
        self.break_connection(after=1)
        self.backend.acknowledge_soon(message, answers.append)
        with self.assertLogs("django.channels", "WARNING"):
            self.assertEqual(receiver.receive(5).content, {"n": 2})
        self.assertEqual([type(answer) for answer in answers], [BackendUnavailable])
        self.assertIs(self.backend.acknowledge(message), False)

    def test_reply(self):
        """Its sender is told."""
        name, sink = self.listen()
        other, errors = self.make(), []
        other.waiting("a")
        self.break_connection(other, after=0)
        other.send_soon(Message(name, {"n": 1}), errors.append)
        other.settle_up()
        self.assertEqual([type(error) for error in errors], [BackendUnavailable])

    def test_server_without_scripts(self):
        """It has just started: what was begun is done as well."""
        name, sink = self.listen()
        other, errors = self.make(), []
        for n in (1, 2):
            other.send_soon(Message(name, {"n": n}), errors.append)
            other.settle_up()
            self.server.command("SCRIPT", "FLUSH")
        self.assertEqual(sink.wait_for(2), [{"n": 1}, {"n": 2}])
        self.assertEqual(errors, [None, None])

    def break_connection(self, backend=None, after=0):
        """Have the next answer be lost, after so many that are not."""
        from redis.exceptions import ConnectionError

        wire = (backend or self.backend).connection.wire
        take = wire._take

        def take_broken():
            connection = take()
            read, left = connection.read_response, [after]

            def read_response(*args, **kwargs):
                if not left[0]:
                    connection.read_response = read
                    raise ConnectionError("Connection reset by peer")
                left[0] -= 1
                return read(*args, **kwargs)

            connection.read_response = read_response
            wire._take = take
            return connection

        wire._take = take_broken

    def test_signal(self):
        """A receiver that is lost while it waits takes no message along."""
        receiver = self.open("a")
        self.lose_answers(receiver, "_blpop")
        with self.assertLogs("django.channels", "WARNING"):
            call = self.in_thread(receiver.receive)
            self.wait_until(lambda: receiver._wire is not None)
            self.send("a", n=1)
            self.assertEqual(call.result().content, {"n": 1})

    def test_closed_with_a_signal(self):
        """Another receiver doesn't wait for the next message."""
        closed, other = self.open("a"), self.open("a")
        begun = threading.Event()

        def close_between(timeout, call):
            begun.set()
            popped = self.backend.connection.client.blpop(closed._signals, timeout)
            closed.closed.set()
            self.server.command("RPUSH", closed._wake_key, "")
            return popped, self.backend.connection.take(*call)

        with mock.patch.object(closed, "_blpop", side_effect=close_between):
            call = self.in_thread(closed.receive)
            begun.wait()
            self.send("a", n=1)
            self.assertIsNone(call.result())
        self.assertEqual(self.server.command("LLEN", closed._signals[1]), 1)
        self.assertEqual(other.receive(0).content, {"n": 1})

    def test_each_waiting_receiver_is_woken(self):
        """Two messages come at once, and there is one signal for them."""
        receivers = [self.open("a"), self.open("a")]
        calls = [self.in_thread(receiver.receive) for receiver in receivers]
        self.wait_until(lambda: all(receiver._wire for receiver in receivers))
        push = self.backend.connection.push
        keys = [self.backend.queue_key("a"), self.backend.signals_key("a")]
        pipeline = self.backend.connection.client.pipeline(transaction=True)
        for n in (1, 2):
            data = self.backend._encode({"n": n}, "a")
            pipeline.eval(push.text, 2, *keys, 10, 60_000, data)
        pipeline.execute()
        got = sorted(call.result().content["n"] for call in calls)
        self.assertEqual(got, [1, 2])

    def test_signal_of_another_channel(self):
        """A receiver of that channel alone doesn't wait for the next message."""
        both, first, second = self.open("a", "b"), self.open("a"), self.open("b")
        self.send("b", n=0)
        both.receive(0)
        receivers, calls = (both, first, second), []
        for receiver in receivers:
            calls.append(self.in_thread(receiver.receive))
            self.wait_until(lambda: self.blocked() == len(calls))
        push = self.backend.connection.push
        pipeline = self.backend.connection.client.pipeline(transaction=True)
        # The one that waits for both is woken by the first and takes the other.
        for channel in "ba":
            data = self.backend._encode({}, channel)
            keys = self.backend.queue_key(channel), self.backend.signals_key(channel)
            pipeline.eval(push.text, 2, *keys, 10, 60_000, data)
        begun = monotonic()
        pipeline.execute()
        self.assertEqual(calls[0].result().channel, "a")
        self.assertEqual(calls[2].result().channel, "b")
        self.assertLess(monotonic() - begun, SLICE / 2)
        first.close()

    def test_delayed_after_that_of_another_channel(self):
        """It isn't waited for until somebody looks for what nobody receives."""
        call = self.in_thread(self.open("a").receive)
        self.wait_until(lambda: self.blocked() == 1)
        begun = monotonic()
        for channel, delay in ("b", 0.1), ("a", 0.2):
            delivery = Delivery(durable=True, delay=delay)
            self.backend.add(Message(channel, {}), delivery)
        self.assertEqual(call.result().channel, "a")
        self.assertLess(monotonic() - begun, SLICE / 2)

    def blocked(self):
        return self.server.command("INFO", "clients")["blocked_clients"]

    def test_inbox(self):
        """Each item is handled, once, in order."""
        name, sink = self.listen()
        other = self.make()
        self.lose_answers(self.backend.connection, "read", 3)
        with self.assertLogs("django.channels", "WARNING"):
            for n in range(300):
                self.send(name, other, n=n)
            self.assertEqual(
                [content["n"] for content in sink.wait_for(300)], [*range(300)]
            )
        self.send(name, other, n="last")
        self.assertEqual(sink.wait_for(301)[300:], [{"n": "last"}])

    def test_inbox_that_was_deleted(self):
        """What is in a new one isn't taken for what has arrived."""
        backend = self.make()
        name, sink = self.listen(backend)
        arrived = threading.Event()
        go_on = threading.Event()
        deliver = sink.deliver

        def hold(*args):
            arrived.set()
            go_on.wait(60)
            return deliver(*args)

        with mock.patch.object(sink, "deliver", side_effect=hold):
            self.send(name, n=1)
            self.assertIs(arrived.wait(60), True)
            self.server.flush()
            backend._inbox._renew()
            self.send(name, n=2)
            go_on.set()
            self.assertEqual(sink.wait_for(2), [{"n": 1}, {"n": 2}])

    def is_over(self, seconds):
        """Tell whether so much of the server's time has passed since a send."""
        now = self.server.command("TIME")
        now = int(now[0]) + int(now[1]) / 1_000_000
        if not hasattr(self, "begun"):
            self.begun = now
        return now > self.begun + seconds + 0.01
