"""Delayed messages, priorities, keys and unique messages."""

from django.channels.delivery import LONGEST_DELAY

from .case import PATIENCE
from .durable_case import DurableCase


class DeliveryTests(DurableCase):
    """What a Delivery asks for. See DurableDelivery."""

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

    def test_longest_delay(self):
        """Who waits goes on waiting, though no thread can wait for so long."""
        self.add_all("a", 1, delay=LONGEST_DELAY)
        self.add("a", durable=False, delay=LONGEST_DELAY)
        receiver = self.open("a")
        call = self.in_thread(receiver.receive)
        call.join(0.1)
        self.add_all("a", 2)
        self.assertEqual(call.result().content, {"n": 2})

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

    def test_any_text_as_a_name(self):
        """It's a name of its own, however little tells it from another."""
        faces = "\U0001f600" * 200
        names = ["a", "A", "a ", " a", "\xe1", "a\u0301", "\uff41", "\n", faces]
        for name in names:
            with self.subTest(name=name):
                self.assertIs(self.add("a", unique=name, key=name), True)
                self.assertIs(self.add("a", unique=name, key=name), False)
        taken = [self.take("a") for _ in names]
        self.assertNotIn(None, taken)

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
