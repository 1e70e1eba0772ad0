"""What the tests of the Redis backend have in common."""

from django.channels.backends.redis import RedisChannelBackend
from django.channels.testing.backend_suite import BackendTestCase

from ..running import enter_for_class
from .redis_servers import Cluster, Node, redis_executable


class RedisTestCase(BackendTestCase):
    """Backends on the server that start() starts."""

    shared = True
    options = {}

    @classmethod
    def start(cls):
        return Node(redis_executable())

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = enter_for_class(cls, cls.start())

    def setUp(self):
        self.server.flush()
        super().setUp()

    def enter_context(self, context):
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    @property
    def location(self):
        return self.server.url

    def make_backend(self, **params):
        options = {**self.options, **params.pop("OPTIONS", {})}
        params = {"LOCATION": self.location, "OPTIONS": options, **params}
        return RedisChannelBackend("default", params)

    def let_die(self, backend):
        backend._inbox.stop()


class ClusterTestCase(RedisTestCase):
    """Backends on a Cluster."""

    options = {"CLUSTER": True}

    @classmethod
    def start(cls):
        return Cluster(redis_executable())

    @property
    def location(self):
        return self.server.urls
