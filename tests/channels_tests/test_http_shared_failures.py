"""What becomes of requests whose worker, client or backend goes away."""

import threading
from itertools import chain, product, repeat
from queue import SimpleQueue
from time import sleep
from unittest import mock

from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator

from django.channels import Channel, consumers
from django.channels import control as control_module
from django.channels import names, ticker, watch
from django.channels.control import ControlChannel
from django.channels.exceptions import ChannelFull, NoWorker
from django.channels.inline import run_here
from django.channels.message import Message
from django.channels.pending_request import PendingRequest
from django.channels.remote import WORKERS
from django.channels.watch import Watch
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_finished
from django.test import AsyncRequestFactory, RequestFactory, override_settings

from .running import PATIENCE, wait_for
from .shared_http import Asking, Body, SharedHTTPTestCase, notes


class FailureTestCase(SharedHTTPTestCase):
    def be_watchful(self):
        """Look ten times as often."""
        for module in (ticker, watch):
            patch = mock.patch.object(module, "INTERVAL", 0.1)
            patch.start()
            self.addCleanup(patch.stop)

    def pretend_worker(self):
        """Open the control channel of a worker that receives nothing."""
        backend = self.make_backend()
        control = backend.part(ControlChannel)
        control.open()
        self.addCleanup(control.close)
        return backend, control

    def pretend_receiver(self):
        """Open that of a worker that says nothing of what it receives."""
        backend, _ = self.pretend_worker()
        receiver = backend.receiver([names.HTTP_REQUEST])
        self.addCleanup(receiver.close)
        self.be_watchful()
        return backend, receiver


class WorkerTests(FailureTestCase):
    options = {"LEASE": 1}

    def test_no_worker(self):
        self.assertStatus(503)
        self.assertEqual(self.edge.waiting(names.HTTP_REQUEST), 0)

    async def test_no_worker_async(self):
        with self.assertLogs("django.request", "ERROR"):
            response = await self.async_client.get("/")
        self.assertEqual(response.status_code, 503)

    def test_killed(self):
        """A process that dies takes no request along for long."""
        self.assertKilled(self.start_process())
        self.assertEqual(self.edge._members(WORKERS), {})

    def test_restarted(self):
        """Another worker goes on, with what waits."""
        self.start_process().kill()
        self.start_process()
        self.assertEqual(self.call("/")[1], b"hello")

    def test_killed_at_once(self):
        """A worker that had no time to say that it has the request."""
        backend, receiver = self.pretend_receiver()
        with self.assertLogs("django.request", "ERROR"):
            asking = Asking(lambda: self.call("/"))
            self.assertIsNotNone(receiver.receive(PATIENCE))
            self.assertEqual(asking.join(), 502)

    def test_no_worker_is_left(self):
        """
        A request isn't kept waiting. Whether one of those that are left had taken
        it, or another that waits, nobody knows.
        """
        backend, control = self.pretend_worker()
        self.be_watchful()
        with self.assertLogs("django.request", "ERROR"):
            asking = Asking(lambda: self.call("/"))
            wait_for(lambda: self.edge.waiting(names.HTTP_REQUEST), "the request")
            backend.close()
            self.assertEqual(asking.join(), 502)

    def test_killed_while_others_wait(self):
        """They were sent after it, and are taken: so it was before."""
        backend, receiver = self.pretend_receiver()
        with self.assertLogs("django.request", "ERROR"):
            lost = Asking(lambda: self.call("/"))
            self.assertIsNotNone(receiver.receive(PATIENCE))
            sleep(0.2)
            later = Asking(lambda: self.call("/"))
            message = receiver.receive(PATIENCE)
            watched = self.edge.part(Watch)._ticker.items
            wait_for(lambda: len(watched()) == 2, "both to be watched over")
            others = [Asking(lambda: self.call("/")) for _ in range(2)]
            reply = Message(message.content["reply_channel"], {"status": 204})
            backend.send(reply)
            self.assertEqual(later.join(), 204)
            wait_for(lambda: self.edge.waiting(names.HTTP_REQUEST) == 2, "the others")
            self.assertEqual(lost.join(), 502)
        self.start_worker()
        self.assertEqual([other.join() for other in others], [200, 200])

    def test_waiting(self):
        """A request waits as long as there's hope."""
        _, control = self.pretend_worker()
        self.be_watchful()
        asking = Asking(lambda: self.call("/"))
        look = self.edge.part(Watch)._look_for
        looks = threading.Semaphore(0)
        with mock.patch.object(
            Watch,
            "_look_for",
            side_effect=lambda requests: (look(requests), looks.release()),
        ):
            for _ in range(2 * watch.LOOKS):
                self.assertIs(looks.acquire(timeout=PATIENCE), True)
        self.start_worker()
        self.assertEqual(asking.join(), 200)

    @override_settings(CHANNEL_HTTP_TIMEOUT=0.2)
    def test_timeout(self):
        self.pretend_worker()
        self.assertStatus(504)

    @override_settings(CHANNEL_HTTP_TIMEOUT=0.2)
    async def test_timeout_async(self):
        self.pretend_worker()
        with self.assertLogs("django.request", "ERROR"):
            response = await self.async_client.get("/")
        self.assertEqual(response.status_code, 504)

    def test_full(self):
        self.pretend_worker()
        with mock.patch.object(self.edge, "_push", return_value=False):
            self.assertStatus(503)
        self.assertEqual(self.edge.dropped, {"full": 1})

    def test_lost_in_the_middle(self):
        """A body that isn't whole must not look whole."""
        process = self.start_process()
        response = self.begin("/stream/80/")
        next(iter(response))
        process.kill()
        with self.assertRaisesMessage(Exception, "has died"):
            list(response)
        response.close()

    def test_look_during_an_outage(self):
        self.be_watchful()
        found = self.edge.part(Watch)
        pending = PendingRequest(self.edge, SimpleQueue())
        pending.sent -= 1
        pending.looks = 3
        found._ticker.add(pending.name, pending)
        self.addCleanup(found.remove, pending)
        error = self.edge._unavailable("why")
        with (
            mock.patch.object(self.edge, "waiting", side_effect=error),
            self.assertLogs("django.channels", "WARNING") as logs,
        ):
            # What another test has left may be logged, too.
            wait_for(lambda: "could not be watched" in "".join(logs.output), "a look")


