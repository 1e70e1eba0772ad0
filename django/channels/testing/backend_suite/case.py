"""What the tests of a backend are made with."""

import threading
from time import monotonic, sleep
from unittest import SkipTest

from django.channels.message import Message

# How many seconds anything may take that should happen at once.
PATIENCE = 60


class BackendTestCase:
    """
    A test class says how its backend is made, and what it can do.

    ``make_backend(**params)``
        Return a new backend with these keys of CHANNEL_BACKENDS (EXPIRY,
        CAPACITY, OPTIONS), on a store that is empty when a test begins. All
        that are made within a test share that store, as the backends of
        several processes do. The suite closes them.
    ``let_pass(seconds)``
        Let this time pass on the clock by which messages expire. Default:
        wait.
    ``let_die(backend)``
        Have the backend's process end as by ``kill -9``: it renews no lease
        and takes nothing from its inbox any more, and says nothing. Needed
        with ``can_die``.
    """

    # Whether two backends that make_backend() makes stand for two processes.
    shared = False

    # Whether let_die() is there.
    can_die = True

    # Whether a process may be forked while its backends are in use.
    can_fork = True

    # How many messages the tests with racing threads send.
    race_messages = 400

    def make_backend(self, **params):
        raise NotImplementedError("The test class must have make_backend().")

    def let_pass(self, seconds):
        sleep(seconds)

    def let_die(self, backend):
        raise NotImplementedError("The test class must have let_die().")

    def setUp(self):
        super().setUp()
        self._calls = []
        # The first of the clean-ups, and so the last to run: what the threads
        # wait for has been closed by then.
        self.addCleanup(self._join_calls)
        self.backend = self.make()

    # What the tests use.

    def make(self, **params):
        """Return a backend that is closed after the test."""
        backend = self.make_backend(**params)
        self.addCleanup(backend.close)
        return backend

    def requires(self, ability):
        if not getattr(self, ability):
            raise SkipTest(f"{type(self).__name__}.{ability} is False.")

    def send(self, channel, backend=None, /, **content):
        (backend or self.backend).send(Message(channel, content))

    def receive(self, *channels, backend=None, timeout=0):
        """Return the content of a message that is there, or None."""
        receiver = (backend or self.backend).receiver(channels)
        try:
            message = receiver.receive(timeout)
            return message and message.content
        finally:
            receiver.close()

    def receive_all(self, *channels, backend=None):
        """Return the contents of all messages that are there."""
        contents = []
        receiver = (backend or self.backend).receiver(channels)
        try:
            while (message := receiver.receive(0)) is not None:
                contents.append(message.content)
        finally:
            receiver.close()
        return contents

    def open(self, *channels, backend=None):
        """Return a receiver that is closed after the test."""
        receiver = (backend or self.backend).receiver(channels)
        self.addCleanup(receiver.close)
        return receiver

    def listen(self, backend=None, sink=None):
        """Return the name of a new reply channel and the sink behind it."""
        backend = backend or self.backend
        sink = sink or Sink()
        name = backend.reply_name("websocket")
        backend.listen(name, sink)
        self.addCleanup(backend.unlisten, name)
        return name, sink

    def in_thread(self, function, *args):
        """Call the function in a thread; return the thread, as a Call."""
        call = Call(function, args)
        self._calls.append(call)
        call.start()
        return call

    def _join_calls(self):
        for call in self._calls:
            call.join(PATIENCE)

    def wait_until(self, condition, *args):
        """Return what ``condition(*args)`` returns, once that is true."""
        deadline = monotonic() + PATIENCE
        while not (result := condition(*args)):
            if monotonic() > deadline:
                self.fail(f"{condition} stayed false for {PATIENCE} seconds.")
            sleep(0.002)
        return result


class Call(threading.Thread):
    """A call in a thread, and what it returned or raised."""

    def __init__(self, function, args):
        super().__init__(daemon=True)
        self._function = function
        self._arguments = args
        self._returned = None
        self._raised = None

    def run(self):
        try:
            self._returned = self._function(*self._arguments)
        except BaseException as error:
            self._raised = error

    def result(self):
        """Wait for the end; return or raise what the call did."""
        self.join(PATIENCE)
        if self.is_alive():
            raise AssertionError(f"{self._function} did not return.")
        if self._raised is not None:
            raise self._raised
        return self._returned


class Sink:
    """Writes down what it is given; the names in ``full`` have no room."""

    def __init__(self, full=()):
        self.full = full
        self.got = []
        self._changed = threading.Condition()

    def deliver(self, reply_names, message):
        with self._changed:
            self.got.append((list(reply_names), message.content))
            self._changed.notify_all()
        return [name for name in reply_names if name in self.full]

    @property
    def contents(self):
        return [content for _, content in self.got]

    def wait_for(self, number):
        """Return what has come, at least so many contents."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.got) >= number, PATIENCE):
                raise AssertionError(
                    f"{len(self.got)} messages came to the sink, not {number}."
                )
            return self.contents
