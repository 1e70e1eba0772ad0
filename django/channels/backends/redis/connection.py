"""Clients of the server that LOCATION and OPTIONS name."""

from importlib.resources import files
from urllib.parse import urlsplit

from .script import Script

SCHEMES = ("redis", "rediss", "unix")

PORT = 6379
SENTINEL_PORT = 26379


class Server:
    """
    The server, or servers, of a backend. Raise ValueError for a location or
    options that name none.

    ``location`` is a URL or a list of URLs. ``cluster`` says whether they are
    nodes of a Cluster; ``sentinel`` names the service whose Sentinels they
    are. ``timeout`` is how many seconds connecting and an answer may take, and
    ``client_options`` are further arguments for redis-py.
    """

    def __init__(self, location, cluster, sentinel, timeout, client_options):
        self.urls = location if isinstance(location, (list, tuple)) else [location]
        self.cluster = cluster
        self.sentinel = sentinel
        self.timeout = timeout
        self.client_options = client_options
        for url in self.urls:
            if not isinstance(url, str) or urlsplit(url).scheme not in SCHEMES:
                # Without the value, which may hold a password.
                raise ValueError(
                    "LOCATION must be a URL that begins with redis://, rediss:// or "
                    "unix://, or a list of them."
                )
            try:
                urlsplit(url).port
            except ValueError:
                raise ValueError(
                    "LOCATION has a port that is none. Is a '#', '/' or '?' in the "
                    "password written as '%23', '%2F' or '%3F'?"
                ) from None
        if not self.urls:
            raise ValueError("LOCATION must have at least one URL.")
        if not isinstance(client_options, dict):
            raise ValueError("OPTIONS['CLIENT_OPTIONS'] must be a dict.")
        if cluster and sentinel:
            raise ValueError("OPTIONS can have CLUSTER or SENTINEL, not both.")
        if len(self.urls) > 1 and not (cluster or sentinel):
            raise ValueError(
                "LOCATION has several URLs: set OPTIONS['CLUSTER'] to True, or "
                "OPTIONS['SENTINEL'] to the name of the service."
            )

    @property
    def has_options(self):
        """Whether there is anything for check_options()."""
        return bool(self.client_options) or any(urlsplit(u).query for u in self.urls)

    def check_options(self):
        """Raise what redis-py says of the URLs' and other options; connect to none."""
        from redis.connection import parse_url

        for url in self.urls:
            parse_url(url)
        if not self.cluster:
            self._single_client(self._options()).connection_pool.make_connection()

    def client(self):
        """Return a new client, with a pool of its own, for the whole of it."""
        options = self._options()
        if self.cluster:
            from redis.cluster import ClusterNode, RedisCluster

            nodes = [ClusterNode(*self._address(url)) for url in self.urls]
            return RedisCluster(startup_nodes=nodes, **options)
        return self._single_client(options)

    def waiting_wire(self, client, key, seconds):
        """
        Return a new Wire for commands that block for so many seconds with this
        key. In a Cluster ``client`` knows where that is at present.
        """
        from .wire import Wire

        return Wire(self._node_client(client, key, seconds))

    def subscription(self, client, key):
        """Return a new Subscription to what is published there as ``key``."""
        from .subscription import Subscription

        # It reads no other protocol.
        return Subscription(self._node_client(client, key, protocol=2), key)

    def _node_client(self, client, key, seconds=0, **options):
        options = {**self._options(seconds), **options}
        if self.cluster:
            from redis import Redis
            from redis.cluster import cleanup_kwargs

            node = client.get_node_from_key(key)
            # Some are for the client of the whole alone.
            of_node = {**cleanup_kwargs(**options), "retry": options["retry"]}
            return Redis(host=node.host, port=node.port, **of_node)
        return self._single_client(options)

    def _single_client(self, options):
        if self.sentinel:
            return self._sentinel_client(options)
        from redis import ConnectionPool, Redis

        return Redis.from_pool(ConnectionPool(**options))

    def _options(self, seconds=0):
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        return {
            "protocol": 2,
            "socket_connect_timeout": self.timeout,
            "max_connections": 2**31,
            **self.client_options,
            **self._of_url(),
            # What a URL says, too, doesn't change these.
            "decode_responses": False,
            "socket_timeout": self.timeout + seconds,
            # Nothing is sent twice: what wasn't answered may have been done.
            "retry": Retry(NoBackoff(), 0),
        }

    def _address(self, url, port=PORT):
        parts = urlsplit(url)
        return parts.hostname or "localhost", parts.port or port

    def _of_url(self):
        """Return what the URLs say of the connections to the server itself."""
        from redis.connection import parse_url

        if self.sentinel:
            return {}
        return self._of_nodes() if self.cluster else parse_url(self.urls[0])

    def _of_nodes(self):
        """Return what the URL of one of several says of all of them."""
        from redis.connection import parse_url

        found = parse_url(self.urls[0])
        for name in ("host", "port", "db"):
            found.pop(name, None)
        if found.pop("connection_class", None) is not None:
            found["ssl"] = True
        return found

    def _sentinel_client(self, options):
        from redis.sentinel import Sentinel

        hosts = [self._address(url, SENTINEL_PORT) for url in self.urls]
        of_sentinels = self._of_nodes()
        if "ssl" in of_sentinels:
            options["ssl"] = True
        of_sentinels["socket_connect_timeout"] = self.timeout
        of_sentinels["socket_timeout"] = self.timeout
        sentinel = Sentinel(hosts, sentinel_kwargs=of_sentinels)
        return sentinel.master_for(self.sentinel, **options)


class Connection:
    """
    What one process has open to the server, for what doesn't block: a client,
    a wire for what is called often, and the scripts.
    """

    def __init__(self, server):
        from .cluster_wire import ClusterWire
        from .wire import Wire

        self._cluster = server.cluster
        self.client = server.client()
        # Apart, so that each has the connections that it may have.
        self.wire = (ClusterWire if server.cluster else Wire)(server.client())
        self.push = self._script("push")
        self.take = self._script("jobs", "take")
        self.add = self._script("jobs", "add")
        self.renew = self._script("jobs", "renew")
        self.settle = self._script("jobs", "settle")
        self.dead = self._script("jobs", "dead")
        self.post = self._script("inbox", "post")
        self.spread = self._script("inbox", "spread")
        self.wake = self._script("inbox", "wake")
        self.lease = self._script("lease")
        self.resume = self._script("resume")
        self.read = self._script("read")
        self.join = self._script("join")

    def close(self):
        self.client.close()
        self.wire.close()

    def close_idle(self):
        """Have the next commands connect to where the server is by then."""
        # A client of a Cluster finds out by itself.
        if not self._cluster:
            self.client.connection_pool.disconnect(inuse_connections=False)
            self.wire.close_idle()

    def _script(self, *names):
        folder = files(__package__)
        text = b"".join(folder.joinpath(f"{name}.lua").read_bytes() for name in names)
        return Script(self.wire, text)
