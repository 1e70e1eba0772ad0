"""What a WebSocket's client may send, and how it's closed for the rest."""

import random
import struct
import tracemalloc
import zlib
from unittest import mock

from django.channels import consumers
from django.channels.interfaces.frames import frame_of

from .test_websocket import WebSocketTestCase, close_frame, frame, handshake
from .wires import lose, parts_of, status_of

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10

PROTOCOL_ERROR, BAD_DATA, TOO_BIG = 1002, 1007, 1009

EURO = "€".encode()


def raw(first, second, rest=b""):
    """Return a frame whose first two bytes are given."""
    return bytes([first, second]) + rest


class ConformanceTestCase(WebSocketTestCase):
    server_limits = {"MESSAGE_SIZE": 100_000}

    def connect(self):
        self.setUp()
        self.open()

    def pieces(self, data):
        """Send the data, whole and byte by byte, each on a new socket."""
        for size in (len(data), 1):
            with self.subTest(data=data[:40], size=size):
                self.connect()
                for i in range(0, len(data), size):
                    self.send(data[i : i + size])
                yield

    def received(self):
        """Return what the consumers were sent."""
        contents = []
        while self.backend.waiting("websocket.receive"):
            message = self.taken("websocket.receive")
            contents.append(message.content["content"])
            self.done(message)
        return contents

    def assertReceived(self, data, *contents, answer=b""):
        for _ in self.pieces(data):
            self.assertEqual(self.received(), list(contents))
            self.assertEqual(self.wire.take(), answer)
            self.assertEqual(self.wire.ended, "")

    def assertClosed(self, data, code):
        """The socket is closed, and no more is heard of it."""
        for _ in self.pieces(data + frame(b"later")):
            answer = self.wire.take()
            self.assertEqual(answer[0], 0x88)
            self.assertEqual(answer[2:4], struct.pack("!H", code))
            self.assertEqual(len(answer), answer[1] + 2)
            self.assertEqual(self.received(), [])


class MessageTests(ConformanceTestCase):
    """RFC 6455 sections 5.4 and 5.6."""

    def test_sizes(self):
        """Each of the three forms of a length, from its shortest on."""
        for size in (0, 1, 125, 126, 127, 65_535):
            self.assertReceived(frame(b"x" * size, BINARY), b"x" * size)
        payload = b"x" * 65_536
        start = raw(0x82, 0x80 | 127, struct.pack("!Q", 65_536) + bytes(4))
        self.connect()
        self.send(start + payload)
        self.assertEqual(self.received(), [payload])

    def test_mask(self):
        self.assertReceived(
            raw(0x81, 0x85, bytes.fromhex("37fa213d 7f9f4d5158")), "Hello"
        )

    def test_fragments(self):
        for parts in (
            [b"a", b"b", b"c"],
            [b"", b"", b""],
            [b"", b"a"],
            [b"a", b""],
        ):
            data = frame(parts[0], TEXT, fin=False)
            for part in parts[1:-1]:
                data += frame(part, CONTINUATION, fin=False)
            data += frame(parts[-1], CONTINUATION)
            self.assertReceived(data, b"".join(parts).decode())

    def test_control_frames_between_fragments(self):
        self.assertReceived(
            frame(b"a", TEXT, fin=False)
            + frame(b"1", PING)
            + frame(b"b", CONTINUATION, fin=False)
            + frame(b"ignored", PONG)
            + frame(b"2", PING)
            + frame(b"c", CONTINUATION),
            "abc",
            answer=b"\x8a\x011\x8a\x012",
        )

    def test_close_between_fragments(self):
        self.connect()
        self.send(frame(b"a", TEXT, fin=False) + close_frame(1000))
        self.assertEqual(self.wire.take(), b"\x88\x02\x03\xe8")
        self.assertEqual(self.received(), [])

    def test_order_of_fragments(self):
        for data in (
            frame(b"a", CONTINUATION),
            frame(b"a", CONTINUATION, fin=False),
            frame(b"a", TEXT, fin=False) + frame(b"b", TEXT),
            frame(b"a", TEXT, fin=False) + frame(b"b", BINARY, fin=False),
            frame(b"a", BINARY, fin=False) + frame(b"b", BINARY),
        ):
            self.assertClosed(data, PROTOCOL_ERROR)

    def test_size_of_fragments(self):
        """It's too large as soon as it is, before its last fragment."""
        first = frame(b"x" * 60_000, BINARY, fin=False)
        for more in (
            frame(b"x" * 40_001, CONTINUATION, fin=False),
            # All that is needed is to say so.
            raw(0x00, 0x80 | 126, struct.pack("!H", 40_001) + bytes(4)),
        ):
            self.connect()
            self.send(first + more)
            self.assertEqual(self.wire.take()[2:4], struct.pack("!H", TOO_BIG))
            self.assertEqual(self.received(), [])

    def test_said_to_be_large(self):
        for size in (100_001, 2**31, 2**63 - 1):
            self.connect()
            self.send(raw(0x82, 0x80 | 127, struct.pack("!Q", size) + bytes(4)))
            self.assertEqual(self.wire.take()[2:4], struct.pack("!H", TOO_BIG))


