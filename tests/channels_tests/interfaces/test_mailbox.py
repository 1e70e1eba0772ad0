import threading

from django.channels.interfaces.mailbox import Mailbox
from django.test import SimpleTestCase

from .wires import Reactor


class MailboxTests(SimpleTestCase):
    def setUp(self):
        self.reactor = Reactor()
        self.mailbox = Mailbox(self.reactor.callFromThread)
        self.seen = []

    def test_one_hop(self):
        """Any number of calls costs one hop, and they are made in order."""
        for i in range(5):
            self.mailbox.post(self.seen.append, i)
        self.assertEqual(len(self.reactor.posted), 1)
        self.reactor.spin()
        self.assertEqual(self.seen, [0, 1, 2, 3, 4])

    def test_post_during_visit(self):
        """What a call posts is not made at once, but isn't forgotten."""
        self.mailbox.post(self.mailbox.post, self.seen.append, "later")
        function, args = self.reactor.posted.pop()
        function(*args)
        self.assertEqual(self.seen, [])
        self.reactor.spin()
        self.assertEqual(self.seen, ["later"])

    def test_failing_call(self):
        """A call that raises is logged and harms none of the others."""
        self.mailbox.post(int, "not a number")
        self.mailbox.post(self.seen.append, 1)
        with self.assertLogs("django.channels.server", "ERROR"):
            self.reactor.spin()
        self.assertEqual(self.seen, [1])

    def test_threads(self):
        """No call is lost, and each thread's come in its order."""

        def post(number):
            for i in range(500):
                self.mailbox.post(self.seen.append, (number, i))

        threads = [threading.Thread(target=post, args=[n]) for n in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            self.reactor.spin()
        self.reactor.spin()
        self.assertEqual(len(self.seen), 2000)
        for number in range(4):
            own = [i for n, i in self.seen if n == number]
            self.assertEqual(own, list(range(500)))
