"""
What a message may hold, and its form as bytes.

A message is a flat dict of plain values: None, bool, int, float, str, bytes,
and lists and dicts (with str keys) of them. ``plain()`` copies such a value or
says which key can't be carried; ``encode()`` and ``decode()`` are exact
inverses on what ``plain()`` returns. The encoded form is JSON (RFC 8259, with
Python's NaN and Infinity, and with lone surrogates as UTF-8 would have them);
bytes, for which JSON has no form, are written as an object with one marked
key. Decoding builds plain values only.
"""

import base64
import binascii
import json

from .exceptions import InvalidMessage

# Opens the keys this module adds. A message's own keys that open with it are
# written with one more, so that no message can be mistaken for a mark.
MARK = "\0"
BYTES = MARK + "b"

# How many dicts and lists may be in each other, the message itself included:
# few enough for the stack of whoever sends or receives it.
MAX_DEPTH = 100

# The least number with more digits than Python reads by default.
INT_LIMIT = 10**4300


def plain(value, key="", depth=1):
    """
    Return a copy of ``value`` made of plain values only.

    Subclasses of str, int, float and bytes (SafeString, IntEnum, …) become
    their plain base. Raise InvalidMessage, naming ``key`` and what is below
    it, for anything else, for an int of more than 4300 digits, and for what
    is nested more than MAX_DEPTH deep; ``depth`` is that of ``value``.
    """
    kind = type(value)
    if kind in _scalars:
        return value if kind is not int else _plain_int(value, key)
    if isinstance(value, (dict, list)):
        if depth > MAX_DEPTH:
            raise InvalidMessage(
                f"The message's key {key!r} is nested too deeply. A message may be "
                f"{MAX_DEPTH} deep: send what is deeper as a text or bytes of your own."
            )
        if isinstance(value, dict):
            return {
                _plain_key(k, key): plain(v, _below(key, k), depth + 1)
                for k, v in value.items()
            }
        return [plain(v, _below(key, i), depth + 1) for i, v in enumerate(value)]
    # A SimpleLazyObject is an instance of what's in it, but its type is no subclass.
    for base in (str, bytes, float):
        if issubclass(kind, base):
            return base.__new__(base, value) if base is not str else str.__str__(value)
    if issubclass(kind, int):
        return _plain_int(int.__new__(int, value), key)
    raise InvalidMessage(
        f"The message's key {key!r} holds a value of type "
        f"{kind.__module__}.{kind.__qualname__}, which can't be sent. Use None, "
        f"bool, int, float, str, bytes, list or dict."
    )


def encode(content):
    """Return the plain dict ``content`` as bytes."""
    text = _encode(_mark(content))
    # Escapes couldn't tell a surrogate pair from the character it stands for.
    return text.encode("utf-8", "surrogatepass")


def decode(data):
    """
    Return the dict that encode() was given. Raise ValueError for bytes that
    encode() can't have made.
    """
    try:
        content = _decode(str(data, "utf-8", "surrogatepass"))
    except RecursionError as error:
        raise ValueError("An encoded message is nested less deeply.") from error
    if not isinstance(content, dict):
        raise ValueError("An encoded message is a JSON object.")
    return content


def is_larger(content, size):
    """
    Tell whether encode() makes more than ``size`` bytes of the plain dict. It's
    only asked where the dict's parts leave that open.
    """
    return _at_most(content) > size and len(encode(content)) > size


_scalars = frozenset({type(None), bool, int, float, str, bytes})


def _at_most(value):
    """Return a number of bytes that the value doesn't exceed when encoded."""
    kind = type(value)
    if kind is str:
        # A control byte takes six.
        return 6 * len(value) + 2
    if kind is bytes:
        return 2 * len(value) + 32
    if kind is dict:
        return 2 + sum([6 * len(k) + 10 + _at_most(v) for k, v in value.items()])
    if kind is list:
        return 2 + sum([1 + _at_most(item) for item in value])
    return 32 if kind is not int else 4 + value.bit_length() // 3


def _below(key, part):
    return f"{key}.{part}" if key else f"{part}"


def _plain_int(value, key):
    if -INT_LIMIT < value < INT_LIMIT:
        return value
    raise InvalidMessage(
        f"The message's key {key!r} holds an int of more than 4300 digits. Send it "
        f"as bytes."
    )


def _plain_key(name, key):
    if issubclass(type(name), str):
        return str.__str__(name)
    raise InvalidMessage(
        f"The message's key {_below(key, name)!r} is a {type(name).__name__}; the "
        f"keys of a message and of the dicts in it must be str."
    )


def _mark(value):
    # Most values are texts: a call for each would be most of the time.
    if isinstance(value, bytes):
        return {BYTES: base64.b64encode(value).decode("ascii")}
    if isinstance(value, dict):
        return {
            (MARK + k if k.startswith(MARK) else k): v if type(v) is str else _mark(v)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [item if type(item) is str else _mark(item) for item in value]
    return value


def _unmark(pairs):
    if len(pairs) == 1 and pairs[0][0] == BYTES:
        try:
            return base64.b64decode(pairs[0][1], validate=True)
        except (TypeError, binascii.Error) as error:
            raise ValueError("An encoded message holds broken bytes.") from error
    return {(k[1:] if k.startswith(MARK) else k): v for k, v in pairs}


# Made once: making one takes as long as a small message does.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decode = json.JSONDecoder(object_pairs_hook=_unmark).decode
