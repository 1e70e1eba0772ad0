from django.channels.backends.redis import RedisChannelBackend
from django.channels.testing.backend_suite import SharedChannelBackendTests
from django.test import SimpleTestCase

from ..running import enter_for_class
from .redis_servers import Cluster, Node, redis_executable, valkey_executable


class RedisSuite(SharedChannelBackendTests):
    """The behaviour of every backend, on the server that start() starts."""

    options = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = enter_for_class(cls, cls.start())

    def setUp(self):
        self.server.flush()
        super().setUp()

    @property
    def location(self):
        return self.server.url

    def make_backend(self, **params):
        options = {**self.options, **params.pop("OPTIONS", {})}
        params = {"LOCATION": self.location, "OPTIONS": options, **params}
        return RedisChannelBackend("default", params)

    def let_die(self, backend):
        backend._inbox.stop()


class RedisBackendTests(RedisSuite, SimpleTestCase):
    @classmethod
    def start(cls):
        return Node(redis_executable())


class ValkeyBackendTests(RedisSuite, SimpleTestCase):
    """With shards, a prefix and encryption, over a Unix socket."""

    options = {
        "ENCRYPTION_KEYS": ["mG9tqJ1bqUOQDSbJv5hRWB0Xg6HvNLgJ9RJDnXbCtlk="],
        "PREFIX": "a[b]*?",
        "SHARDS": 3,
    }

    @classmethod
    def start(cls):
        return Node(valkey_executable())

    @property
    def location(self):
        return self.server.unix_url


class ClusterBackendTests(RedisSuite, SimpleTestCase):
    options = {"CLUSTER": True, "SHARDS": 2}

    @classmethod
    def start(cls):
        return Cluster(redis_executable())

    @property
    def location(self):
        return self.server.urls