class EdgeTests(FailureTestCase):
    """Nobody works for a client that has gone."""

    options = {"LEASE": 1}

    def setUp(self):
        super().setUp()
        notes["begun"] = threading.Event()
        notes["cancelled"] = threading.Event()
        notes["closed"] = threading.Event()
        notes["held"] = threading.Event()

    def assertNoted(self, name):
        self.assertIs(notes[name].wait(PATIENCE), True)

    def test_worker_stops(self):
        """It's lost to the one who waits as if the worker was killed."""
        worker = self.start_worker()
        with self.assertLogs("django", "WARNING"):
            asking = Asking(lambda: self.call("/sleeps/"))
            self.assertNoted("begun")
            worker.stop(timeout=0)
            self.assertEqual(asking.join(), 502)

    async def test_async_view(self):
        self.start_worker()
        scope = AsyncRequestFactory()._base_scope(path="/sleeps/")
        communicator = ApplicationCommunicator(ASGIHandler(), scope)
        await communicator.send_input({"type": "http.request"})
        await sync_to_async(self.assertNoted, thread_sensitive=False)("begun")
        finished = threading.Event()

        def note(**kwargs):
            finished.set()

        request_finished.connect(note)
        self.addCleanup(request_finished.disconnect, note)
        with self.assertNoLogs("django.channels", "WARNING"):
            await communicator.send_input({"type": "http.disconnect"})
            await communicator.wait(PATIENCE)
            # On this loop the edge has no part in it any more.
            self.assertNoted("cancelled")
            self.assertIs(finished.wait(PATIENCE), True)

    def test_streams(self):
        self.start_worker()
        for path in ("/stream/80/", "/astream/80/"):
            with self.subTest(path=path), self.assertNoLogs("django", "WARNING"):
                notes["closed"].clear()
                response = self.begin(path)
                next(iter(response))
                response.close()
                self.assertNoted("closed")
                self.assertLess(notes["made"], 80)

    def test_plain_view(self):
        """It runs to its end, for nobody."""
        self.start_worker()
        pending = PendingRequest(self.edge, SimpleQueue())
        pending.send_request(RequestFactory().get("/hold/"))
        self.assertNoted("begun")
        pending.close()
        pending.close()
        notes["held"].set()
        with self.assertNoLogs("django", "WARNING"):
            self.assertEqual(self.call("/")[1], b"hello")

    def test_before_a_worker_took_it(self):
        """The view isn't run."""
        backend, control = self.pretend_worker()
        pending = PendingRequest(self.edge, SimpleQueue())
        pending.send_request(RequestFactory().get("/hold/"))
        pending.close()
        wait_for(lambda: control._left, "the worker to be told")
        message = backend.receiver([names.HTTP_REQUEST]).receive(PATIENCE)
        self.assertIsNone(run_here(backend, message))
        self.assertIs(notes["begun"].is_set(), False)

    def test_while_it_was_sent(self):
        self.pretend_worker()
        pending = PendingRequest(self.edge, SimpleQueue())
        pending.close()
        pending.send_request(RequestFactory().get("/"))
        self.assertIsNone(self.edge._local.sink(pending.name))

    def test_in_the_middle_of_its_body(self):
        class Broken(Body):
            def read(self, size=-1):
                if self.taken > 1_000_000:
                    raise OSError("left")
                return super().read(size)

        self.start_worker()
        with self.assertNoLogs("django.channels", "WARNING"):
            self.assertStatus(
                500,
                "/digest/",
                method="post",
                body=Broken(bytes(4_000_000)),
                CONTENT_LENGTH="4000000",
            )
            self.assertEqual(self.call("/")[1], b"hello")

    @override_settings(CHANNEL_HTTP_TIMEOUT=0.2)
    def test_that_stops_reading(self):
        """A worker's thread isn't held for ever."""
        self.start_worker()
        for path in ("/stream/80/", "/astream/80/"):
            with self.subTest(path=path):
                notes["closed"].clear()
                response = self.begin(path)
                self.assertNoted("closed")
                self.assertLess(notes["made"], 80)
                response.close()

    def test_edge_that_dies(self):
        self.start_worker()
        edge = self.make_backend()
        pending = PendingRequest(edge, SimpleQueue())
        pending.send_request(RequestFactory().get("/sleeps/"))
        self.assertNoted("begun")
        edge._inbox.stop()
        edge.part(Watch).remove(pending)
        self.assertNoted("cancelled")

    def test_what_is_left_is_bounded(self):
        _, control = self.pretend_worker()
        with mock.patch("django.channels.control.LEFT_KEPT", 2):
            for name in "abc":
                self.edge.group_send(WORKERS, {"request": name, "gone": True})
            wait_for(lambda: "c" in control._left, "the worker to be told")
        self.assertEqual(list(control._left), ["b", "c"])