class FrameTests(ConformanceTestCase):
    """RFC 6455 sections 5.1, 5.2 and 5.5."""

    def test_reserved_bits(self):
        for bits in (0x40, 0x20, 0x10, 0x70):
            for opcode in (TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG):
                data = raw(0x80 | bits | opcode, 0x80, bytes(4))
                self.assertClosed(data, PROTOCOL_ERROR)

    def test_reserved_opcodes(self):
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
            for payload in (b"", b"a"):
                self.assertClosed(frame(payload, opcode), PROTOCOL_ERROR)

    def test_unmasked(self):
        for data in (b"\x81\x01a", b"\x81\x00", b"\x89\x00", b"\x88\x02\x03\xe8"):
            self.assertClosed(data, PROTOCOL_ERROR)

    def test_lengths_that_are_not_minimal(self):
        for data in (
            raw(0x82, 0x80 | 126, struct.pack("!H", 125) + bytes(129)),
            raw(0x82, 0x80 | 126, struct.pack("!H", 0) + bytes(4)),
            raw(0x82, 0x80 | 127, struct.pack("!Q", 65_535) + bytes(65_539)),
            raw(0x82, 0x80 | 127, struct.pack("!Q", 1) + bytes(5)),
        ):
            self.connect()
            self.send(data)
            self.assertEqual(self.wire.take()[2:4], struct.pack("!H", PROTOCOL_ERROR))
            self.assertEqual(self.received(), [])

    def test_length_with_the_highest_bit(self):
        self.connect()
        self.send(raw(0x82, 0x80 | 127, struct.pack("!Q", 2**63) + bytes(4)))
        self.assertEqual(self.wire.take()[2:4], struct.pack("!H", PROTOCOL_ERROR))

    def test_control_frames(self):
        """They have 125 bytes at most, and are never fragments."""
        for opcode in (CLOSE, PING, PONG):
            self.assertClosed(frame(b"x" * 126, opcode), PROTOCOL_ERROR)
            self.assertClosed(frame(b"", opcode, fin=False), PROTOCOL_ERROR)

    def test_ping(self):
        for payload in (b"", b"x", b"\xff\0", b"x" * 125):
            pong = bytes([0x8A, len(payload)]) + payload
            self.assertReceived(frame(payload, PING), answer=pong)

    def test_unasked_pong(self):
        self.assertReceived(frame(b"x", PONG) + frame(b"a"), "a")


class UTF8Tests(ConformanceTestCase):
    """RFC 6455 section 8.1, and RFC 3629."""

    def test_valid(self):
        for text in ("κόσμε", "\0", "\x7f", "\ud7ff", "\ue000", "\uffff", "\U0010ffff"):
            data = text.encode()
            self.assertReceived(frame(data), text)
            # A fragment may end within a character.
            for i in range(len(data) + 1):
                self.assertReceived(
                    frame(data[:i], fin=False) + frame(data[i:], CONTINUATION), text
                )

    def test_invalid(self):
        for data in (
            b"\x80",
            b"\xff",
            b"\xfe",
            b"\xc0\xaf",
            b"\xc1\xbf",
            b"\xe0\x80\xaf",
            b"\xed\xa0\x80",
            b"\xed\xbf\xbf",
            b"\xf0\x80\x80\xaf",
            b"\xf4\x90\x80\x80",
            b"\xf8\x88\x80\x80\x80",
            b"a" + EURO + b"\xe2\x28\xa1",
        ):
            self.assertClosed(frame(data), BAD_DATA)
            self.assertClosed(
                frame(b"a", fin=False) + frame(data, CONTINUATION), BAD_DATA
            )

    def test_incomplete(self):
        """The end of a message is no end of a character."""
        for data in (b"\xc3", EURO[:2], "\U0001f600".encode()[:3]):
            self.assertClosed(frame(data), BAD_DATA)
            self.assertClosed(
                frame(data, fin=False) + frame(b"", CONTINUATION), BAD_DATA
            )

    def test_fails_fast(self):
        """It's known amid a message, and amid a frame."""
        self.connect()
        self.send(frame(EURO + b"\xff", fin=False))
        self.assertEqual(self.wire.take()[2:4], struct.pack("!H", BAD_DATA))
        self.connect()
        self.send(frame(b"a" * 50 + b"\xff" + b"a" * 50)[:60])
        self.assertEqual(self.wire.take()[2:4], struct.pack("!H", BAD_DATA))

    def test_binary(self):
        self.assertReceived(frame(b"\xff\xc0\x80", BINARY), b"\xff\xc0\x80")


