import os
import threading
import unittest
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from unittest import mock

from django.channels import spare_threads
from django.channels.spare_threads import OwnThread, SpareThreads
from django.test import SimpleTestCase


class SpareThreadsTests(SimpleTestCase):
    def setUp(self):
        self.spare = SpareThreads()
        self.tidied = self.patch("close_old_connections")
        self.has_connections = self.patch("has_connections")
        self.has_connections.return_value = True
        self.closed = self.patch("connections").close_all
        self.addCleanup(self.spare.close)

    def patch(self, name):
        patch = mock.patch.object(spare_threads, name)
        self.addCleanup(patch.stop)
        return patch.start()

    def use(self, thread):
        return thread.submit(threading.current_thread).result(10)

    def give_back(self, own):
        """Release the thread, and wait until it's back or has ended."""
        done = threading.Event()
        thread = own._thread
        tidy = self.spare._tidy

        def tidy_and_tell(thread):
            tidy(thread)
            done.set()

        with mock.patch.object(self.spare, "_tidy", tidy_and_tell):
            own.release()
        self.assertIs(done.wait(10), True)
        return thread

    def test_one_after_the_other(self):
        """One thread does for two, and its connections are looked after."""
        one = OwnThread(self.spare)
        first = self.use(one)
        self.assertIs(self.use(one), first)
        # They may be older than they should be.
        self.tidied.assert_called_once_with()
        self.give_back(one)
        self.assertEqual(self.tidied.call_count, 2)
        self.assertIs(self.use(two := OwnThread(self.spare)), first)
        self.give_back(two)

    def test_without_connections(self):
        self.has_connections.return_value = False
        one = OwnThread(self.spare)
        self.use(one)
        self.give_back(one)
        self.tidied.assert_not_called()

    def test_at_once(self):
        """Nobody shares a thread."""
        one, two = OwnThread(self.spare), OwnThread(self.spare)
        self.assertIsNot(self.use(one), self.use(two))
        self.give_back(one)
        self.give_back(two)

    def test_tidy(self):
        """A thread that is left tidy is there at once, and isn't looked at."""
        one = OwnThread(self.spare, prepare=False)
        first = self.use(one)
        one.release(is_tidy=True)
        self.assertIs(self.use(two := OwnThread(self.spare, prepare=False)), first)
        self.tidied.assert_not_called()
        self.give_back(two)

    def test_tidy_but_busy(self):
        """What is said to be tidy, and isn't done, is waited for."""
        one, go_on = OwnThread(self.spare), threading.Event()
        one.submit(go_on.wait, 10)
        with mock.patch.object(self.spare, "_tidy") as tidy:
            one.release(is_tidy=True)
            tidy.assert_not_called()
            go_on.set()
            self.use(one)
        tidy.assert_called_once()
        self.give_back(one)

    def test_unused(self):
        """Who has nothing for a thread takes none."""
        with mock.patch.object(self.spare, "take") as take:
            OwnThread(self.spare).release()
        take.assert_not_called()

    def test_what_it_still_does_comes_first(self):
        order = []
        own = OwnThread(self.spare, prepare=False)
        begun, go_on = threading.Event(), threading.Event()

        def work():
            begun.set()
            go_on.wait(10)
            order.append("work")

        self.tidied.side_effect = lambda: order.append("tidied")
        own.submit(work)
        begun.wait(10)
        own.release()
        go_on.set()
        self.use(own)
        self.assertEqual(order, ["work", "tidied"])

    def test_too_many(self):
        """Past a few spare ones, a thread ends, and its connections with it."""
        with mock.patch.object(spare_threads, "MOST_SPARE", 1):
            owns = [OwnThread(self.spare) for _ in range(2)]
            threads = [self.use(own) for own in owns]
            for own in owns:
                self.give_back(own)
        threads[1].join(10)
        self.assertEqual([t.is_alive() for t in threads], [True, False])
        self.closed.assert_called_once_with()

    @unittest.skipUnless(hasattr(os, "fork"), "needs os.fork()")
    def test_fork(self):
        """A child has none of the threads of its parent, and starts its own."""
        self.spare = SpareThreads(partial(ThreadPoolExecutor, 1))
        self.addCleanup(self.spare.close)
        own = OwnThread(self.spare)
        first = self.use(own)
        self.give_back(own)
        with warnings.catch_warnings():
            # Python 3.12 and later: the threads hold no lock that the child needs.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            status = 1
            try:
                self.use(OwnThread(self.spare))
                status = 0
            finally:
                os._exit(status)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertIs(self.use(own := OwnThread(self.spare)), first)
        self.give_back(own)

    def test_close(self):
        """Those that are spare end at once, others when they're given back."""
        spare, lent = OwnThread(self.spare), OwnThread(self.spare)
        threads = [self.use(spare), self.use(lent)]
        self.give_back(spare)
        self.spare.close()
        threads[0].join(10)
        self.assertEqual([t.is_alive() for t in threads], [False, True])
        self.give_back(lent)
        threads[1].join(10)
        self.assertIs(threads[1].is_alive(), False)
        self.assertEqual(self.closed.call_count, 2)