class RuleTests(FailureTestCase):
    """503 as long as nobody can have the request, 502 from then on."""

    def unavailable(self, unsent=False):
        return self.edge._unavailable("why", unsent)

    def failing(self, backend, method, error):
        """Let the next call fail, and further ones work."""
        patch = mock.patch.object(
            backend,
            method,
            side_effect=chain([error], repeat(mock.DEFAULT)),
            wraps=getattr(backend, method),
        )
        self.addCleanup(patch.stop)
        return patch.start()

    def test_before(self):
        """Whatever is tried before the request itself is sent."""
        self.pretend_worker()
        for method in ("listen", "processes_in", "renew_inbox"):
            with self.subTest(method=method):
                self.edge.part(Watch).forget()
                self.failing(self.edge, method, self.unavailable())
                self.assertStatus(503)
        self.assertEqual(self.edge.waiting(names.HTTP_REQUEST), 0)

    def test_sending(self):
        self.pretend_worker()
        for unsent, status in ((True, 503), (False, 502)):
            with self.subTest(unsent=unsent):
                self.failing(self.edge, "_push", self.unavailable(unsent))
                self.assertStatus(status)

    async def test_sending_async(self):
        self.pretend_worker()
        for unsent, status in ((True, 503), (False, 502)):
            with self.subTest(unsent=unsent):
                self.failing(self.edge, "_push", self.unavailable(unsent))
                with self.assertLogs("django.request", "ERROR"):
                    response = await self.async_client.get("/")
                self.assertEqual(response.status_code, status)

    def test_in_the_middle_of_the_body(self):
        """The worker has a part of it."""
        self.start_worker()
        for error in (self.unavailable(unsent=True), ChannelFull("full")):
            with self.subTest(error=error):
                self.failing(self.edge, "reach", error)
                data = Body(bytes(1_000_000))
                self.assertStatus(
                    502, "/digest/", method="post", body=data, CONTENT_LENGTH="1000000"
                )

    def test_response(self):
        """The worker goes on, and lets the edge know."""
        self.be_watchful()
        worker = self.start_worker()
        for path, error in product(
            ("/", "/adigest/", "/stream/3/", "/astream/3/"),
            (self.unavailable(), ChannelFull("full")),
        ):
            with (
                self.subTest(path=path, error=error),
                self.assertLogs("django.channels") as logs,
            ):
                # An answer of one message is sent otherwise than its parts.
                method = "_post_soon" if path == "/" else "_post"
                self.failing(worker.backend, method, error)
                self.assertStatus(502, path)
            self.assertIn("The response to a request could not be", logs.output[0])
            self.assertEqual(self.call("/")[1], b"hello")

    def answering(self, process, data, capacity, then):
        """Have the answer to a response's sending be that it failed."""
        then(self.unavailable())

    def test_response_to_an_edge_on_its_way_back(self):
        """It has no inbox again yet."""
        self.be_watchful()
        worker = self.start_worker()
        self.failing(worker.backend, "_post_soon", self.unavailable())
        reach = self.failing(worker.backend, "_post", self.unavailable())
        notes.update(held=threading.Event(), begun=threading.Event())
        with self.assertLogs("django.channels"):
            asking = Asking(lambda: self.call("/hold/"))
            self.assertIs(notes["begun"].wait(PATIENCE), True)
            process = self.edge.process
            reach.side_effect = chain(
                [self.unavailable(), {process: "gone"}],
                repeat(mock.DEFAULT),
            )
            notes["held"].set()
            with self.assertLogs("django.request", "ERROR"):
                self.assertEqual(asking.join(), 502)

    def test_edge_that_does_not_come_back(self):
        self.be_watchful()
        worker = self.start_worker()
        control = worker.backend.part(ControlChannel)
        with (
            mock.patch.object(control_module, "CONFESSIONS", 2),
            mock.patch.object(worker.backend, "reach", return_value=False) as reach,
            mock.patch.object(worker.backend, "_post_soon", side_effect=self.answering),
            self.assertLogs("django.channels"),
        ):
            pending = PendingRequest(self.edge, SimpleQueue())
            pending.send_request(RequestFactory().get("/"))
            wait_for(lambda: reach.call_count == 2, "two attempts")
            wait_for(lambda: control._ticker.get(pending.name) is None, "the end")
            pending.close()

    def test_own_consumer(self):
        """The same rule holds where a project's consumer answers."""
        with consumers.isolate():
            Channel.consumer(names.HTTP_REQUEST)(lambda reply_channel: None)
            for method, unsent, status in (
                ("listen", False, 503),
                ("renew_inbox", False, 503),
                ("_push", True, 503),
                ("_push", False, 502),
            ):
                with self.subTest(method=method, unsent=unsent):
                    self.failing(self.edge, method, self.unavailable(unsent))
                    self.assertStatus(status)
                    self.assertEqual(self.edge._local._sinks, {})

    def test_forwarding_view(self):
        self.start_worker()
        for method, unsent, status in (
            ("listen", False, 503),
            ("_push", True, 503),
            ("_push", False, 502),
        ):
            with self.subTest(method=method, unsent=unsent):
                request = RequestFactory().get("/")
                self.failing(self.edge, method, self.unavailable(unsent))
                with self.assertLogs("django.request", "ERROR"):
                    response = async_to_sync(Channel("later").as_view())(request)
                self.assertEqual(response.status_code, status)


