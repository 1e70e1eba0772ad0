import asyncio
import queue
import sys
import threading
from contextlib import contextmanager
from unittest import mock, skipIf

from asgiref.sync import async_to_sync, sync_to_async

from django.channels import Channel, channel_backends, consumers, names, signals
from django.channels.consumer import Consumer
from django.channels.exceptions import ChannelFull
from django.channels.inline import arun_here, run_here
from django.channels.message import Message
from django.channels.worker import Worker
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.db import connection
from django.test import override_settings
from django.urls import get_script_prefix, set_script_prefix
from django.utils.translation import activate, get_language, override

from .running import PATIENCE, wait_for
from .test_channel import ChannelTestCase
from .test_memory import Sink

CACHES = {"default": {"BACKEND": f"{__name__}.Cache"}}


class Cache(LocMemCache):
    closed = 0

    def close(self):
        self.closed += 1


class WorkerTestCase(ChannelTestCase):
    def setUp(self):
        self.backend = channel_backends["default"]

    @contextmanager
    def running(self, threads=1):
        worker = Worker(self.backend, threads=threads)
        worker.start()
        try:
            yield worker
        finally:
            self.assertIs(worker.stop(timeout=10), True)


class WorkerTests(WorkerTestCase):
    def test_runs_consumers(self):
        got = []
        done = threading.Event()

        @Channel.consumer("task")
        def task(channel, value):
            got.append((channel, value, threading.current_thread().name))
            done.set()

        with self.running():
            Channel("task").send(value=3)
            self.assertTrue(done.wait(10))
        self.assertEqual(got, [("task", 3, "channels-worker-0")])

    def test_channels(self):
        """They may be one name, and a name of channels 0.1."""
        for channels in ("django.websocket.receive", ["django.websocket.receive"]):
            with self.subTest(channels=channels):
                worker = Worker(self.backend, channels=channels)
                worker.start()
                self.addCleanup(worker.stop)
                self.assertIs(self.backend.is_served("websocket.receive"), True)
                worker.stop()

    def test_script_prefix(self):
        """
        reverse() begins with FORCE_SCRIPT_NAME, which django.setup() sets in the
        main thread only, and what a consumer sets stays with it.
        """
        found = queue.Queue()

        @Channel.consumer("task")
        def task():
            found.put(get_script_prefix())
            set_script_prefix("/b")

        @Channel.consumer("atask")
        async def atask():
            found.put(await sync_to_async(get_script_prefix)())
            found.put(get_script_prefix())
            set_script_prefix("/b")

        with self.running():
            for name, expected in (("/a", "/a/"), (None, "/")):
                with override_settings(FORCE_SCRIPT_NAME=name):
                    for channel in ("task", "atask", "task", "atask"):
                        Channel(channel).send()
                    prefixes = [found.get(timeout=10) for _ in range(6)]
                self.assertEqual(prefixes, [expected] * 6)

    def test_exception_ends_nothing(self):
        """It's logged with its traceback; the same thread goes on."""
        done = threading.Event()

        @Channel.consumer("bad")
        def bad(kind):
            raise {"error": ValueError, "exit": SystemExit}[kind]("why")

        @Channel.consumer("good")
        def good():
            done.set()

        with self.assertLogs("django.channels.worker", "ERROR") as logs:
            with self.running():
                Channel("bad").send(kind="error")
                Channel("bad").send(kind="exit")
                Channel("good").send()
                self.assertTrue(done.wait(10))
        self.assertIn("The consumer of bad raised ValueError; the w", logs.output[0])
        self.assertIn("Traceback", logs.output[0])
        self.assertIn("raised SystemExit", logs.output[1])

    def test_wrong_arguments(self):
        @Channel.consumer("task")
        def task(value):
            pass

        with self.assertLogs("django.channels.worker", "ERROR") as logs:
            run_here(self.backend, Message("task", {"vlaue": 1}))
        self.assertIn("unexpected keyword argument 'vlaue'", logs.output[0])

    def test_threads(self):
        """As many messages are handled at once as there are threads."""
        barrier = threading.Barrier(3)
        done = threading.Semaphore(0)

        @Channel.consumer("task")
        def task():
            barrier.wait(10)
            done.release()

        with self.running(threads=3):
            for _ in range(3):
                Channel("task").send()
            for _ in range(3):
                self.assertTrue(done.acquire(timeout=10))

    def test_stop_waits_for_what_runs(self):
        begun, go, ended = threading.Event(), threading.Event(), []

        @Channel.consumer("task")
        def task():
            begun.set()
            go.wait(10)
            ended.append(True)

        worker = Worker(self.backend)
        worker.start()
        Channel("task").send()
        begun.wait(10)
        with self.assertLogs("django.channels.worker", "WARNING") as logs:
            self.assertIs(worker.stop(timeout=0.01), False)
        self.assertIn("The consumer of task was abandoned", logs.output[0])
        go.set()
        self.assertIs(worker.stop(timeout=10), True)
        self.assertEqual(ended, [True])

    def test_stop_by_a_consumer(self):
        """All but its own thread is waited for."""
        ended = []

        @Channel.consumer("stop")
        def stop():
            ended.append(worker.stop(timeout=10))

        stopped = mock.Mock()
        signals.worker_stopped.connect(stopped)
        self.addCleanup(signals.worker_stopped.disconnect, stopped)
        worker = Worker(self.backend, threads=2)
        worker.start()
        Channel("stop").send()
        for thread in worker._pool:
            thread.join(10)
            self.assertIs(thread.is_alive(), False)
        self.assertEqual(ended, [True])
        stopped.assert_called_once()
        self.assertIs(worker.stop(timeout=10), True)

    def test_stop_by_two_consumers(self):
        """Neither waits for the other."""
        both = threading.Barrier(2, timeout=10)
        ended = []

        @Channel.consumer("stop")
        def stop():
            both.wait()
            ended.append(worker.stop())

        worker = Worker(self.backend, threads=2)
        worker.start()
        Channel("stop").send()
        Channel("stop").send()
        for thread in worker._pool:
            thread.join(10)
            self.assertIs(thread.is_alive(), False)
        self.assertEqual(ended, [True, True])

    def test_stop_before_start(self):
        self.assertIs(Worker(self.backend).stop(), True)

    def test_signals(self):
        seen = []

        def note(signal, **kwargs):
            seen.append((signal, kwargs.get("message"), kwargs.get("exception")))

        for signal in (signals.consumer_started, signals.consumer_finished):
            signal.connect(note)
            self.addCleanup(signal.disconnect, note)

        @Channel.consumer("task")
        def task():
            pass

        message = Message("task", {})
        run_here(self.backend, message)
        self.assertEqual(
            seen,
            [
                (signals.consumer_started, message, None),
                (signals.consumer_finished, message, None),
            ],
        )

    def test_context_of_its_own(self):
        """What one message activates isn't active for the next."""
        languages = []
        done = threading.Event()

        @Channel.consumer("task")
        def task(last):
            languages.append(get_language())
            activate("de")
            if last:
                done.set()

        with self.running():
            Channel("task").send(last=False)
            Channel("task").send(last=True)
            self.assertTrue(done.wait(10))
        self.assertEqual(languages, ["en", "en"])

    def test_adopted_message(self):
        """A consumer may have what it handles look after its surroundings."""
        handled, done = [], threading.Event()

        class Adopted(Message):
            manages_connections = True

        class Adopting(Consumer):
            def adopt(self, message):
                return Adopted(message.channel, message.content)

            def __call__(self, message):
                handled.append((type(message), get_language()))
                activate("de")
                if message.content["last"]:
                    done.set()

        consumers.register("task", Adopting(print))
        with self.running():
            Channel("task").send(last=False)
            Channel("task").send(last=True)
            self.assertTrue(done.wait(10))
        # The same context, since it said so.
        self.assertEqual(handled, [(Adopted, "en"), (Adopted, "de")])

    def test_fault_around_the_consumer(self):
        """What fails before it's even found doesn't end the thread either."""
        done = threading.Event()
        Channel.consumer("task")(done.set)
        handle, calls = Worker.handle, []

        def fail_once(worker, consumer, message):
            calls.append(message)
            if len(calls) == 1:
                raise ValueError
            handle(worker, consumer, message)

        with self.assertLogs("django.channels.worker", "ERROR") as logs:
            with mock.patch.object(Worker, "handle", fail_once), self.running():
                Channel("task").send()
                Channel("task").send()
                self.assertTrue(done.wait(10))
        self.assertIn("A worker thread met an error and goes on.", logs.output[0])

    @mock.patch("django.channels.worker.FAULT_DELAY", 0.01)
    def test_fault_of_the_backend(self):
        """It's logged, and the thread goes on."""
        done = threading.Event()
        Channel.consumer("task")(done.set)
        receiver = self.backend.receiver(["task"])
        faults = [ValueError, TypeError]

        def receive(timeout=None):
            if faults:
                raise faults.pop()
            return receiver.receive(timeout)

        faulty = mock.Mock(receive=receive, close=receiver.close)
        with mock.patch.object(self.backend, "receiver", return_value=faulty):
            with self.assertLogs("django.channels.worker", "ERROR") as logs:
                with self.running():
                    Channel("task").send()
                    self.assertTrue(done.wait(10))
        self.assertEqual(len(logs.output), 2)

    @mock.patch("django.channels.worker.FAULT_DELAY", 0.01)
    def test_stop_while_the_backend_is_faulty(self):
        called = threading.Event()

        def receive():
            called.set()
            raise ValueError

        faulty = mock.Mock(receive=receive)
        with mock.patch.object(self.backend, "receiver", return_value=faulty):
            with self.assertLogs("django.channels.worker", "ERROR"):
                with self.running():
                    self.assertTrue(called.wait(10))

    def test_message_without_a_consumer(self):
        run_here(self.backend, Message("nobody", {}))


