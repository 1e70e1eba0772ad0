"""
Names of channels and groups: what is allowed, the names Django itself uses,
and the names of channels 0.1 that are still understood.
"""

import re
import secrets

from .exceptions import InvalidChannelName

HTTP_REQUEST = "http.request"
WEBSOCKET_CONNECT = "websocket.connect"
WEBSOCKET_RECEIVE = "websocket.receive"
WEBSOCKET_DISCONNECT = "websocket.disconnect"

# Messages whose content is made by Django, not by a project's own send().
PROTOCOL_CHANNELS = frozenset(
    {HTTP_REQUEST, WEBSOCKET_CONNECT, WEBSOCKET_RECEIVE, WEBSOCKET_DISCONNECT}
)

# The names of channels 0.1 (2015).
ALIASES = {
    "django.wsgi.request": HTTP_REQUEST,
    "django.websocket.connect": WEBSOCKET_CONNECT,
    "django.websocket.receive": WEBSOCKET_RECEIVE,
    "django.websocket.disconnect": WEBSOCKET_DISCONNECT,
}

# Parts a reply channel's name: what is before it says whose it is, what is
# after it is one request or one socket.
REPLY_MARK = "!"

_name_re = re.compile(r"[A-Za-z0-9._-]{1,100}(![A-Za-z0-9._-]{1,100})?")


def validate(name, kind="channel"):
    """
    Return ``name`` if it can name a channel (or, with ``kind="group"``, a
    group): 1 to 100 ASCII letters, digits, ".", "_" and "-", and for a reply
    channel a "!" and 1 to 100 more of them. Raise InvalidChannelName if not.
    """
    # By its type: the expression doesn't take a SimpleLazyObject.
    if issubclass(type(name), str) and _name_re.fullmatch(name):
        if kind == "channel" or REPLY_MARK not in name:
            # Of an enumeration's member, which may be written as another text.
            return name if type(name) is str else str.__str__(name)
    raise InvalidChannelName(
        f"{_shortened(name)} is not a valid {kind} name: use 1 to 100 ASCII letters, "
        f"digits, dots, underscores or hyphens."
    )


def _shortened(name):
    # The name may be all that a client has sent, and the text of an error is logged.
    text = repr(name)
    return text if len(text) <= 200 else f"{text[:200]}…"


def canonical(name):
    """
    Return the validated name, that of channels 0.1 made today's. Names that
    were kept elsewhere may come back as bytes, as Redis clients return them.
    """
    if isinstance(name, bytes) and name.isascii():
        name = name.decode("ascii")
    return validate(ALIASES.get(name, name) if isinstance(name, str) else name)


def new_name(prefix):
    """
    Return a name that starts with ``prefix``, of at most 75 characters, and
    was never given before.
    """
    if len(validate(prefix)) > 75:
        raise InvalidChannelName(f"{prefix!r} is too long for a prefix: 75 at most.")
    return validate(f"{prefix}.{secrets.token_hex(12)}")


def reply_name(kind, process=""):
    """
    Return a fresh name for the channel that leads back to one request
    (``kind="http"``) or one socket (``kind="websocket"``) of the process with
    this id, if several share the channels.
    """
    owner = f"{kind}.reply.{process}" if process else f"{kind}.reply"
    return f"{owner}{REPLY_MARK}{secrets.token_hex(12)}"


def new_process():
    """Return a fresh id for a process: 24 letters and digits."""
    return secrets.token_hex(12)


def process_of(name):
    """Return the process id in a reply channel's name, or "" for none."""
    head, mark, _ = name.partition(REPLY_MARK)
    return head.rpartition(".reply.")[2] if mark and ".reply." in head else ""


def is_reply(name):
    """Tell whether the name is one that reply_name() made."""
    return REPLY_MARK in name
