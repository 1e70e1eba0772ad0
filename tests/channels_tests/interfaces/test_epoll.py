import select
import socket
import unittest

from twisted.internet.error import ConnectionDone

from django.channels.interfaces.reactor import begin_logging
from django.test import SimpleTestCase

if hasattr(select, "epoll"):
    from django.channels.interfaces.epoll import Reactor


class End:
    """One end of a pair of sockets, which a reactor has read or write."""

    def __init__(self, reactor, action=None):
        self.reactor = reactor
        self.action = action
        self.socket, self.peer = socket.socketpair()
        self.happened = []
        self.fileno = self.socket.fileno

    def doRead(self):
        return self._act("read")

    def doWrite(self):
        return self._act("write")

    def connectionLost(self, reason):
        self.happened.append(reason.type)
        self.reactor.removeReader(self)
        self.reactor.removeWriter(self)

    def logPrefix(self):
        raise AssertionError("Nobody has a use for it.")

    def _act(self, what):
        self.happened.append(what)
        if self.action is not None:
            return self.action(self)

    def close(self):
        self.socket.close()
        self.peer.close()


@unittest.skipUnless(hasattr(select, "epoll"), "The system has no epoll.")
class ReactorTests(SimpleTestCase):
    def setUp(self):
        begin_logging()
        self.reactor = Reactor()
        # Its own: what wakes it.
        for waker in self.reactor.removeAll():
            self.addCleanup(waker.connectionLost, None)
        self.addCleanup(self.reactor._poller.close)

    def end(self, action=None, *, ready=True):
        end = End(self.reactor, action)
        self.addCleanup(end.close)
        self.reactor.addReader(end)
        if ready:
            end.peer.send(b"data")
        return end

    def test_events(self):
        """What is ready is read or written."""
        first, second, third = self.end(), self.end(ready=False), self.end()
        self.reactor.addWriter(third)
        self.reactor.doIteration(0)
        self.assertEqual(first.happened, ["read"])
        self.assertEqual(second.happened, [])
        self.assertEqual(third.happened, ["read", "write"])

    def test_no_limit(self):
        end = self.end()
        self.reactor.doPoll(None)
        self.assertEqual(end.happened, ["read"])

    def test_end(self):
        """What was read says that it's the end."""
        end = self.end(lambda end: ConnectionDone())
        self.reactor.doPoll(0)
        self.assertEqual(end.happened, ["read", ConnectionDone])

    def test_exception(self):
        """It's logged, ends its connection, and harms none of the others."""

        def fail(end):
            raise LookupError("A bug.")

        ends = [self.end(fail), self.end(), self.end(fail)]
        with self.assertLogs("django.channels.server", "ERROR") as logs:
            self.reactor.doPoll(0)
        self.assertEqual(len(logs.records), 2)
        self.assertIn("LookupError: A bug.", logs.output[0])
        self.assertEqual(
            [end.happened for end in ends],
            [["read", LookupError], ["read"], ["read", LookupError]],
        )

    def test_exception_at_the_end(self):
        """So is one that comes of the connection's end."""

        def lose(end):
            end.connectionLost = lambda reason: 1 / 0
            return ConnectionDone()

        ends = [self.end(lose), self.end(lose), self.end()]
        with self.assertLogs("django.channels.server", "ERROR") as logs:
            self.reactor.doPoll(0)
        self.assertEqual(
            [record.getMessage() for record in logs.records],
            ["The end of a connection failed."] * 2,
        )
        self.assertEqual(ends[2].happened, ["read"])

    def test_gone(self):
        """What an event takes out of the reactor has no event after it."""

        def take_out(end):
            for other in ends:
                if other is not end:
                    self.reactor.removeReader(other)

        ends = [self.end(take_out), self.end(take_out)]
        self.reactor.doPoll(0)
        self.assertEqual(sorted(end.happened for end in ends), [[], ["read"]])