class ReceiptTests(WorkerTestCase):
    def setUp(self):
        super().setUp()
        self.sink = Sink()
        self.name = names.reply_name("websocket")
        self.backend.listen(self.name, self.sink)
        self.addCleanup(self.backend.unlisten, self.name)

        @Channel.consumer(["task", "websocket.receive"])
        def task(error, **content):
            if error:
                raise ValueError

    def handle(self, channel="websocket.receive", **content):
        run_here(self.backend, Message(channel, content))
        return [content for _, content in self.sink.got]

    def test_order_is_reported(self):
        got = self.handle(reply_channel=self.name, order=7, error=False)
        self.assertEqual(got, [{"done": 7, "error": False}])

    def test_error_is_reported(self):
        with self.assertLogs("django.channels.worker", "ERROR"):
            got = self.handle(reply_channel=self.name, order=7, error=True)
        self.assertEqual(got, [{"done": 7, "error": True}])

    def test_own_message(self):
        """The key "order" means nothing in a project's own message."""
        self.assertEqual(
            self.handle("task", reply_channel=self.name, order=7, error=False), []
        )
        with self.assertLogs("django.channels.worker", "ERROR"):
            got = self.handle("task", reply_channel=self.name, order=7, error=True)
        self.assertEqual(got, [{"done": None, "error": True}])

    def test_nobody_waits(self):
        self.assertEqual(self.handle(reply_channel=self.name, error=False), [])
        self.assertEqual(self.handle(order=1, error=False), [])

    def test_no_room_for_the_receipt(self):
        """It ends nothing either."""
        with mock.patch.object(type(self.backend), "send", side_effect=ChannelFull):
            with self.assertLogs("django.channels.worker", "WARNING"):
                self.handle(reply_channel=self.name, order=7, error=False)


