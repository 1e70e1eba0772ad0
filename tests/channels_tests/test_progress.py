"""That edges hear of messages which take long."""

import threading
from unittest import mock

from django.channels import consumers, ticker
from django.channels.exceptions import ChannelFull
from django.channels.message import Message
from django.channels.progress import Progress
from django.channels.worker import Worker

from .running import PATIENCE, wait_for, without_thread
from .shared_http import SharedHTTPTestCase

NAME = "websocket.receive"


class Sink:
    def __init__(self):
        self.contents = []

    def deliver(self, reply_names, message):
        self.contents.append(message.content)
        return ()


class ProgressTests(SharedHTTPTestCase):
    options = {"LEASE": 3}

    def setUp(self):
        super().setUp()
        patch = mock.patch.object(ticker, "INTERVAL", 0.05)
        patch.start()
        self.addCleanup(patch.stop)
        self.sink, self.name = Sink(), self.edge.reply_name("websocket")
        self.edge.listen(self.name, self.sink)
        self.go_on = threading.Event()
        self.addCleanup(self.go_on.set)

        def consume(order):
            self.go_on.wait(PATIENCE)

        self.addCleanup(consumers.end_isolation, consumers.begin_isolation())
        consumers.register(NAME, consume)
        worker = Worker(self.make_backend(), 1, [NAME])
        worker.start()
        self.addCleanup(worker.stop, PATIENCE)
        self.addCleanup(self.go_on.set)

    def running(self):
        return self.sink.contents.count({"running": 7})

    def test_long(self):
        """It's said again and again, until the receipt is there."""
        self.edge.send(Message(NAME, {"reply_channel": self.name, "order": 7}))
        wait_for(lambda: self.running() > 2, "signs of life")
        self.go_on.set()
        wait_for(lambda: {"done": 7, "error": False} in self.sink.contents, "its end")

    def test_edge_that_is_behind(self):
        """The others hear nevertheless."""
        backend = mock.Mock(lease=0, reach=mock.Mock(side_effect=ChannelFull("a")))
        progress = Progress(backend)
        for order in (1, 2):
            content = {"reply_channel": self.name, "order": order}
            progress.begin(Message(NAME, content))
        progress._look()
        told = [call.args[0].content for call in backend.reach.call_args_list]
        self.assertEqual(told, [{"running": 1}, {"running": 2}])

    def test_no_thread_to_tell(self):
        """The consumer runs nevertheless."""
        self.go_on.set()
        with (
            without_thread("channels-progress"),
            self.assertLogs("django.channels", "WARNING") as logs,
        ):
            self.edge.send(Message(NAME, {"reply_channel": self.name, "order": 7}))
            wait_for(lambda: self.sink.contents, "its end")
        self.assertEqual(self.sink.contents, [{"done": 7, "error": False}])
        self.assertIn("channels-progress could not begin", logs.output[0])

    def test_short(self):
        """One message each way."""
        self.go_on.set()
        self.edge.send(Message(NAME, {"reply_channel": self.name, "order": 7}))
        wait_for(lambda: self.sink.contents, "its end")
        self.assertEqual(self.sink.contents, [{"done": 7, "error": False}])
