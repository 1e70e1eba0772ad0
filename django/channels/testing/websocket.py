"""
The client's end of a WebSocket in a test.

Whoever calls one of its methods runs the consumers that it leads to, one after
the other, until nothing is left to do.
"""

import json
import threading
from time import monotonic

from django.channels.inline import run_here
from django.channels.interfaces.close_codes import NORMAL

from . import running
from .base_websocket import PATIENCE, BaseWebSocket

# Tells unittest to leave the frames of this module out of tracebacks.
__unittest = True


class WebSocket(BaseWebSocket):
    """
    A WebSocket of Client.

    Its methods return when every consumer that they led to has finished, in
    the caller's thread. An exception of a consumer is raised or, with the
    client's ``raise_request_exception`` off, does to the socket what it would
    do to a user's: refuses it with a 500 or closes it with code 1011.

    As a context manager it's closed at the end.
    """

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        if kind is None:
            self.close()

    def connect(self):
        self._edge.open(self._target, self._headers)
        self._drive()
        return self

    def send(self, content):
        """Send a message: text for str, binary for bytes."""
        self._send(content)
        self._drive()

    def send_json(self, value):
        self.send(json.dumps(value, cls=self._client.json_encoder))

    def receive(self, timeout=1):
        """
        Return the next message, str or bytes. Raise AssertionError if none
        comes within ``timeout`` seconds.
        """
        self._await_message(timeout)
        return self._take(timeout)

    def receive_json(self, timeout=1):
        self._await_message(timeout)
        return self._take_json(timeout)

    def receive_nothing(self, timeout=0):
        """Raise AssertionError if a message comes within these seconds."""
        self._await_message(timeout)
        self._take_nothing()

    def close(self, code=NORMAL, reason=""):
        """Close the socket, if it's open, as a client that says goodbye."""
        self._drive()
        self._close(code, reason)
        self._drive()

    def _drive(self):
        edge = self._edge
        with running.one_by_one():
            while (message := edge.settle()) or edge.is_with_worker:
                if message is not None:
                    self._ran(run_here(edge.backend, message))
                elif not self._wait(PATIENCE):
                    break
        running.run_at_once()
        edge.settle()
        self._raise()

    def _await_message(self, timeout):
        end = monotonic() + timeout
        self._drive()
        while timeout > 0 and not self._edge.inbox and self._is_open:
            self._wait(timeout)
            # What another thread did may be something else.
            self._drive()
            timeout = end - monotonic()

    def _wait(self, timeout):
        """Wait until another thread does something. Tell whether one did."""
        event = threading.Event()
        self._edge.wake = event.set
        try:
            # It may have done so before there was anything to wake.
            return self._edge.is_due or event.wait(timeout)
        finally:
            self._edge.wake = None
