"""The backend: its options, its server, and what it stores there."""

import logging
import re
import threading
from importlib.util import find_spec

from django.channels.exceptions import BackendUnavailable
from django.core import checks

from ..shared import SharedChannelBackend
from .connection import Connection, Server
from .durable import RedisDurable
from .groups import RedisGroups
from .queues import RedisQueues
from .waiting import SLICE

logger = logging.getLogger("django.channels")

DEFAULT_PREFIX = "django.channels"
DEFAULT_TIMEOUT = 5


class RedisChannelBackend(RedisQueues, RedisDurable, RedisGroups, SharedChannelBackend):
    """
    Channels on a Redis or Valkey server. See SharedChannelBackend.

    The keys, below OPTIONS["PREFIX"] ("P") and in braces where Cluster must
    keep several in one slot:

    ``{P:0}:queue:NAME``
        A channel's messages: a list of entries as push.lua describes them. The
        number is that of the channel's shard (see OPTIONS["SHARDS"]).
    ``{P:0}:jobs:…``
        Durable and delayed messages: see RedisDurable and jobs.lua.
    ``{P:0}:signals:NAME``
        What receivers block on: a list with an item, if there may be entries.
    ``{P:0}:wake:ID``
        A list that wakes the threads of a receiver which is closed.
    ``{P:0}:answer:ID``
        The last answer to a thread that receives: see take.lua.
    ``{P:PROCESS}:inbox``, ``{P:PROCESS}:lease``
        The items for a process, a list, and a channel on which they're
        published; a hash: how long its lease is, in ms, and the last item's
        number. See inbox.lua.
    ``P:group:NAME``
        A group's members, a hash of their tokens.
    ``P:result:ID``
        What store_result() keeps.

    Each of them, save a group with ordinary channels in it and what is durable
    or delayed, ends by itself when nobody uses it.
    """

    option_names = SharedChannelBackend.option_names | {
        "CLIENT_OPTIONS",
        "CLUSTER",
        "PREFIX",
        "SENTINEL",
        "SHARDS",
        "TIMEOUT",
    }
    store_name = "Redis server"

    def __init__(self, alias, params):
        super().__init__(alias, params)
        if find_spec("redis") is None:
            raise self._invalid(
                "the package redis isn't installed: pip install 'Django[redis]'."
            )
        self.prefix = self.options.get("PREFIX", DEFAULT_PREFIX)
        if not isinstance(self.prefix, str) or set(self.prefix) & set("{}"):
            raise self._invalid("OPTIONS['PREFIX'] must be a str without braces.")
        self.shards = self.options.get("SHARDS", 1)
        if type(self.shards) is not int or self.shards < 1:
            raise self._invalid("OPTIONS['SHARDS'] must be an int of at least 1.")
        try:
            self.server = Server(
                "redis://localhost:6379" if self.location == "" else self.location,
                cluster=self.options.get("CLUSTER", False),
                sentinel=self.options.get("SENTINEL"),
                timeout=self._option("TIMEOUT", DEFAULT_TIMEOUT),
                client_options=self.options.get("CLIENT_OPTIONS", {}),
            )
        except ValueError as error:
            raise self._invalid(str(error)) from error

    def _begin(self):
        super()._begin()
        self._connection = None
        self._connecting = threading.Lock()
        self._inbox = None

    @property
    def connection(self):
        """The Connection of this process, made at its first use."""
        connection = self._connection
        if connection is None:
            with self._connecting:
                if self._connection is None:
                    self._connection = self.call(Connection, self.server)
                connection = self._connection
        return connection

    def call(self, function, *args, **kwargs):
        """Call what talks to the server; raise BackendUnavailable."""
        try:
            return function(*args, **kwargs)
        except Exception as error:
            from .wire import FAILURES

            if isinstance(error, FAILURES):
                raise self._away(error) from error
            raise

    def _away(self, error):
        """Return the BackendUnavailable for an error of redis-py's."""
        from redis.exceptions import ReadOnlyError, RedisError

        from .wire import is_refusal

        connection = self._connection
        if connection is not None and isinstance(error, ReadOnlyError):
            # A replica by now: the address may be another server's.
            connection.close_idle()
        # A server repeats what it was sent after these words, and a log shows the
        # cause as well.
        text, words, _ = str(error).partition("with args beginning")
        if words:
            error.args = (text,)
        # redis-py has one class for a connection that couldn't be made and for
        # one that was lost in the middle; in doubt it's the latter. When a node of
        # a Cluster is lost, it connects to the others before it raises something.
        never_connected = isinstance(error, RedisError) and " connecting to " in text
        unsent = never_connected or is_refusal(error)
        return self._unavailable(f"{type(error).__name__}: {text}", unsent)

    def settle_up(self):
        connection = self._connection
        if connection is not None:
            connection.wire.settle_up()

    def waiting_wire(self, key):
        """Return a new Wire for commands that block for a SLICE."""
        # Scripts with such keys were called on this one: it has been told of it
        # if another server has them now.
        return self.server.waiting_wire(self.connection.wire.client, key, SLICE)

    def subscription(self, key):
        """Return a new Subscription to what is published as ``key``."""
        return self.call(self.server.subscription, self.connection.client, key)

    def check(self, **kwargs):
        found = super().check(**kwargs)
        if not self.server.has_options:
            # So redis isn't imported for it.
            return found
        from redis.exceptions import RedisError

        try:
            self.server.check_options()
        except (TypeError, ValueError, RedisError) as error:
            found.append(
                checks.Error(
                    f"{self}: redis-py doesn't take what is in LOCATION, after the "
                    f"'?', or in OPTIONS['CLIENT_OPTIONS']: {error}",
                    id="channels.E002",
                )
            )
        return found

    def check_server(self):
        try:
            found = self.call(self.connection.client.info, "memory")
        except BackendUnavailable:
            # It's away, or doesn't tell. Receivers say what concerns them.
            return
        policy = found.get("maxmemory_policy", "noeviction")
        if found.get("maxmemory") and policy != "noeviction":
            logger.warning(
                "%s: the server evicts keys when its memory is full (its "
                "maxmemory-policy is %s). Messages, durable ones as well, are lost "
                "then. Set it to noeviction.",
                self,
                policy,
            )

    def _flush(self):
        prefix = re.sub(r"([*?\[\]^\\])", r"\\\1", self.prefix)
        client = self.connection.client
        shard = f"{{{prefix}:*}}"
        for pattern in (
            f"{shard}:queue:*",
            f"{shard}:signals:*",
            f"{shard}:jobs:*",
            f"{prefix}:group:*",
            f"{prefix}:result:*",
        ):
            for key in self.call(list, client.scan_iter(match=pattern, count=1000)):
                self.call(client.delete, key)

    def _close(self):
        with self._connecting:
            connection, self._connection = self._connection, None
        if connection is not None:
            try:
                self.call(connection.close)
            except BackendUnavailable:
                pass
