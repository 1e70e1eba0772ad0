"""What only the database backend has: transactions, and rows to be swept."""

import contextlib
import json
import subprocess
import threading
from collections import Counter
from functools import partial
from pathlib import Path
from unittest import mock

from asgiref.sync import sync_to_async

from django.channels import Channel
from django.channels.backends.database import backend as backend_module
from django.channels.backends.shared import PROCESS_MARK
from django.channels.batches import LARGEST
from django.channels.delivery import Delivery
from django.channels.exceptions import BackendUnavailable, ChannelFull
from django.channels.message import Message
from django.channels.signals import consumer_finished
from django.channels.worker import Worker
from django.db import OperationalError, connections, transaction
from django.db.backends.signals import connection_created

from ..interpreters import Interpreter
from ..running import PATIENCE, environment
from .databases import ALIAS

SCRIPT = Path(__file__).with_name("database_process.py")


# The name of an inbox's thread.
INBOX = "channels-database-inbox"


class Rollback(Exception):
    pass


@contextlib.contextmanager
def rolled_back():
    with contextlib.suppress(Rollback), transaction.atomic(ALIAS):
        yield
        raise Rollback


class TransactionTests:
    def test_sent_on_commit(self):
        other = self.make()
        receivers = [self.open("a", backend=b) for b in (self.backend, other)]
        for receiver in receivers:
            call = self.in_thread(receiver.receive)
            with transaction.atomic(ALIAS):
                self.send("a", n=1)
                probe = self.in_thread(self.receive, "a")
                self.assertIsNone(probe.result())
            self.assertEqual(call.result().content, {"n": 1})
            receiver.close()

    def test_not_sent_on_rollback(self):
        with rolled_back():
            self.send("a", n=1)
            self.assertEqual(self.receive("a"), {"n": 1})
            self.send("a", n=2)
        self.assertIsNone(self.receive("a"))

    def test_many_sent_on_commit(self):
        sends = [
            self.backend.send_many,
            partial(self.backend.add_many, delivery=Delivery(durable=True)),
        ]
        messages = [Message("a", {"n": n}) for n in range(LARGEST + 1)]
        for send in sends:
            with rolled_back():
                send(messages)
            self.assertIsNone(self.receive("a"))
            with transaction.atomic(ALIAS):
                send(messages)
                probe = self.in_thread(self.receive, "a")
                self.assertIsNone(probe.result())
            self.assertEqual(len(self.receive_all("a")), LARGEST + 1)

    def test_many_to_a_full_channel_leave_the_transaction(self):
        backend = self.make(CAPACITY=2)
        messages = [Message("a", {"n": n}) for n in range(3)]
        with transaction.atomic(ALIAS):
            with self.assertRaises(ChannelFull):
                backend.send_many(messages)
            self.send("b", backend, n=3)
        found = self.receive_all("a", "b")
        self.assertEqual(sorted(content["n"] for content in found), [0, 1, 3])

    def test_full_channel_leaves_the_transaction(self):
        backend = self.make(CAPACITY=1)
        with transaction.atomic(ALIAS):
            self.send("a", backend, n=1)
            with self.assertRaises(ChannelFull):
                self.send("a", backend, n=2)
            self.send("b", backend, n=3)
        self.assertEqual(self.receive_all("a", "b"), [{"n": 1}, {"n": 3}])

    def test_reply_on_commit(self):
        other = self.make()
        name, sink = self.listen()
        with rolled_back():
            self.send(name, other, n=1)
        with transaction.atomic(ALIAS):
            self.send(name, other, n=2)
        self.assertEqual(sink.wait_for(1), [{"n": 2}])

    def test_reply_within_the_process(self):
        """It's no row: it's delivered at once."""
        name, sink = self.listen()
        with rolled_back():
            self.send(name, n=1)
        self.assertEqual(sink.contents, [{"n": 1}])

    def test_listen_in_a_transaction(self):
        other = self.make()
        with transaction.atomic(ALIAS):
            name, sink = self.listen()
        self.send(name, other, n=1)
        self.assertEqual(sink.wait_for(1), [{"n": 1}])

    def test_group_joined_in_a_transaction_that_failed(self):
        """The process is in the group all the same, a little later."""
        backend = self.make(OPTIONS={"LEASE": 3})
        name, sink = self.listen(backend)
        with rolled_back():
            backend.group_add("g", name)
        member = PROCESS_MARK + backend.process
        self.wait_until(lambda: member in self.backend._members("g"))
        self.backend.group_send("g", {"n": 1})
        self.assertEqual(sink.wait_for(1), [{"n": 1}])

    def test_result_of_a_transaction(self):
        """It's there for others when that commits, and goes with a rollback."""
        with rolled_back():
            self.backend.store_result("a", {"n": 1}, 60)
            self.assertEqual(self.backend.result("a"), {"n": 1})
        self.assertIsNone(self.backend.result("a"))
        with transaction.atomic(ALIAS):
            self.backend.store_result("a", {"n": 2}, 60)
            self.assertIsNone(self.in_thread(self.backend.result, "a").result())
        self.assertEqual(self.backend.result("a"), {"n": 2})


