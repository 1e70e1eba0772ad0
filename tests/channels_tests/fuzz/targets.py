"""
What is called with arbitrary bytes. A target returns, or has found a fault.

The first byte of ``http``, ``websocket`` and ``compressed`` says where the others
are cut.
"""

import contextlib
import re

from channels_tests.properties.servers import understood, understood_by_h11
from channels_tests.properties.sockets import socket_after

from django.channels import codec, names
from django.channels.backends.encryption import Cipher
from django.channels.exceptions import InvalidChannelName
from django.channels.patterns import choose

# A request line with bytes that should be encoded: it's understood only where it
# comes in one piece, by itself.
UNENCODED = re.compile(rb"[A-Z]+ [^\r\n]*[\x80-\xff]")
# In bytes.
LARGEST = 1000
KEY = b"ZnV6emluZ2Z1enppbmdmdXp6aW5nZnV6emluZ2Z1eno="


def fuzz_codec(data):
    """Bytes are a message that can be sent again, or a ValueError."""
    with contextlib.suppress(ValueError):
        content = codec.decode(data)
        with contextlib.suppress(codec.InvalidMessage):
            again = codec.decode(codec.encode(codec.plain(content)))
            # NaN is no equal of its own.
            same(repr(again), repr(content))


def fuzz_http(data):
    """Cut bytes are what uncut ones are, and both what they are for h11."""
    cut, data = data[:1], data[1:]
    whole = understood(data)
    if not UNENCODED.search(data):
        at = ord(cut or b"\0")
        pieces = understood(data[:at], data[at:])
        same(pieces.requests, whole.requests)
        same(pieces.closed, whole.closed)
        pieces.end(0)
    theirs, refused = understood_by_h11(data.lstrip(b"\r\n"))
    for mine, other in zip(whole.requests, theirs):
        if mine[1].isascii() and b"%" not in mine[1]:
            same(mine, other)
    if not refused and data[:1] not in (b"\r", b"\n"):
        same(whole.requests[len(theirs) :], [])
    whole.end(0)


def fuzz_websocket(data, **options):
    """Frames in pieces are what they are in one piece, and all of them end."""
    cut, data = data[:1], data[1:]
    at = ord(cut or b"\0")
    whole = socket_after(data, **options)
    pieces = socket_after(data[:at], data[at:], **options)
    same(pieces.messages, whole.messages)
    # What comes after a broken frame may be read or not.
    if whole.disconnect is None or pieces.disconnect is None:
        raise AssertionError("A socket had no end.")
    return whole


def fuzz_compressed(data):
    """Nor does a message inflate to more than a plain one may have."""
    socket = fuzz_websocket(data, compress=True, message_size=LARGEST)
    if any(len(message) > LARGEST for message in socket.messages):
        raise AssertionError("A message was too large.")


def fuzz_patterns(data):
    """Any text may be a name or a pattern, or is refused with its own error."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    channels = []
    for line in lines[:4]:
        with contextlib.suppress(InvalidChannelName):
            channels.append(names.canonical(line))
    for patterns in ({"include": lines[4:8]}, {"exclude": lines[4:8]}):
        with contextlib.suppress(ValueError):
            same({*choose(channels, **patterns)} - {*channels}, set())


def fuzz_encrypted(data):
    """Bytes that were encrypted are what they were; others are a ValueError."""
    cipher = Cipher([KEY])
    with contextlib.suppress(ValueError):
        content = codec.decode(cipher.decrypt(data, "a"))
        token = cipher.encrypt(codec.encode(content), "a")
        same(codec.decode(cipher.decrypt(token, "a")), content)


def same(one, other):
    if one != other:
        raise AssertionError(f"{one!r} isn't {other!r}.")


TARGETS = {
    "codec": fuzz_codec,
    "http": fuzz_http,
    "websocket": fuzz_websocket,
    "compressed": fuzz_compressed,
    "patterns": fuzz_patterns,
    "encrypted": fuzz_encrypted,
}
