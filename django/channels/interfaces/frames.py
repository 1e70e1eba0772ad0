"""WebSocket messages in the form in which Autobahn writes them."""

from autobahn.websocket.protocol import PreparedMessage

from .payload import payload_of


def frame_of(content):
    """
    Return the content's message (see payload_of()) in the form in which it is
    written to any number of sockets, or None where it has none.
    """
    found = payload_of(content)
    if found is None:
        return None
    payload, binary = found
    return PreparedMessage(payload, binary, applyMask=False, doNotCompress=False)
