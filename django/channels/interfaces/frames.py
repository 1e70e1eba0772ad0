"""
WebSocket messages as bytes: a frame each, as most messages are (RFC 6455
section 5.2). All the rest of the protocol is Autobahn's.
"""

from .payload import payload_of

TEXT, BINARY = 0x81, 0x82

# The longest payload, in bytes, that is unmasked here. It takes 1 µs for 32 of
# them, and 8 µs for as many as this, which Autobahn's masker takes 4 µs for; the
# rest of what Autobahn does for a frame takes 20 µs (Python 3.13).
LONGEST = 2048


def frame_of(content):
    """
    Return the frame of the content's message (see payload_of()), which may be
    written to any number of sockets, or None where it has none.
    """
    found = payload_of(content)
    if found is None:
        return None
    payload, binary = found
    return frame_with(BINARY if binary else TEXT, payload)


def frame_with(kind, payload):
    """Return the server's frame that has the first byte ``kind``."""
    size = len(payload)
    if size < 126:
        return bytes((kind, size)) + payload
    if size < 1 << 16:
        return bytes((kind, 126)) + size.to_bytes(2, "big") + payload
    return bytes((kind, 127)) + size.to_bytes(8, "big") + payload


def plain_message(data, start, longest):
    """
    Return the client's message that begins at ``data[start]``, as str or bytes,
    and where it ends. Return None and ``start`` for all that needs a closer
    look: a message in several frames, a control frame, one whose end is still
    to come, one that is longer than ``longest`` bytes, and one that isn't as it
    must be.
    """
    if len(data) < start + 6:
        return None, start
    kind, size = data[start], data[start + 1] - 0x80
    mask = start + 2
    if size == 126:
        size = int.from_bytes(data[mask : mask + 2], "big")
        mask += 2
        if size < 126:
            return None, start
    elif size > 126:
        return None, start
    first = mask + 4
    end = first + size
    if not 0 <= size <= longest or end > len(data) or kind not in (TEXT, BINARY):
        return None, start
    payload = unmasked(data[first:end], data[mask:first])
    if kind == BINARY:
        return payload, end
    try:
        return payload.decode(), end
    except UnicodeDecodeError:
        return None, start


def unmasked(payload, mask):
    """Return the payload that was masked by four bytes (section 5.3)."""
    size = len(payload)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "little")
    return (int.from_bytes(payload, "little") ^ key).to_bytes(size, "little")
