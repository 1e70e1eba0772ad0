"""Durable channels and delayed messages."""

from django.channels.backends.durable import DEAD_LIMIT
from django.channels.delivery import Delivery
from django.channels.exceptions import ChannelFull
from django.channels.message import DurableMessage, Message

from .case import PATIENCE


class DurableTests:
    """What a backend with ``durable`` does. See DurableDelivery."""

    def add(self, channel, backend=None, /, durable=True, content=None, **delivery):
        self.requires_durable()
        delivery = Delivery(durable=durable, **delivery)
        return (backend or self.backend).add(Message(channel, content or {}), delivery)

    def requires_durable(self):
        if not self.backend.durable:
            self.skipTest("The backend has no durable channels.")

    def add_all(self, channel, *contents, **delivery):
        for n in contents:
            self.add(channel, content={"n": n}, **delivery)

    def take(self, *channels, backend=None):
        """Return a message that is there, or None."""
        receiver = (backend or self.backend).receiver(channels)
        try:
            return receiver.receive(0)
        finally:
            receiver.close()

    def take_all(self, *channels):
        """Return the numbers in all messages that are there, and be done."""
        numbers = []
        while (message := self.take(*channels)) is not None:
            numbers.append(message.content["n"])
            if message.durable:
                self.backend.acknowledge(message)
        return numbers

    def make_brief(self, lease=0.2):
        """Return a backend whose leases of messages are over soon, if it can."""
        return self.make(OPTIONS={"MESSAGE_LEASE": lease})

    def pass_lease(self, backend):
        self.let_pass(backend.message_lease + 0.1)

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

    def test_first_in_first_out(self):
        self.add_all("a", *range(12))
        self.assertEqual(self.take_all("a"), list(range(12)))

    def test_both_kinds_in_one_receiver(self):
        self.add_all("a", 1, 2)
        self.send("b", n=3)
        self.add_all("c", 4)
        self.assertEqual(sorted(self.take_all("a", "b", "c")), [1, 2, 3, 4])

    def test_no_channel_starves(self):
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

    def test_race(self):
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

    def test_delay(self):
        self.add_all("a", 1, delay=60)
        self.add_all("a", 2)
        self.assertEqual(self.take_all("a"), [2])
        self.add_all("a", 3, delay=0.2)
        self.add_all("a", 4, delay=0.1)
        self.let_pass(0.3)
        self.assertEqual(sorted(self.take_all("a")), [3, 4])

    def test_delay_of_at_most_once(self):
        """It expires as if it had been sent when it was due."""
        backend = self.make(EXPIRY=1)
        self.add("a", backend, durable=False, content={"n": 1}, delay=60)
        self.assertIsNone(self.receive("a", backend=backend))
        self.add("a", backend, durable=False, content={"n": 2}, delay=0.1)
        self.let_pass(0.2)
        message = self.take("a", backend=backend)
        self.assertIs(message.durable, False)
        self.assertEqual(message.content, {"n": 2})
        self.assertIsNone(self.receive("a", backend=backend))
        backend = self.make(EXPIRY=0.1)
        self.add("a", backend, durable=False, content={"n": 3}, delay=0.1)
        self.let_pass(0.3)
        with self.assertLogs("django.channels", "WARNING"):
            self.assertIsNone(self.receive("a", backend=backend))
        self.assertEqual(backend.dropped, {"expired": 1})

    def test_delay_ends_while_a_receiver_waits(self):
        receiver = self.open("a")
        call = self.in_thread(receiver.receive)
        self.add_all("a", 1, delay=0.4)
        self.add_all("a", 2, delay=0.2)
        got = [call.result(), receiver.receive(PATIENCE)]
        self.assertEqual(sorted(m.content["n"] for m in got), [1, 2])

    def test_priority(self):
        for n, priority in enumerate([0, 5, -10, 10, 5, 0]):
            self.add_all("a", n, priority=priority)
        self.assertEqual(self.take_all("a"), [3, 1, 4, 0, 5, 2])

    def test_unique(self):
        self.assertIs(self.add("a", unique="x", content={"n": 1}), True)
        self.assertIs(self.add("a", unique="x", content={"n": 2}), False)
        self.assertIs(self.add("a", unique="y", content={"n": 3}), True)
        self.assertIs(self.add("b", unique="x", content={"n": 4}), True)
        message = self.take("a")
        # It waits no more: what it is about may change from now on.
        self.assertIs(self.add("a", unique="x", content={"n": 5}), True)
        self.assertIs(self.add("a", unique="x"), False)
        self.backend.acknowledge(message)
        self.assertIs(self.add("a", unique="x"), False)
        self.assertEqual(self.take_all("a"), [3, 5])

    def test_unique_while_one_was_given_back(self):
        """Two wait then, and each of them keeps others away."""
        for delay in (0, 60):
            with self.subTest(delay=delay):
                name = f"a{delay}"
                self.add_all(name, 1, unique="x")
                first = self.take(name)
                self.add_all(name, 2, unique="x")
                second = self.take(name)
                self.add_all(name, 3, unique="x")
                self.assertIs(self.backend.release(first, delay), True)
                self.assertIs(self.backend.release(second, delay), True)
                self.assertIs(self.add(name, unique="x"), False)
                while (message := self.take(name)) is not None:
                    is_last = not delay and message.content["n"] == 3
                    self.assertIs(self.add(name, unique="x"), is_last)
                    if is_last:
                        break
                    self.backend.acknowledge(message)

    def test_unique_while_one_was_revived(self):
        self.add_all("a", 1, unique="x")
        self.backend.bury(self.take("a"), "x")
        self.add_all("a", 2, unique="x")
        self.assertEqual(self.backend.revive(self.backend.dead()), 1)
        for _ in range(2):
            self.assertIs(self.add("a", unique="x"), False)
            self.backend.acknowledge(self.take("a"))
        self.assertIs(self.add("a", unique="x"), True)

    def test_unique_while_a_lease_is_over(self):
        """Whether or not somebody has seen that it waits again."""
        backend = self.make_brief()
        self.add("a", backend, unique="x")
        self.assertIsNotNone(self.take("a", backend=backend))
        self.pass_lease(backend)
        self.assertIs(self.add("a", backend, unique="x"), False)

    def test_unique_in_a_race(self):
        """None is added at the moment that another one is taken, either."""
        self.add_all("a", 1, unique="x")
        first = self.take("a")
        self.add_all("a", 2, unique="x", priority=1)
        self.backend.release(first)

        def add():
            return [self.add("a", unique="x") for _ in range(20)]

        def give_back():
            for _ in range(10):
                # What has a priority; the other one waits all the time.
                self.backend.release(self.take("a"))

        calls = [self.in_thread(call) for call in (add, give_back, add, add)]
        for call in calls:
            self.assertNotIn(True, call.result() or ())

    def test_unique_while_delayed(self):
        self.add("a", unique="x", delay=60)
        self.assertIs(self.add("a", unique="x"), False)
        self.add("b", unique="x")
        self.backend.release(self.take("b"), 60)
        self.assertIs(self.add("b", unique="x"), False)

    def test_key(self):
        """One message at a time has a key; those without one don't wait."""
        self.add_all("a", 1, 2, key="x")
        self.add_all("a", 3, key="y")
        self.add_all("a", 4)
        self.add_all("b", 5, key="x")
        first = self.take("a")
        others = [self.take("a") for _ in range(2)]
        self.assertEqual([m.content["n"] for m in (first, *others)], [1, 3, 4])
        self.assertIsNone(self.take("a"))
        self.assertEqual(self.take("b").content, {"n": 5})
        self.backend.acknowledge(first)
        self.assertEqual(self.take("a").content, {"n": 2})

    def test_key_is_given_back(self):
        self.add_all("a", 1, 2, key="x")
        self.backend.release(self.take("a"), 60)
        message = self.take("a")
        self.assertEqual(message.content, {"n": 2})
        self.backend.bury(message, "x")
        self.add_all("a", 3, key="x")
        message = self.take("a")
        self.add_all("a", 4, key="x")
        self.assertIsNone(self.take("a"))
        brief = self.make_brief()
        brief.renew([message])
        self.pass_lease(brief)
        self.assertEqual(self.take("a").content, {"n": 3})
        self.assertIsNone(self.take("a"))

    def test_key_wakes_a_receiver(self):
        self.add_all("a", 1, 2, key="x")
        first = self.take("a")
        call = self.in_thread(self.open("a").receive)
        self.backend.acknowledge(first)
        self.assertEqual(call.result().content, {"n": 2})

    def test_dead(self):
        self.add_all("a", 1, 2)
        self.add_all("b", 3)
        self.assertEqual(self.backend.dead(), [])
        for n, name in enumerate("aab"):
            self.assertIs(self.backend.bury(self.take(name), f"error {n}"), True)
        self.assertIsNone(self.take("a", "b"))
        dead = self.backend.dead()
        self.assertEqual([d.content["n"] for d in dead], [1, 2, 3])
        self.assertEqual([d.error for d in dead], ["error 0", "error 1", "error 2"])
        self.assertEqual([d.channel for d in dead], ["a", "a", "b"])
        self.assertEqual([d.attempts for d in dead], [1, 1, 1])
        self.assertEqual(self.backend.dead(channel="b"), dead[2:])
        self.assertEqual(self.backend.dead(id=dead[1].id), dead[1:2])
        self.assertEqual(self.backend.dead(channel="a", id=dead[2].id), [])
        self.assertEqual(self.backend.purge(dead[:1]), 1)
        self.assertEqual(self.backend.purge(dead[:1]), 0)
        self.assertEqual(self.backend.dead(), dead[1:])

    def test_pages_of_dead_messages(self):
        number = DEAD_LIMIT + 5
        backend = self.make(CAPACITY=number)
        for n in range(number):
            self.add("a", backend, content={"n": n})
            backend.bury(self.take("a", backend=backend), "x")
        self.add("b", backend, content={"n": number})
        backend.bury(self.take("b", backend=backend), "x")

        def page(*args, **kwargs):
            return [dead.content["n"] for dead in backend.dead(*args, **kwargs)]

        self.assertEqual(backend.count_dead(), number + 1)
        self.assertEqual(backend.count_dead("a"), number)
        self.assertEqual(backend.count_dead("c"), 0)
        self.assertEqual(page(), [*range(DEAD_LIMIT)])
        self.assertEqual(page("a", limit=None), [*range(number)])
        self.assertEqual(len(page(limit=None)), number + 1)
        self.assertEqual(page(limit=2), [0, 1])
        self.assertEqual(page(limit=0), [])
        self.assertEqual(page(limit=3, offset=DEAD_LIMIT - 1), [99, 100, 101])
        self.assertEqual(page("a", offset=number - 1), [number - 1])
        self.assertEqual(page("a", offset=number), [])
        self.assertEqual(page("b"), [number])
        self.assertEqual(page("b", offset=1), [])
        self.assertEqual(page("c"), [])

    def test_revive(self):
        self.add_all("a", 1, priority=3)
        self.backend.bury(self.take("a"), "x")
        (dead,) = self.backend.dead()
        self.add_all("a", 2)
        self.assertEqual(self.backend.revive([dead]), 1)
        self.assertEqual(self.backend.revive([dead]), 0)
        self.assertEqual(self.backend.dead(), [])
        message = self.take("a")
        self.assertEqual((message.content, message.attempt), ({"n": 1}, 1))

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
