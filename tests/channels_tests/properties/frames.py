"""A client's WebSocket messages as frames (RFC 6455 section 5.2)."""

import struct

from hypothesis import strategies as st

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

messages = st.lists(
    st.text(max_size=150) | st.binary(max_size=150) | st.just("é" * 200), max_size=4
)
masks = st.binary(min_size=4, max_size=4)


def frame(opcode, payload, mask=bytes(4), fin=True):
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 2**16:
        length = bytes([0x80 | 126]) + struct.pack("!H", size)
    else:
        length = bytes([0x80 | 127]) + struct.pack("!Q", size)
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return bytes([opcode | (0x80 if fin else 0)]) + length + mask + masked


@st.composite
def framed(draw, messages):
    """The bytes of these messages, in fragments, with pings between them."""
    data = b""
    for message in messages:
        opcode = TEXT if isinstance(message, str) else BINARY
        payload = message.encode() if opcode == TEXT else message
        cuts = draw(st.lists(st.integers(0, len(payload)), max_size=3))
        cuts = [0, *sorted(cuts), len(payload)]
        for i, (start, end) in enumerate(zip(cuts, cuts[1:])):
            kind = CONTINUATION if i else opcode
            is_last = i == len(cuts) - 2
            data += frame(kind, payload[start:end], draw(masks), is_last)
            if draw(st.booleans()):
                control = draw(st.sampled_from([PING, PONG]))
                data += frame(control, draw(st.binary(max_size=9)), draw(masks))
    return data
