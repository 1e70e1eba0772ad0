"""
Requests that are answered in another process: what both ends agree on.

The *edge*, where the request came in, sends it as one message on
``http.request``, and a worker sends the response as one message to the reply
channel. More is said only where that isn't enough.

To the request's reply channel, by the worker:

``{"worker": NAME}``
    The request is in progress; NAME is the process's control channel. It's
    said of a request that has taken a second, and in what follows.
``{"worker": NAME, "more_body": N}``
    N more parts of the body are wanted.
``{"status", "headers", "content", "more_content": True, "worker": NAME}``
    The response begins; its body follows in messages with ``content`` and
    ``more_content``. With ``"whole": True`` it's one that the view made whole,
    and only too large for one message.
``{"lost": True}``
    The response could not be sent: the backend was out of reach.

To the control channel, by the edge; ``request`` is the reply channel's name:

``{"request", "body", "more_body"}``
    A part of the body, and whether there are more.
``{"request", "read": COST}``
    Parts of the response that cost so much have been passed on.
``{"request", "gone": True}``
    Nobody waits for the response any more. Where the edge doesn't know the
    worker, it goes to all of them, as the group WORKERS.
"""

# The group of the control channels of workers that answer requests. A process
# is a member of it only as long as it lives.
WORKERS = "django.http.workers"

# The size in bytes of the parts of a body, either way, as far as the backend
# carries them.
PART = 256 * 1024

# How many parts of a request's body may be on their way.
BODY_PARTS = 4

# How much of a response may be on its way, in what its parts cost; and how
# much the edge has passed on before it says so.
WINDOW = 1024 * 1024
READ = WINDOW // 4

# What a part costs in bytes beyond its own, so that many small ones count.
OVERHEAD = 4096


def part_size(backend):
    """Return how many bytes of a body go into one message of the backend."""
    # Bytes grow by a third when they're encoded, and headers need room.
    return min(PART, int(backend.max_message_bytes) // 2)


def cost(data):
    return len(data) + OVERHEAD
