"""How much and how long a client may take: CHANNEL_SERVER_LIMITS."""

from dataclasses import dataclass, field, fields
from math import inf

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

try:
    import resource
except ImportError:
    # Windows.
    resource = None

# The most connections where the system sets no lower bound.
MOST_CONNECTIONS = 10_000


def connections_by_default():
    """
    Return nine tenths of the descriptors that this process may have open: the
    rest is for files, databases and the clients that are turned away.
    """
    if resource is None:
        return MOST_CONNECTIONS
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return max(1, min(most * 9 // 10, MOST_CONNECTIONS))


@dataclass(frozen=True)
class Limits:
    """
    The keys of CHANNEL_SERVER_LIMITS in lower case, with ``inf`` in the place
    of None. Sizes in bytes, times in seconds; an ``int`` counts. The sizes of
    a request's head are those of common front-end servers; the times are as
    long as a slow mobile connection needs.
    """

    # A request: its line, without the line's end; its line and headers; how
    # many headers; its body.
    request_line_size: int = 16 * 1024
    header_size: int = 64 * 1024
    header_count: int = 200
    body_size: int = 4 * 1024**3
    # Requests that wait on one connection before it's read no further.
    pipelined_requests: int = 8
    # Connections of one process, sockets included.
    connections: int = field(default_factory=connections_by_default)

    # From a request's first byte to its head's end; between two pieces of its
    # body; without a request on an open connection; between two moments in
    # which the client took all that was written.
    header_timeout: float = 20.0
    body_timeout: float = 60.0
    idle_timeout: float = 60.0
    write_timeout: float = 60.0

    # A WebSocket: one message; frames that wait for their consumers, and the
    # bytes in them, before the socket is read no further; control frames and
    # small fragments in a second; messages that wait for a slow reader; until
    # the connect consumer has decided; until workers in other processes have
    # reported a message done.
    message_size: int = 1024 * 1024
    frames_waiting: int = 16
    bytes_waiting: int = 1024 * 1024
    small_frames: int = 1000
    messages_waiting: int = 100
    handshake_timeout: float = 10.0
    message_timeout: float = 300.0
    ping_interval: float = 30.0
    close_timeout: float = 5.0

    # To read what was sent last, and to close. No key of the setting.
    linger_time: float = 2.0

    @classmethod
    def from_settings(cls):
        """Return those of the setting. Raise ImproperlyConfigured."""
        value = settings.CHANNEL_SERVER_LIMITS
        for problem in problems(value):
            raise ImproperlyConfigured(problem)
        return cls(
            **{
                key.lower(): inf if limit is None else limit
                for key, limit in value.items()
            }
        )


KINDS = {each.name.upper(): each.type for each in fields(Limits)[:-1]}

# Those that None switches off.
SWITCHABLE = frozenset(
    {
        "REQUEST_LINE_SIZE",
        "HEADER_SIZE",
        "HEADER_COUNT",
        "BODY_SIZE",
        "CONNECTIONS",
        "HEADER_TIMEOUT",
        "BODY_TIMEOUT",
        "IDLE_TIMEOUT",
        "WRITE_TIMEOUT",
        "SMALL_FRAMES",
        "MESSAGE_TIMEOUT",
        "PING_INTERVAL",
    }
)


def problems(value):
    """Yield what is wrong with a value of the setting, and what is right."""
    if not isinstance(value, dict):
        yield "CHANNEL_SERVER_LIMITS must be a dict."
        return
    for key, limit in value.items():
        place = f"CHANNEL_SERVER_LIMITS[{key!r}]"
        if key not in KINDS:
            yield f"{place}: there is no such limit. The keys are {', '.join(KINDS)}."
        elif not _is_valid(key, limit):
            kind = "a whole number" if KINDS[key] is int else "a number of seconds"
            off = ", or None for no limit" if key in SWITCHABLE else ""
            yield f"{place} is {limit!r}; it must be {kind}, greater than 0{off}."


def _is_valid(key, limit):
    if limit is None:
        return key in SWITCHABLE
    if isinstance(limit, bool):
        return False
    if KINDS[key] is int:
        return isinstance(limit, int) and limit > 0
    return isinstance(limit, (int, float)) and 0 < limit < inf
