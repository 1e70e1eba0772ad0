import queue
import threading

from asgiref.sync import sync_to_async

from django.channels import Channel, channel_backends
from django.channels.spare_threads import OwnThread, SpareThreads, end_own_transactions
from django.channels.transactions import end_transactions, left_open
from django.channels.worker import Worker
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError

from .running import in_thread
from .test_channel import ChannelTestCase


class TransactionsTests(ChannelTestCase):
    databases = {"default"}

    def test_none(self):
        def ended():
            with transaction.atomic():
                connection.ensure_connection()
            return left_open(), end_transactions()

        self.assertEqual(in_thread(ended), ([], None))

    def test_left_open(self):
        def leave():
            transaction.atomic().__enter__()
            left = end_transactions()
            return left, connection.in_atomic_block, end_transactions()

        left, in_atomic_block, again = in_thread(leave)
        self.assertIsInstance(left, TransactionManagementError)
        self.assertIs(in_atomic_block, False)
        self.assertIsNone(again)

    def test_shared_connection(self):
        """What is open there may be another thread's."""

        def leave():
            with transaction.atomic():
                connection.inc_thread_sharing()
                try:
                    return end_transactions()
                finally:
                    connection.dec_thread_sharing()

        self.assertIsNone(in_thread(leave))

    def test_spare_thread(self):
        """Its next borrower isn't within the block."""
        spare = SpareThreads()
        self.addCleanup(spare.close)
        one = OwnThread(spare)
        thread = one.submit(threading.current_thread).result(10)
        one.submit(lambda: transaction.atomic().__enter__()).result(10)
        one.release()
        # It's back when it has done this.
        one.submit(str).result(10)
        two = OwnThread(spare)
        self.addCleanup(two.release)
        self.assertIs(two.submit(threading.current_thread).result(10), thread)
        self.assertIs(two.submit(lambda: connection.in_atomic_block).result(10), False)

    def test_async_consumer(self):
        """It has failed, and the next one finds nothing of it."""
        found = queue.Queue()

        @Channel.consumer("leave")
        async def leave():
            block = transaction.atomic()
            await sync_to_async(block.__enter__)()

        @Channel.consumer("look")
        async def look():
            found.put(await sync_to_async(lambda: connection.in_atomic_block)())

        worker = Worker(channel_backends["default"])
        worker.start()
        try:
            with self.assertLogs("django.channels.worker", "ERROR") as logs:
                Channel("leave").send()
                Channel("look").send()
                self.assertIs(found.get(timeout=10), False)
                self.assertIs(worker.stop(10), True)
        finally:
            worker.stop(10)
        self.assertIn("The consumer of leave", logs.output[0])
        self.assertIn("A transaction was left open", logs.output[0])

    async def test_async_consumer_without_a_thread(self):
        """It gets none for this."""
        self.assertIsNone(await end_own_transactions())