class AsyncConsumerTests(WorkerTestCase):
    def test_concurrency(self):
        """All run at once on one loop, which takes one worker thread."""
        met = []
        done = threading.Event()

        @Channel.consumer("task")
        async def task(n):
            met.append((n, threading.current_thread().name))
            while len(met) < 200:
                await asyncio.sleep(0)
            done.set()

        with self.running():
            for n in range(200):
                Channel("task").send(n=n)
            self.assertTrue(done.wait(PATIENCE))
        self.assertEqual({thread for _, thread in met}, {"channels-loop"})

    def test_exception(self):
        done = threading.Event()

        @Channel.consumer("bad")
        async def bad():
            raise ValueError

        @Channel.consumer("good")
        async def good():
            done.set()

        with self.assertLogs("django.channels.worker", "ERROR") as logs:
            with self.running():
                Channel("bad").send()
                Channel("good").send()
                self.assertTrue(done.wait(10))
        self.assertIn("The consumer of bad raised ValueError", logs.output[0])

    @contextmanager
    def connected(self, receiver, *to):
        for signal in to:
            signal.connect(receiver)
        try:
            yield
        finally:
            for signal in to:
                signal.disconnect(receiver)

    def test_receivers_of_its_signals(self):
        """Plain ones are called on its loop, and async ones are awaited there."""
        seen = []

        def note(**kwargs):
            seen.append(threading.current_thread().name)

        async def anote(**kwargs):
            await asyncio.sleep(0)
            note()

        @Channel.consumer("task")
        async def task():
            seen.append("task")

        for receiver in (note, anote):
            around = signals.consumer_started, signals.consumer_finished
            with self.subTest(receiver.__name__), self.connected(receiver, *around):
                seen.clear()
                with self.running():
                    Channel("task").send()
                    wait_for(lambda: len(seen) == 3, "the receivers")
                self.assertEqual(seen, ["channels-loop", "task", "channels-loop"])

    def test_async_receiver_that_fails(self):
        """It's as with a plain one."""
        seen = []

        async def fail(**kwargs):
            raise ValueError

        @Channel.consumer("task")
        async def task():
            seen.append("task")

        for signal, ran, logger in (
            (signals.consumer_started, [], "django.channels.worker"),
            (signals.consumer_finished, ["task"], "django.dispatch"),
        ):
            with self.subTest(ran), self.connected(fail, signal):
                with self.assertLogs(logger, "ERROR") as logs:
                    run_here(self.backend, Message("task", {}))
                self.assertIs(logs.records[0].exc_info[0], ValueError)
                self.assertEqual(seen, ran)

    @skipIf(sys.version_info < (3, 11), "There is no telling who cancelled.")
    def test_cancellation_of_its_own_making(self):
        """It's an exception like any other."""

        @Channel.consumer("task")
        async def task():
            other = asyncio.create_task(asyncio.sleep(60))
            other.cancel()
            await other

        with self.assertLogs("django.channels.worker", "ERROR") as logs:
            with self.running():
                Channel("task").send()
        self.assertIn("The consumer of task raised CancelledError", logs.output[0])
        self.assertIn("Traceback", logs.output[0])

    def test_cancellation_in_plain_code(self):
        @Channel.consumer("task")
        def task():
            raise asyncio.CancelledError

        with self.assertLogs("django.channels.worker", "ERROR") as logs:
            run_here(self.backend, Message("task", {}))
        self.assertIn("The consumer of task raised CancelledError", logs.output[0])

    def test_exit_of_a_task_or_callback(self):
        """The loop goes on, though asyncio raises it out of there."""
        ended = threading.Event()

        async def fail(error):
            raise error

        @Channel.consumer("of.task")
        async def of_task(kind):
            error = {"exit": SystemExit(3), "interrupt": KeyboardInterrupt()}[kind]
            await asyncio.create_task(fail(error))

        @Channel.consumer("of.callback")
        async def of_callback():
            asyncio.get_running_loop().call_soon(sys.exit)

        @Channel.consumer("good")
        async def good():
            ended.set()

        for channel, content, expected in (
            ("of.task", {"kind": "exit"}, ["loop SystemExit", "of.task SystemExit"]),
            (
                "of.task",
                {"kind": "interrupt"},
                ["loop KeyboardInterrupt", "of.task KeyboardInterrupt"],
            ),
            ("of.callback", {}, ["loop SystemExit"]),
        ):
            with self.subTest(channel=channel, content=content):
                ended.clear()
                with self.assertLogs("django.channels.worker", "ERROR") as logs:
                    with self.running():
                        Channel(channel).send(**content)
                        wait_for(lambda: len(logs.output) == len(expected), "its end")
                        Channel("good").send()
                        self.assertTrue(ended.wait(10))
                for line, words in zip(logs.output, expected, strict=True):
                    place, error = words.split()
                    self.assertIn(f"{place} raised {error}; the worker goes", line)
                    self.assertIn("Traceback", line)

    def test_exit_while_the_loop_stops(self):
        """It ends all the same."""
        replaced = threading.Event()

        @Channel.consumer("task")
        async def task():
            loop = asyncio.get_running_loop()
            stop = loop.stop

            def stop_and_exit():
                stop()
                sys.exit()

            loop.stop = stop_and_exit
            replaced.set()

        with self.assertLogs("django.channels.worker", "ERROR"):
            with self.running() as worker:
                Channel("task").send()
                self.assertTrue(replaced.wait(10))
            worker.loop._thread.join(10)
        self.assertIs(worker.loop._thread.is_alive(), False)

    def test_loop_that_can_not_run_it(self):
        """The message takes no place from others, and has failed."""

        @Channel.consumer("websocket.receive")
        async def task(**content):
            pass

        name, sink = names.reply_name("websocket"), Sink()
        self.backend.listen(name, sink)
        self.addCleanup(self.backend.unlisten, name)
        message = Message("websocket.receive", {"reply_channel": name, "order": 7})
        with mock.patch("django.channels.worker.MAX_ASYNC", 1):
            worker = Worker(self.backend)
        full = RuntimeError("can't start new thread")
        with (
            mock.patch.object(worker.loop, "run", side_effect=full),
            mock.patch.object(Message, "leave") as leave,
            self.assertLogs("django.channels.worker", "ERROR") as logs,
        ):
            worker.handle(consumers.get(message.channel), message)
        leave.assert_called_once_with()
        self.assertIs(worker._async_slots.acquire(blocking=False), True)
        self.assertIn("can't start new thread", logs.output[0])
        self.assertEqual(
            [content for _, content in sink.got], [{"done": 7, "error": True}]
        )

    def test_stop_cancels_what_takes_too_long(self):
        begun, cancelled = threading.Event(), []

        @Channel.consumer("task")
        async def task():
            begun.set()
            try:
                await asyncio.sleep(100)
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        worker = Worker(self.backend)
        worker.start()
        Channel("task").send()
        self.assertTrue(begun.wait(10))
        with self.assertLogs("django.channels.worker", "WARNING") as logs:
            self.assertIs(worker.stop(timeout=0.01), False)
        self.assertEqual(cancelled, [True])
        self.assertIn("The consumer of task was cancelled", logs.output[0])

    def test_stop_with_a_blocked_loop(self):
        """It ends in time, though nothing can be cancelled."""
        begun, go = threading.Event(), threading.Event()

        @Channel.consumer("task")
        async def task():
            begun.set()
            go.wait(60)

        worker = Worker(self.backend)
        worker.start()
        Channel("task").send()
        self.assertTrue(begun.wait(10))
        loop = worker.loop._thread
        with mock.patch("django.channels.loop.END_TIME", 0):
            self.assertIs(worker.stop(timeout=0.01), False)
        go.set()
        loop.join(PATIENCE)

    def test_stop_waits(self):
        """What ends in time isn't cancelled."""
        begun, ended = threading.Event(), []

        @Channel.consumer("task")
        async def task():
            begun.set()
            await asyncio.sleep(0.05)
            ended.append(True)

        with self.running():
            Channel("task").send()
            self.assertTrue(begun.wait(10))
        self.assertEqual(ended, [True])

    def test_stop_waits_without_end(self):
        """A grace of infinity is as good as none."""
        begun, go = threading.Semaphore(0), threading.Event()

        @Channel.consumer("plain")
        def plain():
            begun.release()
            go.wait(10)

        @Channel.consumer("async")
        async def asynchronous():
            begun.release()
            await asyncio.sleep(0.05)

        worker = Worker(self.backend)
        worker.start()
        for name in ("async", "plain"):
            Channel(name).send()
            self.assertTrue(begun.acquire(timeout=10))
        threading.Timer(0.05, go.set).start()
        self.assertIs(worker.stop(timeout=float("inf")), True)

    def test_synchronous_code_has_a_thread_of_its_own(self):
        """Two consumers' blocking calls don't wait for each other."""
        barrier = threading.Barrier(2)
        done = threading.Semaphore(0)

        @Channel.consumer("task")
        async def task():
            await sync_to_async(barrier.wait)(10)
            done.release()

        with self.running():
            Channel("task").send()
            Channel("task").send()
            for _ in range(2):
                self.assertTrue(done.acquire(timeout=10))

    def test_in_the_callers_thread(self):
        got = []

        @Channel.consumer("task")
        async def task():
            got.append(await sync_to_async(threading.current_thread)())

        run_here(self.backend, Message("task", {}))
        self.assertEqual(got, [threading.current_thread()])


