"""
The client's end of a WebSocket in a test.

Whoever calls one of its methods runs the consumers that it leads to, one after
the other, until nothing is left to do.
"""

import asyncio
import json
import threading
from base64 import b64encode
from urllib.parse import urlencode

from django.channels.interfaces.conversation import NORMAL, OPEN
from django.channels.worker import arun_here, run_here
from django.utils.encoding import iri_to_uri

from . import running
from .edge import Edge

# Tells unittest to leave the frames of this module out of tracebacks.
__unittest = True

MESSAGE_TOO_BIG = 1009
KEY = b64encode(b"a test's own key").decode()

# How long a worker's thread may be at one of the socket's messages, in seconds.
PATIENCE = 10


class BaseWebSocket:
    """
    What both kinds of sockets share. The arguments are those of the client's
    ``websocket()``; ``extra`` is that of its other methods.
    """

    def __init__(
        self,
        client,
        path,
        *,
        headers=None,
        subprotocols=(),
        query_params=None,
        secure=False,
        **extra,
    ):
        self.path = path
        self._client = client
        self._taken = []
        self._errors = []
        if query_params:
            path += f"?{urlencode(query_params, doseq=True)}"
        self._target = iri_to_uri(path)
        environ = {**client.defaults, **extra}
        self._headers = self._request_headers(environ, headers or {}, subprotocols)
        self._edge = Edge(secure, [environ.get("REMOTE_ADDR", "127.0.0.1"), 0])

    def __repr__(self):
        return f"<{type(self).__name__} {self.path}>"

    @property
    def response(self):
        """The answer to the handshake: status 101 if it was accepted."""
        return self._edge.response

    @property
    def status_code(self):
        return self._edge.status

    @property
    def accepted(self):
        return self._edge.status == 101

    @property
    def subprotocol(self):
        """The subprotocol that was chosen, or None."""
        return self._edge.subprotocol

    @property
    def closed(self):
        return self._edge.close_code is not None

    @property
    def close_code(self):
        """The code with which either side has closed it, or None."""
        return self._edge.close_code

    @property
    def close_reason(self):
        return self._edge.close_reason

    def _request_headers(self, environ, headers, subprotocols):
        """Return the handshake's headers as pairs of bytes."""
        sent = {
            "host": environ.get("SERVER_NAME", "testserver"),
            "upgrade": "websocket",
            "connection": "Upgrade",
            "sec-websocket-version": "13",
            "sec-websocket-key": KEY,
        }
        cookies = self._client.cookies.values()
        if cookies:
            sent["cookie"] = "; ".join(f"{c.key}={c.coded_value}" for c in cookies)
        if subprotocols:
            sent["sec-websocket-protocol"] = ", ".join(subprotocols)
        for name, value in environ.items():
            if name.startswith("HTTP_"):
                sent[name[5:].replace("_", "-").lower()] = value
        for name, value in headers.items():
            sent[name.lower()] = value
        return [
            (k.encode("latin-1"), str(v).encode("latin-1")) for k, v in sent.items()
        ]

    @property
    def _is_open(self):
        conversation = self._edge.conversation
        return conversation is not None and conversation.state == OPEN

    def _send(self, content):
        if not isinstance(content, (str, bytes)):
            raise TypeError(
                f"A WebSocket carries str or bytes, not {type(content).__name__}; "
                f"send_json() sends other values."
            )
        if not self._is_open:
            raise AssertionError(f"Nothing can be sent: {self._state()}")
        edge = self._edge
        size = len(content.encode() if isinstance(content, str) else content)
        if size > edge.sockets.limits.message:
            edge.hang_up(MESSAGE_TOO_BIG, "")
        else:
            edge.enter(edge.conversation.received, content, isinstance(content, bytes))

    def _close(self, code, reason):
        if self._is_open:
            self._edge.hang_up(code, reason)

    def _ran(self, error):
        """A consumer has finished, and raised ``error`` or None."""
        raises = self._client.raise_request_exception
        if error is not None and (raises or not isinstance(error, Exception)):
            self._errors.append(error)

    def _raise(self):
        errors, self._errors = self._errors, []
        if errors:
            raise errors[0]

    def _take(self, timeout):
        if self._edge.inbox:
            self._taken.append(self._edge.inbox.pop(0))
            return self._taken[-1]
        instead = [f"No message came within {timeout} seconds: {self._state()}"]
        if self._taken:
            instead.append(f"What came before: {_listed(self._taken)}.")
        waiting = getattr(self._edge.backend, "channels_waiting", list)()
        if waiting:
            instead.append(
                f"Messages wait on {_listed(sorted(waiting))}: run_messages() runs "
                f"their consumers."
            )
        raise AssertionError(" ".join(instead))

    def _take_json(self, timeout):
        content = self._take(timeout)
        try:
            return json.loads(content)
        except ValueError as error:
            raise AssertionError(f"What came isn't JSON: {content!r}.") from error

    def _take_nothing(self):
        if self._edge.inbox:
            raise AssertionError(
                f"What came unexpectedly: {_listed(self._edge.inbox)}."
            )

    def _state(self):
        if self.status_code is None:
            return "the socket isn't connected."
        if not self.accepted:
            return f"the handshake was refused with status {self.status_code}."
        if not self.closed:
            return "the socket is open."
        reason = f" ({self.close_reason})" if self.close_reason else ""
        return f"the socket was closed with code {self.close_code}{reason}."


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
        self._drive()
        if timeout and not self._edge.inbox and self._is_open:
            self._wait(timeout)
            self._drive()

    def _wait(self, timeout):
        """Wait until another thread does something. Tell whether one did."""
        event = threading.Event()
        self._edge.wake = event.set
        try:
            # It may have done so before there was anything to wake.
            return self._edge.is_due or event.wait(timeout)
        finally:
            self._edge.wake = None


