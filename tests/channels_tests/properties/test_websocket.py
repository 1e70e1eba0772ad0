from unittest.mock import patch

from hypothesis import example, given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.extensions import PerMessageDeflate

from django.channels.interfaces import websocket
from django.test import SimpleTestCase, override_settings

from .frames import BINARY, CLOSE, CONTINUATION, TEXT, frame, framed, messages
from .requests import pieces
from .sockets import Socket, socket_after

# What plain_message() returns where Autobahn is to read.
NONE = None, 0


def make_client(compress=False):
    """Return wsproto's side of a socket."""
    extension = PerMessageDeflate()
    if compress:
        extension.finalize(
            "permessage-deflate; "
            "client_no_context_takeover; server_no_context_takeover"
        )
    return Connection(ConnectionType.CLIENT, [extension])


def read_by_client(data, client=None):
    """Return the messages that wsproto reads, and the code of the close."""
    client = client or make_client()
    client.receive_data(data)
    found, parts, code = [], [], None
    for event in client.events():
        if isinstance(event, (TextMessage, BytesMessage)):
            parts.append(event.data)
            if event.message_finished:
                found.append(type(event.data)().join(parts))
                parts = []
        elif isinstance(event, CloseConnection):
            code = event.code
    return found, code


@override_settings(ALLOWED_HOSTS=["localhost"])
class WebSocketTests(SimpleTestCase):
    @given(messages, st.data())
    def test_messages_arrive(self, messages, data):
        """Messages arrive however they're fragmented, masked and cut."""
        stream = data.draw(framed(messages))
        whole = socket_after(stream)
        self.assertEqual(whole.messages, messages)
        self.assertEqual(whole.disconnect, (1006, ""))
        cut = socket_after(*data.draw(pieces(stream)))
        self.assertEqual(cut.messages, messages)
        self.assertEqual(cut.written, whole.written)

    @given(messages, st.booleans())
    @example(["a" * 200, b"b" * 200, ""], True)
    def test_messages_of_another_implementation(self, messages, compress):
        """What wsproto sends arrives, and it reads what is sent to it."""
        client = make_client(compress)
        socket = Socket(compress)
        for message in messages:
            kind = TextMessage if isinstance(message, str) else BytesMessage
            socket.feed(client.send(Ping(b"x")))
            socket.feed(client.send(kind(message)))
            socket.send(content=message)
        socket.feed(client.send(CloseConnection(1001, "bye")))
        self.assertEqual(socket.messages, messages)
        self.assertEqual(read_by_client(socket.written, client), (messages, 1001))
        self.assertEqual(socket.end().disconnect, (1001, "bye"))

    @given(st.data())
    @example(None)
    def test_any_bytes(self, data):
        """Any bytes at all end in one disconnect; nothing is raised."""
        if data is None:
            stream = [b"\x81\xff" + b"\xff" * 8]
        else:
            good = data.draw(framed(data.draw(messages)))
            stream = [good, data.draw(st.binary(max_size=40))]
            stream += data.draw(st.lists(st.binary(max_size=20), max_size=3))
        socket = socket_after(*stream)
        self.assertIsNotNone(socket.disconnect)
        self.assertEqual(socket.sockets.by_name, {})
        # What was written is well formed to the last byte that matters.
        read_by_client(socket.written)

    @given(messages, st.data())
    def test_any_bytes_cut_anywhere(self, messages, data):
        """Where broken frames are cut changes nothing about what arrives."""
        stream = data.draw(framed(messages))
        at = data.draw(st.integers(0, len(stream)))
        stream = stream[:at] + data.draw(st.binary(max_size=12)) + stream[at + 1 :]
        whole = socket_after(stream)
        cut = socket_after(*data.draw(pieces(stream)))
        self.assertEqual(cut.messages, whole.messages)
        # Of what comes after a broken frame, a close frame may be read or not.
        self.assertIsNotNone(cut.disconnect)

    @given(messages, st.data())
    def test_autobahn_alone(self, messages, data):
        """
        Plain messages are read without Autobahn. Nothing differs from what it
        makes of them, and of any bytes between them.
        """
        stream = data.draw(framed(messages))
        at = data.draw(st.integers(0, len(stream)))
        stream = stream[:at] + data.draw(st.binary(max_size=12)) + stream[at:]
        cuts = data.draw(pieces(stream))
        found = socket_after(*cuts, message_size=300)
        with patch.object(websocket, "plain_message", lambda data, start, _: NONE):
            expected = socket_after(*cuts, message_size=300)
        self.assertEqual(found.messages, expected.messages)
        self.assertEqual(found.written, expected.written)
        self.assertEqual(found.disconnect, expected.disconnect)

    @given(st.integers(0, 70_000), st.booleans(), st.integers(0, 3))
    @example(999, True, 0)
    @example(1000, False, 3)
    @example(1001, True, 3)
    @example(1001, False, 0)
    def test_largest_message(self, size, text, cuts):
        """A message of the largest size arrives; one byte more is refused."""
        payload, opcode = b"a" * size, TEXT if text else BINARY
        rest, frames = payload, []
        step = max(1, size // (cuts + 1))
        while len(rest) > step and len(frames) < cuts:
            frames.append(frame(opcode, rest[:step], fin=False))
            rest, opcode = rest[step:], CONTINUATION
        socket = socket_after(*frames, frame(opcode, rest), message_size=1000)
        if size <= 1000:
            expected = payload.decode() if text else payload
            self.assertEqual(socket.messages, [expected])
        else:
            self.assertEqual(socket.messages, [])
            self.assertEqual(read_by_client(socket.written)[1], 1009)

    @given(st.integers(0, 65535), st.binary(max_size=130))
    @example(1005, b"")
    @example(1000, b"\xff")
    def test_close(self, code, reason):
        """A close frame is answered by a close frame, whatever is in it."""
        payload = code.to_bytes(2, "big") + reason
        socket = socket_after(frame(CLOSE, payload))
        answer = read_by_client(socket.written)[1]
        self.assertIn(answer, (code, 1002, 1007))
        self.assertIsNotNone(socket.disconnect)
