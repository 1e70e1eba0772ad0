"""Receiving waits, wakes and races."""

import threading

from django.channels.exceptions import ChannelFull

from .case import PATIENCE


class ReceiverTests:
    def test_waits_for_a_message(self):
        receiver = self.open("a", "b")
        call = self.in_thread(receiver.receive)
        self.send("c", n=0)
        self.send("b", n=1)
        self.assertEqual(call.result().content, {"n": 1})

    def test_waits_for_each_of_several(self):
        """A thread that waits is woken by whichever channel comes next."""
        receiver = self.open("a", "b", "c")
        for n, name in enumerate("cabbac"):
            call = self.in_thread(receiver.receive)
            self.send(name, n=n)
            self.assertEqual(call.result().content, {"n": n})

    def test_timeout(self):
        receiver = self.open("a")
        self.assertIsNone(receiver.receive(timeout=0.05))
        self.send("a", n=1)
        self.assertEqual(receiver.receive(timeout=0.05).content, {"n": 1})

    def test_message_within_the_timeout(self):
        receiver = self.open("a")
        call = self.in_thread(receiver.receive, 15)
        self.send("a", n=1)
        self.assertEqual(call.result().content, {"n": 1})

    def test_close_ends_the_wait(self):
        receiver = self.open("a")
        calls = [self.in_thread(receiver.receive) for _ in range(4)]
        calls += [self.in_thread(receiver.receive, 60) for _ in range(2)]
        receiver.close()
        for call in calls:
            self.assertIsNone(call.result())
        self.assertIsNone(receiver.receive())
        receiver.close()

    def test_close_loses_nothing(self):
        """What no thread has received is left for another receiver."""
        receiver = self.open("a")
        calls = [self.in_thread(receiver.receive) for _ in range(3)]
        receiver.close()
        self.send("a", n=1)
        got = [m.content for m in (call.result() for call in calls) if m]
        self.assertEqual(got + self.receive_all("a"), [{"n": 1}])

    def test_close_leaves_other_receivers(self):
        first, second = self.open("a"), self.open("a")
        call = self.in_thread(second.receive)
        first.close()
        self.send("a", n=1)
        self.assertEqual(call.result().content, {"n": 1})

    def test_is_served(self):
        self.assertIs(self.backend.is_served("a"), False)
        receiver = self.open("a", "b")
        again = self.open("a")
        self.assertIs(self.backend.is_served("a"), True)
        receiver.close()
        self.assertIs(self.backend.is_served("a"), True)
        self.assertIs(self.backend.is_served("b"), False)
        again.close()
        self.assertIs(self.backend.is_served("a"), False)

    def test_many_threads_in_one_receiver(self):
        """Each message is received once, and wakes one thread."""
        receiver = self.open("a")
        calls = [self.in_thread(receiver.receive) for _ in range(8)]
        for n in range(8):
            self.send("a", n=n)
        got = sorted(call.result().content["n"] for call in calls)
        self.assertEqual(got, list(range(8)))

    def test_race(self):
        """Each message is received once, whoever sends and receives."""
        backends = [self.make(CAPACITY=10**6)]
        if self.shared:
            backends.append(self.make(CAPACITY=10**6))
        each = self.race_messages // 4
        got, enough = [], threading.Event()

        def take(receiver):
            while (message := receiver.receive()) is not None:
                got.append(message.content["n"])
                if len(got) >= 4 * each:
                    enough.set()

        def give(backend, start):
            for n in range(start, start + each):
                self.send("ab"[n % 2], backend, n=n)

        receivers = [self.open("a", "b", backend=b) for b in backends for _ in "12"]
        takers = [self.in_thread(take, r) for r in receivers for _ in "12"]
        givers = [
            self.in_thread(give, backends[i % len(backends)], i * each)
            for i in range(4)
        ]
        for call in givers:
            call.result()
        self.assertTrue(enough.wait(PATIENCE), f"{len(got)} of {4 * each}")
        for receiver in receivers:
            receiver.close()
        for call in takers:
            call.result()
        self.assertEqual(sorted(got), list(range(4 * each)))

    def test_capacity_in_a_race(self):
        """The bound holds whoever sends, and what is refused isn't sent."""
        backends = [self.make(CAPACITY=10) for _ in "1234"]
        if not self.shared:
            backends = backends[:1] * 4

        def give(backend):
            sent = 0
            for _ in range(10):
                try:
                    self.send("a", backend)
                    sent += 1
                except ChannelFull:
                    pass
            return sent

        calls = [self.in_thread(give, backend) for backend in backends]
        self.assertEqual(sum(call.result() for call in calls), 10)
        self.assertEqual(len(self.receive_all("a")), 10)

    def test_timeouts_lose_nothing(self):
        """A message that comes as the time ends is received all the same."""
        backend = self.make(CAPACITY=10**6)
        number = self.race_messages // 2
        receiver = self.open("a", backend=backend)
        got, enough = [], threading.Event()

        def take():
            while not enough.is_set():
                message = receiver.receive(timeout=0.002)
                if message is not None:
                    got.append(message.content["n"])
                    if len(got) == number:
                        enough.set()

        takers = [self.in_thread(take) for _ in range(2)]
        for n in range(number):
            self.send("a", backend, n=n)
        in_time = enough.wait(PATIENCE)
        enough.set()
        for call in takers:
            call.result()
        self.assertTrue(in_time)
        self.assertEqual(sorted(got), list(range(number)))
