import signal
import threading
import unittest
from time import monotonic

from django.channels.processes.events import Events
from django.test import SimpleTestCase


class EventsTests(SimpleTestCase):
    def test_order(self):
        events = Events()
        events.put("a")
        events.put("b", 1)
        self.assertEqual([events.wait(), events.wait()], [("a", None), ("b", 1)])

    def test_deadline(self):
        self.assertIsNone(Events().wait(monotonic()))
        self.assertIsNone(Events().wait(monotonic() + 0.01))

    def test_from_a_thread(self):
        events = Events()
        threading.Thread(target=events.put, args=["a"]).start()
        self.assertEqual(events.wait(monotonic() + 60), ("a", None))

    def test_signals(self):
        events = Events()
        kept = signal.getsignal(signal.SIGINT)
        with events.signals():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
        self.assertEqual(events.wait(), ("signal", signal.SIGINT))
        self.assertEqual(events.wait(), ("signal", signal.SIGTERM))
        self.assertIs(signal.getsignal(signal.SIGINT), kept)

    @unittest.skipUnless(hasattr(signal, "pthread_kill"), "Signals have no threads.")
    def test_signal_to_another_thread(self):
        """It doesn't interrupt the wait, like one that comes just before."""
        events = Events()

        def get_signal():
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

        with events.signals():
            threading.Timer(0.1, get_signal).start()
            event = events.wait(monotonic() + 60)
        self.assertEqual(event, ("signal", signal.SIGTERM))
