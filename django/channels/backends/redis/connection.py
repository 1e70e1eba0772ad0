"""Clients of the server that LOCATION and OPTIONS name."""

from importlib.resources import files
from urllib.parse import urlsplit

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
        self.urls = [location] if isinstance(location, str) else list(location)
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
        if not self.urls:
            raise ValueError("LOCATION must have at least one URL.")
        if cluster and sentinel:
            raise ValueError("OPTIONS can have CLUSTER or SENTINEL, not both.")
        if len(self.urls) > 1 and not (cluster or sentinel):
            raise ValueError(
                "LOCATION has several URLs: set OPTIONS['CLUSTER'] to True, or "
                "OPTIONS['SENTINEL'] to the name of the service."
            )

    def client(self, waiting=0):
        """
        Return a new client, with a pool of its own, whose commands may block
        for ``waiting`` seconds.
        """
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        options = {
            "protocol": 2,
            "socket_connect_timeout": self.timeout,
            "socket_timeout": self.timeout + waiting,
            "health_check_interval": 0,
            **self.client_options,
            # Nothing is sent twice: what wasn't answered may have been done.
            "retry": Retry(NoBackoff(), 0),
        }
        if self.cluster:
            return self._cluster_client(options)
        if self.sentinel:
            return self._sentinel_client(options)
        options.setdefault("max_connections", 2**31)
        return Redis.from_url(self.urls[0], **options)

    def _cluster_client(self, options):
        from redis.cluster import ClusterNode, RedisCluster
        from redis.connection import parse_url

        nodes = []
        for url in self.urls:
            found = parse_url(url)
            found.pop("db", None)
            nodes.append(
                ClusterNode(found.pop("host", "localhost"), found.pop("port", PORT))
            )
            options = {**found, **options}
        if urlsplit(self.urls[0]).scheme == "rediss":
            options.pop("connection_class", None)
            options["ssl"] = True
        return RedisCluster(startup_nodes=nodes, **options)

    def _sentinel_client(self, options):
        from redis.connection import parse_url
        from redis.sentinel import Sentinel

        hosts, of_sentinels = [], {}
        for url in self.urls:
            found = parse_url(url)
            hosts.append(
                (found.pop("host", "localhost"), found.pop("port", SENTINEL_PORT))
            )
            found.pop("db", None)
            if found.pop("connection_class", None) is not None:
                found["ssl"] = options["ssl"] = True
            of_sentinels.update(found)
        of_sentinels["socket_connect_timeout"] = self.timeout
        of_sentinels["socket_timeout"] = self.timeout
        sentinel = Sentinel(hosts, sentinel_kwargs=of_sentinels)
        return sentinel.master_for(self.sentinel, **options)


class Connection:
    """
    What one process has open to the server: a client for commands that don't
    block, and the scripts.
    """

    def __init__(self, server):
        self.client = server.client()
        self.push = self._script("push")
        self.take = self._script("take")
        self.post = self._script("post")
        self.join = self._script("join")

    def close(self):
        self.client.close()

    def _script(self, name):
        text = files(__package__).joinpath(f"{name}.lua").read_bytes()
        return self.client.register_script(text)
