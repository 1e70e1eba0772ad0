"""``runworker`` in processes, with messages through Redis."""

import signal

from django.channels.backends.redis import RedisChannelBackend
from django.channels.delivery import Delivery
from django.channels.message import Message
from django.test import SimpleTestCase

from .backends.redis_servers import Node, redis_executable
from .running import PATIENCE, enter_for_class
from .worker_runs import WorkerRun

REQUEST = {
    "method": "GET",
    "scheme": "http",
    "http_version": "1.1",
    "path": "/",
    "script_name": "",
    "query_string": "",
    "headers": [["host", "localhost"]],
    "client": ["127.0.0.1", 1],
    "server": ["localhost", 80],
    "body": b"",
    "extra": {},
}


class Sink:
    """Puts what a reply channel gets on the channel "told"."""

    def __init__(self, backend):
        self.backend = backend

    def deliver(self, names, message):
        self.backend.send(Message("told", message.content))
        return ()


class RunWorkerTestCase(SimpleTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = enter_for_class(cls, Node(redis_executable()))

    def setUp(self):
        self.server.flush()
        self.backend = RedisChannelBackend("default", {"LOCATION": self.server.url})
        self.addCleanup(self.backend.close)
        self.receiver = self.backend.receiver(["told"])
        self.addCleanup(self.receiver.close)

    def run_worker(self, *arguments):
        """Return the command as it runs, once it's ready."""
        run = self.start_worker(*arguments)
        run.wait_for("Worker ready: ")
        self.assertEqual(run.wait_for_notice(), "READY=1")
        return run

    def start_worker(self, *arguments):
        run = WorkerRun(self.server.url, *arguments).__enter__()
        self.addCleanup(run.__exit__)
        return run

    def send(self, channel, **content):
        self.backend.send(Message(channel, content))

    def told(self, **expected):
        """Assert that a job tells this next, and return its process's id."""
        message = self.receiver.receive(timeout=PATIENCE)
        self.assertIsNotNone(message, f"Nobody told {expected}.")
        pid = message.content.pop("pid")
        self.assertEqual(message.content, expected)
        return pid

    def meet(self):
        """Return the ids of two processes that work at the same time."""
        self.send("meet")
        self.send("meet")
        pids = {self.told(begun=True), self.told(begun=True)}
        self.send("go")
        self.send("go")
        return pids


class OneProcessTests(RunWorkerTestCase):
    def test_graceful_stop(self):
        """What runs is finished, and what waits is left for others."""
        run = self.run_worker("--channels", "finish", "answer")
        self.send("finish")
        self.told(begun=True)
        self.send("answer")
        run.signal(signal.SIGTERM)
        self.told(ended=True)
        self.assertEqual(run.status(), 0, run.printed())
        self.assertEqual(run.wait_for_notice(), "STOPPING=1")
        left = self.backend.receiver(["answer"])
        self.addCleanup(left.close)
        self.assertIsNotNone(left.receive(timeout=0))
        self.assertNotIn("Traceback", run.printed())

    def test_end_of_grace(self):
        """What runs beyond it is cancelled or abandoned, and the status says so."""
        run = self.run_worker("--grace", "0.1")
        self.send("hang.async")
        self.told(begun=True)
        self.send("hang")
        self.told(begun=True)
        self.assertEqual(run.stop(), 128 + signal.SIGTERM)
        self.assertEqual(run.count("The consumer of hang.async was cancelled"), 1)
        self.assertEqual(run.count("The consumer of hang was abandoned"), 1)

    def test_thread_of_a_cancelled_consumer(self):
        """Python would wait for the thread, which hangs."""
        run = self.run_worker("--grace", "0.1")
        self.backend.add(Message("hang.thread", {}), Delivery(durable=True))
        self.told(begun=True)
        run.wait_for("was given up after 1 attempt(s)")
        self.assertEqual(run.stop(), 128 + signal.SIGTERM)
        self.assertEqual(run.count("Worker stopped."), 1)

    def test_second_signal(self):
        """It waits no longer."""
        run = self.run_worker("--grace", "3600")
        self.send("hang")
        self.told(begun=True)
        run.signal(signal.SIGTERM)
        self.assertEqual(run.wait_for_notice(), "STOPPING=1")
        run.signal(signal.SIGINT)
        self.assertEqual(run.status(), 128 + signal.SIGINT)

    def test_reload(self):
        """The code that was changed is what runs next."""
        run = self.start_worker("--reload")
        run.wait_for("Worker ready: ")
        self.change(run, "VERSION = 1", "VERSION = 2")
        run.wait_for("Worker ready: ", times=2)
        self.send("answer")
        self.told(answered=2)
        run.signal_group(signal.SIGINT)
        self.assertEqual(run.status(), 0, run.printed())

    def test_reload_after_an_error(self):
        """Code that can't be imported, or fails the checks, waits for a change."""
        run = self.start_worker("--reload")
        run.wait_for("Worker ready: ")
        self.change(run, "VERSION = 1", "VERSION = ")
        run.wait_for("SyntaxError")
        self.change(run, "VERSION = ", "VERSION = 2")
        run.wait_for("Worker ready: ", times=2)
        backend = 'CHANNEL_HTTP_BACKEND = "{}"'.format
        self.change(run, backend("default"), backend("other"), "settings.py")
        run.wait_for("channels.E003")
        run.signal_group(signal.SIGINT)
        self.assertEqual(run.status(), 0, run.printed())

    def change(self, run, old, new, name="jobs/consumers.py"):
        """Change a file of its code, and wait until that is seen."""
        times = run.count("changed, reloading") + 1
        file = run.folder / name
        file.write_text(file.read_text().replace(old, new))
        # The first look of the reloader may come after the change.
        while not run.seen("changed, reloading", times, timeout=2):
            self.assertIsNone(run.process.poll(), run.printed())
            file.touch()


class RunningTests(RunWorkerTestCase):
    """What a worker does that all these tests share."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Its server is away while it starts.
        cls.server.crash()
        try:
            run = WorkerRun(cls.server.url, "--verbosity", "2")
            cls.worker = enter_for_class(cls, run)
            cls.worker.wait_for("Worker ready: ")
            cls.worker.wait_for(" waits: ")
        finally:
            cls.server.serve()

    def test_outage(self):
        """A backend that is away is waited for, which is said once."""
        self.send("answer")
        self.told(answered=1)
        self.assertEqual(self.worker.count(" waits: "), 1)

    def test_lines(self):
        """With verbosity 2 there is a line for each message, without content."""
        self.send("fail", text="s3cret")
        self.worker.wait_for(" ms error ValueError")
        self.send("answer", text="s3cret")
        self.told(answered=1)
        self.worker.wait_for("answer ")
        printed = self.worker.printed()
        self.assertRegex(printed, r"(?m)^answer \d+\.\d ms ok$")
        self.assertRegex(printed, r"(?m)^fail \d+\.\d ms error ValueError$")
        self.assertNotIn("s3cret", printed)

    def test_requests(self):
        """It answers requests, too, if that is where they travel."""
        name = self.backend.reply_name("http")
        self.backend.listen(name, Sink(self.backend))
        self.addCleanup(self.backend.unlisten, name)
        self.send("http.request", reply_channel=name, **REQUEST)
        reply = self.receiver.receive(timeout=PATIENCE).content
        self.assertEqual((reply["status"], reply["content"]), (200, b"from a worker"))


class SupervisedTests(RunWorkerTestCase):
    def test_crash_and_stop(self):
        """A process that was killed is replaced, and all stop in good order."""
        run = self.run_worker("--processes", "2")
        run.wait_for("Worker ready: 2 processes of 1 threads, 12 channels of backend")
        first = self.meet()
        self.assertEqual(len(first), 2)
        self.assertNotIn(run.process.pid, first)
        self.send("crash")
        run.wait_for("ended with signal 9 (SIGKILL); the next one starts in 1 s.")
        second = self.meet()
        self.assertEqual((len(second), len(first & second)), (2, 1))
        # It counts as a crash, whatever a consumer ends it with.
        self.send("vanish")
        run.wait_for("ended with exit status 0; the next one starts in ")
        self.assertEqual(len(self.meet() & second), 1)
        # What a terminal's Ctrl-C interrupts is finished, in any process.
        self.send("finish")
        self.told(begun=True)
        run.signal_group(signal.SIGINT)
        self.told(ended=True)
        self.assertEqual(run.status(), 0, run.printed())
        self.assertEqual(run.wait_for_notice(), "STOPPING=1")
        self.assertEqual(run.count("Worker ready: "), 1)
        self.assertNotIn("Traceback", run.printed())

    def test_parent_dies(self):
        """Its processes finish what runs, and end."""
        run = self.run_worker("--max-messages", "1000")
        self.send("finish")
        self.told(begun=True)
        run.signal(signal.SIGKILL)
        self.told(ended=True)
        self.assertEqual(run.status(), -signal.SIGKILL)

    def test_max_messages(self):
        """A process handles so many, and the next one goes on."""
        run = self.run_worker("--max-messages", "2")
        self.send("answer")
        self.send("answer")
        first = {self.told(answered=1), self.told(answered=1)}
        run.wait_for("has ended and is replaced.")
        self.send("answer")
        self.assertNotIn(self.told(answered=1), first)
        self.assertEqual(len(first), 1)
        self.assertEqual(run.stop(), 0)
