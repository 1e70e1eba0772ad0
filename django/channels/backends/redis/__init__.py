"""
Channels on a Redis or Valkey server.

``backend`` says what is stored where, and is made of ``queues``, ``durable`` and
``groups``: a channel's messages at most once, at least once, and what reaches
processes and their sockets. ``connection`` makes the clients. ``wire``, or
``cluster_wire``, is the way of what is called often, a command or a ``script``,
and ``packing`` makes it bytes. ``receiver``, ``shards`` and ``inbox`` wait for what
comes, and by ``waiting`` for a server that is away; ``places`` are the receiver's,
for answers that may be lost, and ``subscription`` is the inbox's, for what is
published. The scripts that the server runs are in the ``.lua`` files.
Nothing imports the package redis before a backend is used, or checked that has
options for it.
"""

from .backend import RedisChannelBackend

__all__ = ["RedisChannelBackend"]
