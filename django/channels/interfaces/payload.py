"""The WebSocket message that a channel message's content stands for."""


def payload_of(content):
    """
    Return the content's message as bytes, and whether it's a binary one; or
    None where it has none.

    ``content["content"]`` is str or bytes; ``content["binary"]`` says which
    kind of WebSocket message it becomes, by default that of its type. Raise
    ValueError for what can't be one.
    """
    payload = content.get("content")
    if payload is None:
        return None
    is_text = isinstance(payload, str)
    if is_text:
        payload = payload.encode()
    elif not isinstance(payload, bytes):
        raise ValueError(
            f"its content is of type {type(payload).__name__}, not str or bytes."
        )
    binary = content.get("binary")
    binary = not is_text if binary is None else bool(binary)
    if not binary and not is_text:
        # RFC 6455 section 5.6: a text message is UTF-8.
        payload.decode()
    return payload, binary


def truncated(reason, size):
    """
    Return ``reason`` as UTF-8, at most ``size`` bytes of it; a lone surrogate,
    which has no UTF-8, as a question mark.
    """
    data = reason.encode(errors="replace")[:size]
    return data.decode(errors="ignore").encode() or None
