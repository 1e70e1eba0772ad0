"""How much and how long a client may take."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """
    Sizes in bytes, times in seconds. The sizes of a request's head are those
    of common front-end servers; the times are as long as a slow mobile
    connection needs.
    """

    # A request.
    target: int = 16 * 1024
    head: int = 64 * 1024
    headers: int = 200
    body: int = 4 * 1024**3
    # Requests that wait on one connection before it's read no further.
    pipelined: int = 8

    # From a request's first byte to its head's end; between two pieces of its
    # body; without a request on an open connection; between two moments in
    # which the client took all that was written; to read a refusal's last
    # words.
    head_time: float = 20.0
    body_time: float = 60.0
    idle_time: float = 60.0
    write_time: float = 60.0
    linger_time: float = 2.0

    # A WebSocket: one message; frames that wait for their consumers, and the
    # bytes in them, before the socket is read no further; messages that wait
    # for a slow reader; until the connect consumer has decided; until workers
    # in other processes have reported a message done.
    message: int = 1024 * 1024
    frames_waiting: int = 16
    bytes_waiting: int = 1024 * 1024
    messages_waiting: int = 100
    handshake_time: float = 10.0
    message_time: float = 300.0
    ping_interval: float = 30.0
    close_time: float = 5.0
