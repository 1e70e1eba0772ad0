"""Durable channels: messages that are had until they are acknowledged."""

from django.channels.delivery import Delivery
from django.channels.exceptions import ChannelFull
from django.channels.message import DurableMessage, Message

from .durable_case import DurableCase


class DurableTests(DurableCase):
    """What a backend with ``durable`` does. See DurableDelivery."""

    def test_received(self):
        content = {"n": 1, "b": b"\0", "l": [{"x": None}]}
        self.assertIs(self.add("a", content=content), True)
        message = self.take("b", "a")
        self.assertIsInstance(message, DurableMessage)
        self.assertEqual(message.channel, "a")
        self.assertEqual(message.content, content)
        self.assertEqual(message.attempt, 1)
        self.assertIs(message.backend, self.backend)
        self.assertIsNone(self.take("a"))
        self.assertIs(self.backend.acknowledge(message), True)
        self.assertIs(self.backend.acknowledge(message), False)
        self.assertIsNone(self.take("a"))

    def test_acknowledged_soon(self):
        """Before the thread has its next message, or none."""
        self.add_all("a", 1, 2)
        receiver, answers = self.open("a"), []
        message = receiver.receive(0)
        self.backend.acknowledge_soon(message, answers.append)
        other = receiver.receive(0)
        self.assertEqual((other.content, answers), ({"n": 2}, [True]))
        self.backend.acknowledge_soon(message, answers.append)
        self.backend.acknowledge_soon(other, answers.append)
        self.assertIsNone(receiver.receive(0))
        self.assertEqual(answers, [True, False, True])

    def test_acknowledged_soon_by_a_closed_receivers_thread(self):
        self.add_all("a", 1)
        receiver, answers = self.open("a"), []
        self.backend.acknowledge_soon(receiver.receive(0), answers.append)
        receiver.close()
        self.assertIsNone(receiver.receive())
        self.assertEqual(answers, [True])

    def test_durable_first_in_first_out(self):
        self.add_all("a", *range(12))
        self.assertEqual(self.take_all("a"), list(range(12)))

    def test_both_kinds_in_one_receiver(self):
        self.add_all("a", 1, 2)
        self.send("b", n=3)
        self.add_all("c", 4)
        self.assertEqual(sorted(self.take_all("a", "b", "c")), [1, 2, 3, 4])

    def test_no_durable_channel_starves(self):
        """Durable channels and others have turns, each among themselves, too."""
        self.add_all("a", *range(10))
        self.add_all("b", 100)
        self.send("c", n=200)
        receiver = self.open("a", "b", "c")
        first = [receiver.receive(0).content["n"] for _ in range(4)]
        self.assertLessEqual({100, 200}, set(first))

    def test_wakes_a_receiver(self):
        receiver = self.open("a", "b")
        for n in range(3):
            call = self.in_thread(receiver.receive)
            self.add("b", content={"n": n})
            message = call.result()
            self.assertEqual(message.content, {"n": n})
            self.backend.acknowledge(message)

    def test_wakes_each_of_several(self):
        receiver = self.open("a")
        calls = [self.in_thread(receiver.receive) for _ in range(3)]
        self.add_all("a", 0, 1, 2)
        got = [call.result().content["n"] for call in calls]
        self.assertEqual(sorted(got), [0, 1, 2])

    def test_durable_race(self):
        """Threads that race for messages handle each exactly once."""
        number = self.race_messages // 4
        receiver = self.open("a", "b")
        got = []

        def work():
            while (message := receiver.receive()) is not None:
                got.append(message.content["n"])
                self.backend.acknowledge(message)

        calls = [self.in_thread(work) for _ in range(4)]
        backend = self.make(CAPACITY=number)
        for n in range(number):
            self.add("ab"[n % 2], backend, content={"n": n})
        self.wait_until(lambda: len(got) >= number)
        receiver.close()
        for call in calls:
            call.result()
        self.assertEqual(sorted(got), list(range(number)))

    def test_lease(self):
        """A message whose receiver says nothing more is received again."""
        self.add_all("a", 1)
        brief = self.make_brief()
        first = self.take("a", backend=brief)
        self.pass_lease(brief)
        second = self.take("a")
        self.assertEqual((second.id, second.attempt), (first.id, 2))
        # What the first one says of it counts no more.
        self.assertEqual(self.backend.renew([first, second]), [first])
        self.assertIs(self.backend.acknowledge(first), False)
        self.assertIs(self.backend.release(first), False)
        self.assertIs(self.backend.bury(first, "x"), False)
        self.assertIsNone(self.take("a"))
        self.assertIs(self.backend.acknowledge(second), True)

    def test_renew(self):
        """From then on it's as long as the backend's that renews it."""
        self.add_all("a", 1)
        brief = self.make_brief(1)
        message = self.take("a", backend=brief)
        for _ in range(2):
            self.assertEqual(self.backend.renew([message]), [])
            self.let_pass(0.6 * brief.message_lease)
        self.assertIsNone(self.take("a"))
        self.backend.acknowledge(message)
        self.assertEqual(self.backend.renew([message]), [message])

    def test_renew_many(self):
        """Only of those that have lost their leases it's said."""
        self.backend.message_lease = 600
        self.add_all("a", *range(250))
        brief = self.make_brief()
        over = self.take("a", backend=brief)
        self.pass_lease(brief)
        again = self.take("a")
        self.assertEqual(again.id, over.id)
        held = [self.take("a") for _ in range(249)]
        self.backend.acknowledge(held[120])
        messages = [*held[:50], over, *held[50:], again]
        self.assertEqual(self.backend.renew(messages), [over, held[120]])
        self.assertEqual(self.backend.renew([]), [])

    def test_release(self):
        self.add_all("a", 1, 2)
        message = self.take("a")
        self.assertIs(self.backend.release(message), True)
        again = self.take("a")
        self.assertEqual((again.content, again.attempt), ({"n": 1}, 2))
        self.backend.release(again, counted=False)
        again = self.take("a")
        self.assertEqual((again.content, again.attempt), ({"n": 1}, 2))
        self.assertIs(self.backend.release(message), False)

    def test_release_with_delay(self):
        self.add_all("a", 1, 2)
        self.backend.release(self.take("a"), 60)
        self.assertEqual(self.take_all("a"), [2])
        self.add_all("a", 3)
        self.backend.release(self.take("a"), 0.1)
        self.let_pass(0.2)
        message = self.take("a")
        self.assertEqual((message.content, message.attempt), ({"n": 3}, 2))
        self.assertIsNone(self.take("a"))

    def test_each_attempt_has_what_was_sent(self):
        self.add("a", content={"l": [1]})
        message = self.take("a")
        message.content["l"].append(2)
        self.backend.release(message)
        self.assertEqual(self.take("a").content, {"l": [1]})

    def test_durable_messages_do_not_expire(self):
        backend = self.make(EXPIRY=0.1)
        self.add("a", backend, content={"n": 1})
        self.let_pass(0.2)
        self.assertEqual(self.take_all("a"), [1])

    def test_durable_capacity(self):
        backend = self.make(CAPACITY=1)
        self.add("a", backend, content={"n": 1})
        with self.assertRaisesMessage(ChannelFull, "The channel 'a' holds 1"):
            self.add("a", backend, content={"n": 2})
        self.assertEqual(backend.dropped, {"full": 1})
        self.add("a", backend, content={"n": 3}, delay=60)
        message = self.take("a", backend=backend)
        self.add("a", backend, content={"n": 4})
        backend.release(message)
        self.assertEqual(self.take_all("a"), [1, 4])

    def test_flush_of_durable(self):
        self.add_all("a", 1, 2, 3)
        self.add_all("a", 4, delay=60)
        self.backend.bury(self.take("a"), "x")
        message = self.take("a")
        self.backend.flush()
        self.assertIsNone(self.take("a"))
        self.assertEqual(self.backend.dead(), [])
        self.assertIs(self.backend.acknowledge(message), False)

    async def test_aadd(self):
        self.requires_durable()
        added = await self.backend.aadd(Message("a", {}), Delivery(durable=True))
        self.assertIs(added, True)