class AnnouncedTests:
    def test_server_that_goes_away_before_it_tells(self):
        """Who sends hears that of the backend, and how many were stored."""
        # With these words, nothing of a change is there.
        durable, gone = Delivery(durable=True), OperationalError("No space left.")
        store = self.backend.store
        with mock.patch.object(store, "announce", side_effect=gone):
            with self.assertRaises(BackendUnavailable) as caught:
                self.backend.add(Message("a", {}), durable)
            self.assertIs(caught.exception.unsent, False)
            (dead,) = [self.open("a").receive(0)]
            with self.assertRaises(BackendUnavailable):
                self.backend.bury(dead, "why")
        self.assertEqual(len(self.backend.dead()), 1)


class RaceTests:
    def test_key_that_another_takes_first(self):
        """Who was too late for all that it has seen finds what is behind."""
        # It imports models, whose app is installed by now.
        from django.channels.backends.database.jobs import CANDIDATES

        self.add_all("a", *range(CANDIDATES), key="x")
        self.add_all("a", CANDIDATES, key="y")
        other, jobs = self.make(), self.backend.jobs
        lease = jobs._lease

        def lease_late(*args):
            if not taken:
                taken.append(self.take("a", backend=other).content["n"])
            return lease(*args)

        taken = []
        with mock.patch.object(jobs, "_lease", lease_late):
            taken.append(self.take("a").content["n"])
        self.assertEqual(taken, [0, CANDIDATES])

    def test_key_that_is_given_back_meanwhile(self):
        """Who was too late for the first message doesn't take the third."""
        self.add_all("a", 1, 2, 3, key="x")
        other, jobs = self.make(), self.backend.jobs
        lease, taken, tried = jobs._lease, [], []

        def lease_late(row, seconds):
            if not taken:
                taken.append(self.take("a", backend=other))
            tried.append(row.id)
            if len(tried) == 3:
                other.acknowledge(taken[0])
            return lease(row, seconds)

        with mock.patch.object(jobs, "_lease", lease_late):
            self.assertIsNone(self.take("a"))
        other.acknowledge(taken[0])
        self.assertEqual(self.take_all("a"), [2, 3])


class OpenTransactionTests:
    """A consumer that doesn't end its transaction."""

    def handle(self, *consumers):
        """Let a worker handle a message with each of the consumers."""
        handled = threading.Semaphore(0)

        def note(**kwargs):
            handled.release()

        backend = self.make()
        channels = [f"job.{number}" for number, _ in enumerate(consumers)]
        for channel, consumer in zip(channels, consumers):
            Channel.consumer(channel, durable=True)(consumer)
            backend.add(Message(channel, {}), Delivery(durable=True))
        worker = Worker(backend, channels=channels)
        consumer_finished.connect(note)
        self.addCleanup(consumer_finished.disconnect, note)
        worker.start()
        self.addCleanup(worker.stop, PATIENCE)
        for _ in consumers:
            self.assertIs(handled.acquire(timeout=PATIENCE), True)
        self.assertIs(worker.stop(PATIENCE), True)

    def assertFailed(self, *consumers):
        with self.assertLogs("django.channels.worker", "ERROR") as logs:
            self.handle(*consumers)
        self.assertEqual(len(logs.output), 1)
        self.assertIn("A transaction was left open", logs.output[0])
        rows = self.rows("DurableMessage").values_list("channel", "attempts", "leased")
        self.assertEqual([*rows], [("job.0", 1, False)])

    def test_autocommit(self):
        """What becomes of its message isn't rolled back with it."""

        def consumer():
            transaction.set_autocommit(False, using=ALIAS)
            self.send("a")

        self.assertFailed(consumer)
        self.assertIsNone(self.receive("a"))

    def test_autocommit_and_a_receiver_here(self):
        """Whoever waits in this process is told at once, and finds it later."""
        receiver = self.open("a")
        call = self.in_thread(receiver.receive)
        self.wait_until(lambda: self.backend.watcher.watches("a"))
        transaction.set_autocommit(False, using=ALIAS)
        try:
            self.send("a", n=1)
            transaction.commit(using=ALIAS)
        finally:
            transaction.set_autocommit(True, using=ALIAS)
        self.assertEqual(call.result().content, {"n": 1})

    def test_autocommit_async(self):
        async def consumer():
            await sync_to_async(transaction.set_autocommit)(False, using=ALIAS)

        self.assertFailed(consumer)

    def test_atomic(self):
        """The thread's next message isn't handled within the block."""
        block = transaction.atomic(ALIAS)
        self.assertFailed(lambda: block.__enter__(), lambda: None)