class OutageTests(FailureTestCase):
    options = {"TIMEOUT": 1}

    def test_outage(self):
        """A 503 meanwhile; everything goes on after it."""
        worker = self.start_worker()
        self.assertEqual(self.call("/")[1], b"hello")
        with self.assertLogs("django.channels", "WARNING"):
            self.server.stop()
            try:
                # Of one that goes where a connection was, it isn't known whether
                # it was handed over.
                with self.assertLogs("django.request", "ERROR"):
                    self.assertIn(self.call("/")[0].status_code, (502, 503))
                self.assertStatus(503)
            finally:
                self.server.serve()
            control = worker.backend.part(ControlChannel)
            wait_for(lambda: self.edge.processes_in(WORKERS), "the worker")
        self.assertIs(control._joined, True)
        self.assertEqual(self.call("/")[1], b"hello")

    def test_worker_that_starts_during_an_outage(self):
        self.server.stop()
        try:
            backend = self.make_backend()
            control = backend.part(ControlChannel)
            with self.assertLogs("django.channels", "WARNING") as logs:
                control.open()
            self.assertIn("Requests of other processes can't be", logs.output[0])
        finally:
            self.server.serve()
        wait_for(lambda: self.edge.processes_in(WORKERS), "the worker to be there")
        control.close()

    def test_client_that_leaves_during_an_outage(self):
        pending = PendingRequest(self.edge, SimpleQueue())
        error = self.edge._unavailable("why")
        with (
            mock.patch.object(self.edge, "_spread", side_effect=error),
            self.assertLogs("django.channels", "WARNING") as logs,
        ):
            pending.in_progress = True
            pending.close()
            wait_for(lambda: logs.output, "the attempt")

    def test_errors(self):
        for error in (ChannelFull, NoWorker):
            with self.subTest(error=error):
                with mock.patch.object(Watch, "require_worker", side_effect=error):
                    self.assertStatus(503)