class ConnectionTests(WorkerTestCase):
    def calls(self, own):
        """
        Return what is done around two messages by a thread that, with ``own``,
        has connections from the first on.
        """
        calls = []
        done = threading.Event()

        @Channel.consumer("task")
        def task():
            calls.append("task")
            if own:
                # It's made for that, and not opened.
                connection.alias

        @Channel.consumer("last")
        def last():
            done.set()

        with (
            mock.patch(
                "django.channels.worker.close_old_connections",
                side_effect=lambda: calls.append("close"),
            ),
            mock.patch("django.channels.worker.connections") as connections,
        ):
            connections.close_all.side_effect = lambda: calls.append("close all")
            with self.running():
                Channel("task").send()
                Channel("last").send()
                self.assertTrue(done.wait(10))
        return calls

    def test_connections_are_closed_as_around_a_request(self):
        calls = self.calls(own=True)
        self.assertEqual(calls, ["task", "close", "close", "close", "close all"])

    def test_without_connections(self):
        """A thread that has none has nothing to close around a message."""
        self.assertEqual(self.calls(own=False), ["task", "close all"])

    def test_connections_after_an_error(self):
        """Those that a fault around a consumer has left are looked after, too."""
        closed = threading.Event()

        def fail(worker, consumer, message):
            connection.alias
            raise ValueError

        @Channel.consumer("task")
        def task():
            pass

        with (
            mock.patch.object(Worker, "handle", fail),
            mock.patch("django.channels.worker.close_old_connections", closed.set),
            self.assertLogs("django.channels.worker", "ERROR"),
            self.running(),
        ):
            Channel("task").send()
            self.assertTrue(closed.wait(10))

    def test_caches(self):
        """A thread keeps its own, and each is closed after a message."""
        found = queue.Queue()

        @Channel.consumer("task")
        def task():
            found.put(caches["default"])

        with override_settings(CACHES=CACHES), self.running():
            for number in range(2):
                Channel("task").send()
            one, two = (found.get(timeout=10) for _ in range(2))
            with override_settings(CACHES=CACHES):
                Channel("task").send()
                other = found.get(timeout=10)
        self.assertIs(one, two)
        self.assertEqual(one.closed, 2)
        self.assertIsNot(one, other)
        self.assertEqual(other.closed, 1)

    @override_settings(CACHES={**CACHES, "broken": {"BACKEND": "nowhere.Cache"}})
    def test_cache_that_cannot_be_made(self):
        """Only who uses it hears of it."""
        found = queue.Queue()

        @Channel.consumer("task")
        def task(alias):
            found.put(caches[alias])

        with self.running():
            Channel("task").send(alias="default")
            self.assertIsInstance(found.get(timeout=10), Cache)
            with self.assertLogs("django.channels.worker", "ERROR") as logs:
                Channel("task").send(alias="broken")
                Channel("task").send(alias="default")
                found.get(timeout=10)
        self.assertIn("InvalidCacheBackendError", logs.output[0])

    def test_caches_of_async_consumers(self):
        """They run beside the thread, and beside each other."""
        found = queue.Queue()

        @Channel.consumer("task")
        def task():
            found.put(caches["default"])

        @Channel.consumer("atask")
        async def atask():
            found.put(await sync_to_async(lambda: caches["default"])())

        with self.running():
            for channel in ("task", "atask", "atask"):
                Channel(channel).send()
            made = {id(cache): cache for cache in (found.get(timeout=10),)}
            for _ in range(2):
                cache = found.get(timeout=10)
                made[id(cache)] = cache
        self.assertEqual(len(made), 3)

    def test_context_in_the_callers_thread(self):
        """What a consumer activates is gone with it there, too."""
        found = []

        @Channel.consumer("task")
        def task():
            found.append(get_language())
            activate("de")

        @Channel.consumer("atask")
        async def atask():
            found.append(get_language())
            activate("de")

        with override("fr"):
            for channel in ("task", "atask"):
                run_here(self.backend, Message(channel, {}))
                async_to_sync(arun_here)(self.backend, Message(channel, {}))
            self.assertEqual(get_language(), "fr")
        self.assertEqual(found, ["fr"] * 4)

    def test_not_in_the_callers_thread(self):
        """Whose connections are in use."""

        @Channel.consumer("task")
        def task():
            pass

        with mock.patch("django.channels.worker.close_old_connections") as close:
            run_here(self.backend, Message("task", {}))
        close.assert_not_called()