class ProcessTests:
    def start(self, action):
        """Start a process, which prints a line when it's ready."""
        settings = {
            **self.database_settings,
            "NAME": str(self.database_settings["NAME"]),
        }
        process = Interpreter(
            [SCRIPT, json.dumps(settings), action],
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_race_of_processes(self):
        """Each message is received by one of them, and in its order."""
        number = 300
        processes = [self.start("take") for _ in range(2)]
        for process in processes:
            self.assertEqual(process.stdout.readline(), "ready\n")
        backend = self.make(CAPACITY=10**6)
        for n in range(number):
            self.send("race", backend, number=n)
        for _ in processes:
            self.send("race", backend, number=None)
        got = [
            [int(line) for line in process.communicate()[0].split()]
            for process in processes
        ]
        for numbers in got:
            self.assertEqual(numbers, sorted(numbers))
        self.assertEqual(sorted(got[0] + got[1]), list(range(number)))

    def test_items_of_which_the_reader_heard_nothing(self):
        """An item is read again until it has arrived, and arrives once."""
        other = self.make()
        read, lost = self.backend.store.read_items, []

        def read_and_lose(*args):
            found = read(*args)
            # Also where nothing but the news of what has arrived was sent.
            if len(lost) < 4 and (found or lost):
                lost.append(found)
                raise OperationalError("The connection is lost.")
            return found

        with (
            mock.patch.object(self.backend.store, "read_items", read_and_lose),
            self.assertLogs("django.channels", "WARNING"),
        ):
            name, sink = self.listen()
            for n in range(3):
                self.send(name, other, n=n)
            self.assertEqual(sink.wait_for(3), [{"n": 0}, {"n": 1}, {"n": 2}])
            self.wait_until(lambda: not self.rows("Item").exists())
        self.send(name, other, n=3)
        self.assertEqual(sink.wait_for(4)[3:], [{"n": 3}])

    def test_killed_process(self):
        """What it owned goes when its lease is over."""
        process = self.start("join")
        name = process.stdout.readline().strip()
        self.assertEqual(len(self.backend._members("g")), 1)
        process.kill()
        process.wait()

        def is_gone():
            self.backend.group_send("g", {"n": 1})
            return not self.backend._members("g")

        self.wait_until(is_gone)
        self.send(name, n=1)
        self.backend.sweep()
        for model in ("Item", "Member", "Process"):
            self.assertEqual(self.rows(model).count(), 0)

    def test_no_thread_to_watch(self):
        """The next one that waits has it."""
        backend, other = self.make(), self.make()
        receiver = self.open("a", backend=backend)
        error = RuntimeError("can't start new thread")
        with mock.patch.object(threading.Thread, "start", side_effect=error):
            with self.assertRaises(RuntimeError):
                receiver.receive(PATIENCE)
        call = self.in_thread(receiver.receive)
        self.wait_until(lambda: backend.watcher.watches("a"))
        self.send("a", other, n=1)
        self.assertEqual(call.result().content, {"n": 1})
        receiver.close()
        self.assertIs(backend.watcher.watches("a"), False)

    def test_no_thread_to_watch_an_inbox(self):
        """The next one that listens opens another, and nothing reads twice."""
        backend, other = self.make(), self.make()
        error = RuntimeError("can't start new thread")
        with mock.patch.object(backend.watcher, "watch", side_effect=error):
            with self.assertRaises(RuntimeError):
                self.listen(backend)
        inboxes = [t for t in threading.enumerate() if t.name == INBOX]
        name, sink = self.listen(backend)
        self.assertEqual([t for t in inboxes if t.is_alive()], [])
        for n in range(9):
            self.send(name, other, n=n)
        self.assertEqual([c["n"] for c in sink.wait_for(9)], list(range(9)))

    def test_close_while_a_receiver_begins_to_wait(self):
        """Nothing watches for it afterwards."""
        backend = self.make()
        receiver = self.open("a", backend=backend)
        closing, watch = [], backend.watcher.watch

        def late(*args):
            closing.append(self.in_thread(receiver.close))
            # It's there in the meantime, if it doesn't wait.
            closing[0].join(0.1)
            watch(*args)

        with mock.patch.object(backend.watcher, "watch", late):
            self.assertIsNone(receiver.receive(PATIENCE))
        closing[0].result()
        self.assertIs(backend.watcher.watches("a"), False)

    def test_close_while_a_receiver_waits(self):
        """It doesn't wait for the receiver's end, and the receiver goes on."""
        backend, other = self.make(), self.make()
        receiver = self.open("a", backend=backend)
        call = self.in_thread(receiver.receive)
        self.wait_until(lambda: backend.watcher.watches("a"))
        join = backend.watcher.join
        with mock.patch.object(backend.watcher, "join", lambda timeout: join(None)):
            self.in_thread(backend.close).result()
        self.send("a", other, n=1)
        self.assertEqual(call.result().content, {"n": 1})


class SweepTests:
    def test_expired_messages(self):
        backend = self.make(EXPIRY=1)
        for n in range(3):
            self.send("a", backend, n=n)
        self.send("a", self.make(EXPIRY=100), n=3)
        self.let_pass(2)
        limit = mock.patch.object(backend_module, "SWEEP_LIMIT", 2)
        with limit, self.assertLogs("django.channels", "WARNING"):
            self.assertIs(backend.sweep(), True)
            self.assertIs(backend.sweep(), False)
        self.assertEqual(backend.dropped, {"expired": 3})
        self.assertEqual(self.rows("Message").count(), 1)

    def test_expired_message_of_a_socket_that_is_swept(self):
        backend = self.make(EXPIRY=1)
        name, sink = self.listen(backend)
        self.send("websocket.receive", backend, reply_channel=name, order=3)
        self.let_pass(2)
        with self.assertLogs("django.channels", "WARNING"):
            backend.sweep()
        self.assertEqual(sink.wait_for(1), [{"done": 3, "error": True}])

    def test_expired_results(self):
        for n in range(3):
            self.backend.store_result(f"a{n}", {"n": n}, 1)
        self.backend.store_result("b", {"n": 3}, 60)
        self.let_pass(2)
        with mock.patch.object(backend_module, "SWEEP_LIMIT", 2):
            self.assertIs(self.backend.sweep(), True)
            self.assertIs(self.backend.sweep(), False)
        self.assertEqual([row.id for row in self.rows("Result")], ["b"])

    def test_process_that_has_just_renewed(self):
        """It's alive, though it was late, and keeps what it owns."""
        backend = self.make()
        name, sink = self.listen(backend)
        backend.group_add("g", name)
        store = self.backend.store

        def late(limit):
            store.renew(backend.process, 60)
            return [backend.process]

        with mock.patch.object(store, "dead", late):
            self.backend.sweep()
        self.assertEqual(self.rows("Process").count(), 1)
        self.backend.group_send("g", {"n": 1})
        self.assertEqual(sink.wait_for(1), [{"n": 1}])

    def test_items_of_no_process(self):
        self.rows("Item").create(process="gone", content=b"")
        self.backend.sweep()
        self.assertEqual(self.rows("Item").count(), 0)

    def test_nothing_is_left(self):
        backend = self.make()
        name, _ = self.listen(backend)
        backend.group_add("g", name)
        self.send(name, n=1)
        backend.close()
        for model in ("Item", "Member", "Process"):
            self.assertEqual(self.rows(model).count(), 0)


class FullTests:
    """For SQLite, which can be told how large its file may get."""

    @contextlib.contextmanager
    def full(self):
        """Let the database grow no more, on connections that are new."""
        with connections[ALIAS].cursor() as cursor:
            # Or there would be the room that earlier tests had.
            cursor.execute("VACUUM")
        connections[ALIAS].close()
        connection_created.connect(limit_pages)
        try:
            yield
        finally:
            connection_created.disconnect(limit_pages)
            connections[ALIAS].close()

    def send_until_full(self, send):
        """Return the numbers of what was sent, and the error."""
        for number in range(1000):
            try:
                send(number)
            except BackendUnavailable as error:
                return list(range(number)), error
        self.fail("It's never full.")

    def test_full(self):
        """What wasn't written is raised; what was is there, whole."""
        padding = "x" * 20_000

        def send(number):
            self.send("a", number=number, padding=padding)

        def send_durable(number):
            message = Message("b", {"number": number, "padding": padding})
            self.backend.add(message, Delivery(durable=True))

        for channel, send in (("a", send), ("b", send_durable)):
            with self.subTest(send=send):
                with self.full():
                    sent, error = self.send_until_full(send)
                self.assertIn(
                    "the database 'channels' is full, and nothing was written. Make "
                    "room on its disk",
                    str(error),
                )
                self.assertIs(error.unsent, True)
                send(len(sent))
                found = [each["number"] for each in self.receive_all(channel)]
                self.assertEqual(found, [*sent, len(sent)])

    def test_full_in_a_transaction(self):
        """It's the transaction that fails."""
        with self.full():
            with self.assertRaisesMessage(BackendUnavailable, "is full"):
                with transaction.atomic(ALIAS):
                    self.send("a", n=1)
                    for _ in range(100):
                        self.send("b", padding="x" * 20_000)
        self.assertIsNone(self.receive("a"))
        self.assertIsNone(self.receive("b"))

    def test_worker_while_it_is_full(self):
        """It goes on, at the latest when there is room again."""
        handled = Counter()

        @Channel.consumer("jobs", durable=True, backoff=0)
        def consumer(number, padding=""):
            handled[number] += 1

        backend = self.make(CAPACITY=10_000, OPTIONS={"MESSAGE_LEASE": 5})

        def send(number):
            message = Message("jobs", {"number": number, "padding": "x" * 5000})
            backend.add(message, Delivery(durable=True))

        send(-1)
        with self.full():
            sent, _ = self.send_until_full(send)
            worker = Worker(backend, threads=2, channels=["jobs"])
            worker.start()
            self.addCleanup(worker.stop, PATIENCE)
        self.wait_until(lambda: len(handled) == len(sent) + 1)
        send(len(sent))
        self.wait_until(lambda: len(handled) == len(sent) + 2)
        self.wait_until(lambda: not self.rows("DurableMessage").exists())
        self.assertIs(worker.stop(PATIENCE), True)
        self.assertEqual(set(handled.values()), {1})


def limit_pages(connection, **kwargs):
    if connection.alias == ALIAS:
        with connection.cursor() as cursor:
            # It can't be less than there are.
            cursor.execute("PRAGMA max_page_count = 1")


class OutageTests:
    """For a database that can be stopped and started."""

    def test_outage(self):
        with self.assertLogs("django.channels", "WARNING") as logs:
            self.go_through(lambda: logs.output)
        for line in logs.output:
            self.assertIn("the database 'channels'", line)

    def test_all_come_back_together(self):
        """Who receives again reads its inbox, however long that has waited."""

        def long(*args):
            inbox = threading.current_thread().name == "channels-database-inbox"
            return 10_000 if inbox else 1

        with (
            self.assertLogs("django.channels", "WARNING"),
            mock.patch("django.channels.backends.database.outage.random.uniform", long),
        ):
            self.go_through(lambda: self.backend._inbox._outage._failures)

    def go_through(self, noticed):
        """Have an outage; a receiver and the inbox, which wait, go on by themselves."""
        other = self.make()
        name, sink = self.listen()
        receiver = self.open("a")
        call = self.in_thread(receiver.receive)
        self.wait_until(lambda: self.backend.watcher.watches("a"))
        self.service.crash()
        self.wait_until(noticed)
        with self.assertRaises(BackendUnavailable):
            self.send("a", n=0)
        self.service.restart()
        self.send("a", n=1)
        self.assertEqual(call.result().content, {"n": 1})
        self.send(name, other, n=2)
        self.assertEqual(sink.wait_for(1), [{"n": 2}])