class AsyncWebSocket(BaseWebSocket):
    """
    A WebSocket of AsyncClient; see WebSocket. ``await`` or ``async with``
    opens it.
    """

    def __await__(self):
        return self.connect().__await__()

    async def __aenter__(self):
        return await self.connect()

    async def __aexit__(self, kind, value, traceback):
        if kind is None:
            await self.close()

    async def connect(self):
        if self.status_code is None:
            self._edge.open(self._target, self._headers)
            await self._drive()
        return self

    async def send(self, content):
        self._send(content)
        await self._drive()

    async def send_json(self, value):
        await self.send(json.dumps(value, cls=self._client.json_encoder))

    async def receive(self, timeout=1):
        await self._await_message(timeout)
        return self._take(timeout)

    async def receive_json(self, timeout=1):
        await self._await_message(timeout)
        return self._take_json(timeout)

    async def receive_nothing(self, timeout=0):
        await self._await_message(timeout)
        self._take_nothing()

    async def close(self, code=NORMAL, reason=""):
        await self._drive()
        self._close(code, reason)
        await self._drive()

    async def _drive(self):
        edge = self._edge
        with running.one_by_one():
            while (message := edge.settle()) or edge.is_with_worker:
                if message is not None:
                    self._ran(await arun_here(edge.backend, message))
                elif not await self._wait(PATIENCE):
                    break
        await running.arun_at_once()
        edge.settle()
        self._raise()

    async def _await_message(self, timeout):
        await self._drive()
        if timeout and not self._edge.inbox and self._is_open:
            await self._wait(timeout)
            await self._drive()

    async def _wait(self, timeout):
        loop, event = asyncio.get_running_loop(), asyncio.Event()
        self._edge.wake = lambda: loop.call_soon_threadsafe(event.set)
        try:
            if not self._edge.is_due:
                await asyncio.wait_for(event.wait(), timeout)
        except asyncio.TimeoutError:
            return False
        finally:
            self._edge.wake = None
        return True


def _listed(values):
    return ", ".join(map(repr, values))