class CloseTests(ConformanceTestCase):
    """RFC 6455 sections 5.5.1 and 7.4."""

    def test_valid_codes(self):
        for code in (
            *(1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013),
            *(3000, 3999, 4000, 4999),
        ):
            with self.subTest(code=code):
                self.connect()
                self.send(close_frame(code, b"bye"))
                self.assertEqual(
                    self.wire.take(), b"\x88\x05" + struct.pack("!H", code) + b"bye"
                )
                lose(self.http.connection)
                disconnect = self.taken("websocket.disconnect").content
                self.assertEqual(
                    (disconnect["code"], disconnect["reason"]), (code, "bye")
                )

    def test_invalid_codes(self):
        for code in (
            *(0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100),
            # A gateway's, which a client isn't.
            1014,
            *(2000, 2999, 5000, 65_535),
        ):
            self.assertClosed(close_frame(code), PROTOCOL_ERROR)

    def test_payloads(self):
        self.assertClosed(frame(b"\x03", CLOSE), PROTOCOL_ERROR)
        self.assertClosed(close_frame(1000, b"\xff"), BAD_DATA)
        self.assertClosed(close_frame(1000, EURO[:2]), BAD_DATA)
        self.assertClosed(close_frame(1000, b"x" * 124), PROTOCOL_ERROR)

    def test_invalid_is_no_close(self):
        """The consumer isn't told that the client closed with 1000, or without."""
        for data, code in (
            (close_frame(999, b"bye"), PROTOCOL_ERROR),
            (frame(b"\x03", CLOSE), PROTOCOL_ERROR),
            (close_frame(1000, b"\xff"), BAD_DATA),
            (raw(0xC8, 0x82, bytes(4) + b"\x03\xe8"), PROTOCOL_ERROR),
            (raw(0x88, 2, b"\x03\xe8"), PROTOCOL_ERROR),
        ):
            with self.subTest(data=data):
                self.connect()
                self.send(data)
                # A reset could take the answer from the client.
                self.assertEqual(self.wire.ended, "orderly")
                lose(self.http.connection)
                disconnect = self.taken("websocket.disconnect").content
                self.assertEqual((disconnect["code"], disconnect["reason"]), (code, ""))

    def test_longest_reason(self):
        self.connect()
        self.send(close_frame(1000, b"x" * 123))
        self.assertEqual(self.wire.take(), b"\x88\x7d\x03\xe8" + b"x" * 123)

    def test_no_code(self):
        self.connect()
        self.send(frame(b"", CLOSE))
        self.assertEqual(self.wire.take()[:1], b"\x88")
        lose(self.http.connection)
        self.assertEqual(self.taken("websocket.disconnect").content["code"], 1005)

    def test_frames_after_close(self):
        """They are neither heard nor answered."""
        for later in (frame(b"x"), frame(b"x", PING), close_frame(1001), b"\xff" * 9):
            self.connect()
            self.send(close_frame(1000) + later)
            self.send(later)
            with self.subTest(later=later):
                self.assertEqual(self.wire.take(), b"\x88\x02\x03\xe8")
                self.assertEqual(self.received(), [])

    def test_violation_code(self):
        """The consumer hears of a socket that was closed for its client's fault."""
        self.connect()
        self.send(frame(b"\xff"))
        self.send(close_frame(BAD_DATA))
        lose(self.http.connection)
        self.assertIn(
            self.taken("websocket.disconnect").content["code"], (BAD_DATA, 1006)
        )


