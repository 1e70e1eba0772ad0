from unittest import TestCase

from twisted.internet.task import Clock

from django.channels.interfaces.drain import FEWEST, TICK, Drain


class DrainTests(TestCase):
    def drain(self, number, seconds):
        self.clock = Clock()
        self.told = []
        return Drain(self.clock, range(number), seconds, self.told.append)

    def test_few(self):
        self.drain(FEWEST, 5)
        self.assertEqual(self.told, list(range(FEWEST)))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_many(self):
        """They are spread over the time, and none is forgotten."""
        self.drain(5000, 5)
        self.assertEqual(len(self.told), 100)
        self.clock.pump([TICK] * 25)
        self.assertEqual(len(self.told), 2600)
        self.clock.pump([TICK] * 25)
        self.assertEqual(self.told, list(range(5000)))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_no_time(self):
        self.drain(5000, 0)
        self.assertEqual(len(self.told), 5000)

    def test_stop(self):
        drain = self.drain(5000, 5)
        drain.stop()
        drain.stop()
        self.clock.pump([TICK] * 60)
        self.assertEqual(len(self.told), 100)
        self.assertEqual(self.clock.getDelayedCalls(), [])
