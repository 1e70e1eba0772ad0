"""Messages whose last attempt has failed."""

from django.channels.backends.durable import DEAD_LIMIT

from .durable_case import DurableCase


class DeadLetterTests(DurableCase):
    """They are kept, listed, revived and purged. See DurableDelivery."""

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

    def test_dead_without_an_attempt(self):
        self.add_all("a", 1)
        self.backend.release(self.take("a"))
        self.assertIs(self.backend.bury(self.take("a"), "x", counted=False), True)
        self.assertEqual(self.backend.dead()[0].attempts, 1)

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
