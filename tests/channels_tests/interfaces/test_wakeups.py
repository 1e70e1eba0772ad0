from django.channels.interfaces.wakeups import Wakeups
from django.test import SimpleTestCase


class Waiter:
    def __init__(self, woken, number):
        self.woken, self.number = woken, number

    def wake(self):
        self.woken.append(self.number)


class WakeupsTests(SimpleTestCase):
    def setUp(self):
        self.calls = []
        self.woken = []
        self.wakeups = Wakeups(self.calls.append)

    def add(self, *numbers):
        for number in numbers:
            self.wakeups.add(Waiter(self.woken, number))

    def test_one_call(self):
        """Those of one turn are woken by one call, in order."""
        self.add(1, 2, 3)
        self.assertEqual(len(self.calls), 1)
        self.assertEqual(self.woken, [])
        self.calls.pop()()
        self.assertEqual(self.woken, [1, 2, 3])

    def test_next_turn(self):
        self.add(1)
        self.calls.pop()()
        self.add(2)
        self.calls.pop()()
        self.assertEqual(self.woken, [1, 2])
        self.assertEqual(self.calls, [])

    def test_flush(self):
        """It can be done before its time, and what is due then does no harm."""
        self.add(1)
        self.wakeups.flush()
        self.assertEqual(self.woken, [1])
        self.add(2)
        for call in self.calls:
            call()
        self.assertEqual(self.woken, [1, 2])