class NoCompressionTests(ConformanceTestCase):
    """RFC 7692: by default permessage-deflate isn't agreed to, nor inflated."""

    def test_offer(self):
        for offer in (
            b"permessage-deflate",
            b"permessage-deflate; client_max_window_bits",
            b"permessage-deflate; server_no_context_takeover, x-unknown",
            # A window that zlib doesn't have, and what isn't a parameter.
            b"permessage-deflate; server_max_window_bits=8",
            b"permessage-deflate; client_max_window_bits=8",
            b"permessage-deflate; x-unknown",
        ):
            with self.subTest(offer=offer):
                self.setUp()
                self.http.receive(handshake(b"Sec-WebSocket-Extensions: " + offer))
                self.done(self.taken("websocket.connect"))
                status, headers, _ = parts_of(self.wire.take())
                self.assertEqual(status, 101)
                self.assertNotIn("sec-websocket-extensions", headers)

    def test_compressed_frame(self):
        self.http.receive(handshake(b"Sec-WebSocket-Extensions: permessage-deflate"))
        self.done(self.taken("websocket.connect"))
        self.wire.take()
        with mock.patch("zlib.decompressobj") as inflater:
            self.send(raw(0xC1, 0x87, bytes(4) + b"\xf2\x48\xcd\xc9\xc9\x07\x00"))
        inflater.assert_not_called()
        self.assertEqual(self.wire.take()[2:4], struct.pack("!H", PROTOCOL_ERROR))


def deflated(data, wbits=-15):
    deflater = zlib.compressobj(wbits=wbits)
    return (deflater.compress(data) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]


