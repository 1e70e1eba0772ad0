"""
Compression of WebSocket messages: permessage-deflate (RFC 7692).

Nothing is kept from one message for the next, in either direction: a socket
holds no inflater's memory, and a group's members can be sent the same bytes.
"""

import sys
import zlib
from contextlib import suppress
from functools import lru_cache

from autobahn.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
)

from .frames import frame_with

# The bit of a frame that says it's compressed.
COMPRESSED = 0x40

# A shorter frame isn't worth it.
LEAST = 128

# How many bytes a message may take beyond twice its largest size: there may be
# some that inflate to nothing. And for how many of them an inflater counts.
SPARE = 64 * 1024
RESTART = 4 * 1024

# How many bytes back a compressed message refers to (RFC 1951 section 2).
WINDOW = 32 * 1024


def understood(extensions):
    """
    Return those of the extensions a client offers, pairs of a name and its
    parameters, that may be accepted. Others are to be declined (section 7), where
    Autobahn would fail the handshake: it knows no window of 8 bits.
    """
    found = []
    for name, parameters in extensions:
        if name == PerMessageDeflateOffer.EXTENSION_NAME:
            with suppress(Exception):
                PerMessageDeflateOffer.parse(parameters)
                found.append((name, parameters))
    return found


def accept(offers):
    """Return how to accept one of a client's offers, or None."""
    for offer in offers:
        # Frames that sockets share are made with the largest window.
        if isinstance(offer, PerMessageDeflateOffer) and not (
            offer.request_max_window_bits
        ):
            return PerMessageDeflateOfferAccept(
                offer, request_no_context_takeover=True, no_context_takeover=True
            )


class Inflater:
    """
    Inflates the messages of one socket's client, in the place of Autobahn's,
    which cuts off what is hardly too large. At more than ``largest`` bytes it
    stops and calls ``too_large()``, as it does where many more make up few, and
    for what can't be inflated it calls ``broken()``: they close the socket, and
    the rest of the message isn't heard.
    """

    EXTENSION_NAME = PerMessageDeflateOffer.EXTENSION_NAME

    def __init__(self, largest, too_large, broken):
        # What zlib can count to.
        self._largest = min(largest, sys.maxsize - 1)
        self._too_large = too_large
        self._broken = broken

    def start_decompress_message(self):
        self._inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        self._left = self._largest + 1
        self._left_to_read = 2 * self._largest + SPARE
        self._pieces = []

    def decompress_message_data(self, data, max_output_len=None):
        if self._inflater is None:
            return b""
        before = len(self._pieces)
        try:
            self._inflate(data)
        except zlib.error:
            self._inflater = None
            self._broken()
            return b""
        if self._left and self._left_to_read >= 0:
            return b"".join(self._pieces[before:])
        self._inflater = None
        self._too_large()
        return b""

    def end_decompress_message(self):
        self.decompress_message_data(b"\0\0\xff\xff")
        self._inflater = None
        self._pieces = []

    def _inflate(self, data):
        self._left_to_read -= len(data)
        while data and self._left and self._left_to_read >= 0:
            if self._inflater.eof:
                # The end of a stream isn't that of the message (section 7.2.1), and
                # what comes may refer to what was.
                self._left_to_read -= RESTART
                self._inflater = zlib.decompressobj(
                    -zlib.MAX_WBITS, zdict=last_bytes(self._pieces, WINDOW)
                )
            piece = self._inflater.decompress(data, self._left)
            self._left -= len(piece)
            if piece:
                self._pieces.append(piece)
            # What is left after such an end, and only then.
            data = self._inflater.unused_data


def last_bytes(pieces, size):
    """Return the last so many bytes of the pieces, or all if there are fewer."""
    found = []
    for piece in reversed(pieces):
        found.append(piece[-size:])
        size -= len(found[-1])
        if not size:
            break
    return b"".join(reversed(found))


# One frame goes to the members of a group in a row.
@lru_cache(maxsize=1)
def compressed(frame):
    """Return the frame of a message, compressed where that makes it shorter."""
    if len(frame) < LEAST:
        return frame
    start = {126: 4, 127: 10}.get(frame[1], 2)
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = deflater.compress(memoryview(frame)[start:])
    # Without the four bytes that end it (section 7.2.1).
    data += deflater.flush(zlib.Z_SYNC_FLUSH)[:-4]
    if len(data) >= len(frame) - start:
        return frame
    return frame_with(frame[0] | COMPRESSED, data)
