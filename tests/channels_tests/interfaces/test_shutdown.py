from types import SimpleNamespace

from django.channels.interfaces.shutdown import Shutdown
from django.test import SimpleTestCase

from .wires import Reactor


class ShutdownTests(SimpleTestCase):
    def setUp(self):
        self.reactor = Reactor()
        self.events = []

    def shutdown(self, *connections):
        return Shutdown(
            self.reactor,
            SimpleNamespace(urls=[], stop=lambda: None),
            SimpleNamespace(connections=connections),
            SimpleNamespace(by_name={}),
            lambda: self.events.append("ended"),
        )

    def socket(self):
        """Return one that doesn't go, and is lost as Twisted's are."""

        def cut_off():
            self.reactor.callLater(0, self.events.append, "lost")

        return SimpleNamespace(successor=True, shut_down=lambda: None, cut_off=cut_off)

    def test_nothing_is_left(self):
        self.shutdown().begin(10)
        self.assertEqual(self.events, ["ended"])

    def test_socket_is_cut_off(self):
        """It has its disconnect before the reactor stops."""
        self.shutdown(self.socket()).begin(10)
        self.reactor.advance(9)
        self.assertEqual(self.events, [])
        self.reactor.advance(1)
        self.assertEqual(self.events, ["lost", "ended"])