class CompressionTests(ConformanceTestCase):
    """RFC 7692: permessage-deflate where the server was told to agree to it."""

    compress = True
    offer = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"

    def connect(self):
        self.setUp()
        self.connected = self.open(self.offer)

    def agreed(self, offer):
        self.setUp()
        self.http.receive(handshake(b"Sec-WebSocket-Extensions: " + offer))
        self.done(self.taken("websocket.connect"))
        status, headers, _ = parts_of(self.wire.take())
        self.assertEqual(status, 101)
        return headers.get("sec-websocket-extensions")

    def test_offers(self):
        agreed = ["permessage-deflate; client_no_context_takeover"]
        for offer, answer in (
            (b"permessage-deflate", agreed),
            (b"permessage-deflate; client_max_window_bits", agreed),
            (b"permessage-deflate; server_max_window_bits=10", None),
            (
                b"permessage-deflate; server_max_window_bits=9, permessage-deflate",
                agreed,
            ),
            (b"permessage-deflate; server_max_window_bits=8", None),
            (b"permessage-deflate; x-unknown, permessage-deflate", agreed),
            (b"permessage-bzip2, x-unknown", None),
            # Section 9.1 of RFC 6455 lets a client split them.
            (b"x-unknown\r\nSec-WebSocket-Extensions: permessage-deflate", agreed),
        ):
            with self.subTest(offer=offer):
                self.assertEqual(self.agreed(offer), answer)
        self.setUp()
        self.open()
        self.send(frame(deflated(b"a"), 0x41))
        self.assertEqual(self.wire.take()[2:4], struct.pack("!H", PROTOCOL_ERROR))

    def test_messages(self):
        first, rest = deflated(EURO * 50)[:9], deflated(EURO * 50)[9:]
        self.assertReceived(frame(deflated(b"Hello"), 0x41), "Hello")
        self.assertReceived(frame(deflated(b"\xff" * 300), 0x42), b"\xff" * 300)
        self.assertReceived(frame(b"plain"), "plain")
        self.assertReceived(frame(b"\x00", 0x41), "")
        self.assertReceived(
            frame(first, 0x41, False) + frame(b"", 9) + frame(rest, 0),
            "€" * 50,
            answer=b"\x8a\x00",
        )

    def test_message_with_the_handshake(self):
        """What comes in with it is bounded, even where nobody decides on it."""
        for kept in (True, False):
            for size, heard in ((100_000, True), (100_001, False)):
                with self.subTest(kept=kept, size=size):
                    self.setUp()
                    if not kept:
                        del consumers._consumers["websocket.connect"]
                    data = frame(deflated(b"a" * size), 0x42)
                    self.http.receive(handshake(self.offer) + data)
                    if kept:
                        self.done(self.taken("websocket.connect"))
                    answer = self.wire.take()
                    self.assertEqual(status_of(answer), 101)
                    self.assertEqual(self.received(), [b"a" * size] * heard)
                    closed = b"\r\n\r\n\x88" in answer
                    self.assertIs(closed, not heard)

    def test_refused(self):
        for data, code in (
            (frame(deflated(b"a"), 0x49), PROTOCOL_ERROR),
            (frame(b"a", 1, False) + frame(deflated(b"a"), 0x40), PROTOCOL_ERROR),
            (frame(deflated(b"a"), 0x61), PROTOCOL_ERROR),
            (frame(b"\xff" * 9, 0x41), BAD_DATA),
            (frame(deflated(b"\xff"), 0x41), BAD_DATA),
        ):
            self.assertClosed(data, code)

    def test_bounded(self):
        """However small the frames are, what they inflate to is bounded."""
        self.assertReceived(frame(deflated(b"a" * 100_000), 0x42), b"a" * 100_000)
        self.assertClosed(frame(deflated(b"a" * 100_001), 0x42), TOO_BIG)
        half = deflated(b"a" * 10**7)
        self.assertClosed(frame(half, 0x42), TOO_BIG)
        self.assertClosed(frame(half[:50], 0x42, False) + frame(half[50:], 0), TOO_BIG)

    def test_at_the_limit(self):
        """What is still to be inflated isn't counted, nor what deflating adds."""
        text = EURO * 33_333 + b"x"
        self.assertReceived(frame(deflated(text), 0x41), text.decode())
        data = random.Random(1).randbytes(100_000)
        sent = deflated(data)
        self.assertGreater(len(sent), len(data))
        for parts in ([sent], [sent[:60_000], sent[60_000:]]):
            with self.subTest(parts=len(parts)):
                self.connect()
                for first, part in zip((0x42, 0), parts):
                    first |= 0x80 if part is parts[-1] else 0
                    size = struct.pack("!Q" if len(part) >> 16 else "!H", len(part))
                    self.send(raw(first, 0xFE + (len(part) >> 16 > 0), size))
                    self.send(bytes(4) + part)
                self.assertEqual(self.received(), [data])

    def test_several_streams(self):
        """The end of a deflate stream isn't the message's (section 7.2.1)."""
        text = EURO * 50
        deflater = zlib.compressobj(wbits=-15)
        whole = deflater.compress(text) + deflater.flush(zlib.Z_FINISH)
        self.assertReceived(frame(whole, 0x41), text.decode())
        self.assertReceived(frame(whole + b"\0", 0x41), text.decode())
        deflater = zlib.compressobj(wbits=-15, zdict=text)
        rest = (deflater.compress(text) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
        self.assertLess(len(rest), 16)
        self.assertReceived(frame(whole + rest, 0x41), (2 * text).decode())
        pieces = [frame(whole, 0x41, False), frame(rest[:3], 0, False)]
        self.assertReceived(b"".join(pieces) + frame(rest[3:], 0), (2 * text).decode())

    def test_inflates_to_nothing(self):
        """What is never a message's content has an end, too."""
        deflater = zlib.compressobj(wbits=-15)
        ended = deflater.compress(b"a") + deflater.flush(zlib.Z_FINISH)
        for piece in (b"\0\0\0\xff\xff" * 200, b"\3\0" * 500):
            for first in (ended, b""):
                with self.subTest(piece=piece[:5], first=first):
                    self.connect()
                    self.send(frame(first, 0x42, False))
                    for _ in range(300):
                        self.send(frame(piece, 0, False))
                    self.assertEqual(self.wire.take()[2:4], struct.pack("!H", TOO_BIG))
                    self.assertEqual(self.received(), [])

    def test_no_limit(self):
        """One that no machine has room for is none."""
        limits = {**self.server_limits, "MESSAGE_SIZE": 10**30}
        with mock.patch.object(type(self), "server_limits", limits):
            self.assertReceived(frame(deflated(b"a"), 0x41), "a")

    def test_inflates_no_further(self):
        self.connect()
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        bomb = frame(deflated(b"a" * 50_000_000), 0x42)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        self.send(bomb)
        self.assertLess(tracemalloc.get_traced_memory()[1] - before, 1_000_000)

    def test_sent(self):
        """What is shorter so is sent compressed, each message by itself."""
        self.connect()
        text = "Hello " * 100
        for _ in range(2):
            self.reply(self.connected, content=text)
            answer = self.wire.take()
            self.assertEqual(answer[0], 0xC1)
            self.assertEqual(len(answer), answer[1] + 2)
            inflater = zlib.decompressobj(-15)
            found = inflater.decompress(answer[2:] + b"\0\0\xff\xff")
            self.assertEqual(found.decode(), text)
        for content in (b"short", random.Random(1).randbytes(70_000)):
            self.reply(self.connected, content=content)
            self.assertEqual(self.wire.take(), frame_of({"content": content}))
