"""The suite of backends on each kind of server, and the ways to them."""

from unittest import mock

from redis._parsers.commands import CommandsParser

from django.channels.backends.base import LARGEST
from django.channels.backends.redis import RedisChannelBackend
from django.channels.backends.redis.groups import GROUP_KEPT
from django.channels.exceptions import BackendUnavailable
from django.channels.message import Message
from django.channels.testing.backend_suite import SharedChannelBackendTests
from django.test import SimpleTestCase

from .encryption_suite import KEYS
from .redis_case import ClusterTestCase, RedisTestCase
from .redis_servers import (
    EncryptedNode,
    Node,
    Sentinel,
    redis_executable,
    valkey_executable,
)


class RedisBackendTests(RedisTestCase, SharedChannelBackendTests, SimpleTestCase):
    pass


class ValkeyBackendTests(RedisTestCase, SharedChannelBackendTests, SimpleTestCase):
    """With shards, a prefix and encryption, over a Unix socket."""

    options = {
        "ENCRYPTION_KEYS": KEYS[:1],
        "PREFIX": "a[b]*?",
        "SHARDS": 3,
    }

    @classmethod
    def start(cls):
        return Node(valkey_executable())

    @property
    def location(self):
        return self.server.unix_url


class ClusterBackendTests(ClusterTestCase, SharedChannelBackendTests, SimpleTestCase):
    options = {"CLUSTER": True, "SHARDS": 2}
    commands = None

    def setUp(self):
        # Each client begins with what the server's commands are, which takes
        # a while to read: they're asked for once.
        ask = CommandsParser.initialize

        def initialize(parser, client):
            if self.commands is None:
                ask(parser, client)
                type(self).commands = parser.commands
            parser.commands = self.commands

        patcher = mock.patch.object(CommandsParser, "initialize", initialize)
        patcher.start()
        self.addCleanup(patcher.stop)
        super().setUp()


class GroupKeptTests(RedisTestCase, SimpleTestCase):
    def test_longer_than_a_lease(self):
        """A group isn't over before its processes have renewed it."""
        for lease, least in ((10, GROUP_KEPT), (10**6, 2 * 10**6), (LARGEST, LARGEST)):
            backend = self.make(OPTIONS={"LEASE": lease})
            name, _ = self.listen(backend)
            backend.group_add(f"g{lease}", name)
            left = self.server.command("TTL", backend.group_key(f"g{lease}"))
            self.assertGreater(left, least - 60)


class QueryTests(RedisTestCase, SimpleTestCase):
    """What a URL says may be what redis-py has a use for, and others not."""

    query = "?protocol=3&socket_timeout=0.1&decode_responses=1"

    @property
    def location(self):
        return self.server.url + self.query

    def test_send_and_receive(self):
        name, sink = self.listen()
        other = self.make()
        call = self.in_thread(self.open("a").receive)
        # Longer than an answer may take.
        with self.assertNoLogs("django.channels"):
            call.join(0.3)
        self.send("a", other, n=1)
        self.assertEqual(call.result().content, {"n": 1})
        self.send(name, other, n=2)
        self.assertEqual(sink.wait_for(1), [{"n": 2}])


class ClusterQueryTests(ClusterTestCase, QueryTests):
    """The client has an argument that those of its nodes don't know."""

    options = {"CLUSTER": True, "CLIENT_OPTIONS": {"require_full_coverage": True}}

    @property
    def location(self):
        return [url + self.query for url in self.server.urls]


class HealthCheckTests(RedisTestCase, SimpleTestCase):
    """redis-py's own look at a connection takes nobody's answer."""

    options = {"LEASE": 3, "CLIENT_OPTIONS": {"health_check_interval": 0.001}}

    def test_inbox(self):
        name, sink = self.listen()
        with self.assertNoLogs("django.channels", "WARNING"):
            beat = mock.patch.object(self.backend, "_beat", wraps=self.backend._beat)
            with beat as beats:
                self.wait_until(lambda: beats.call_count > 1)
        self.send(name, self.make(), n=1)
        self.assertEqual(sink.wait_for(1), [{"n": 1}])

    def test_replies(self):
        name, sink = self.listen()
        other, answers = self.make(), []
        # The server knows the script then.
        self.send(name, other, n=0)
        for n in (1, 2):
            other.send_soon(Message(name, {"n": n}), answers.append)
            self.let_pass(0.01)
        other.waiting("a")
        other.send_soon(Message(name, {"n": 3}), answers.append)
        self.let_pass(0.01)
        other.settle_up()
        self.assertEqual(answers, [None] * 3)
        self.assertEqual(sink.wait_for(4), [{"n": n} for n in range(4)])


class SentinelTests(RedisTestCase, SimpleTestCase):
    """The server's address is asked of those that watch over it."""

    options = {"SENTINEL": "channels"}

    def setUp(self):
        self.sentinel = self.enter_context(Sentinel(redis_executable(), self.server))
        super().setUp()

    @property
    def location(self):
        return [self.sentinel.url]

    def test_send_and_receive(self):
        receiver = self.open("a")
        call = self.in_thread(receiver.receive)
        name, sink = self.listen()
        self.send("a", n=1)
        self.send(name, self.make(), n=2)
        self.assertEqual(call.result().content, {"n": 1})
        self.assertEqual(sink.wait_for(1), [{"n": 2}])

    def test_unknown_service(self):
        backend = self.make(OPTIONS={"SENTINEL": "other"})
        with self.assertRaisesMessage(BackendUnavailable, "MasterNotFoundError"):
            self.send("a", backend)


class EncryptedConnectionTests(RedisTestCase, SimpleTestCase):
    """TLS and a password, as the URL says."""

    @classmethod
    def start(cls):
        return EncryptedNode(redis_executable())

    @property
    def options(self):
        return {"CLIENT_OPTIONS": {"ssl_ca_certs": self.server.certificate}}

    def test_send_and_receive(self):
        receiver = self.open("a")
        call = self.in_thread(receiver.receive)
        self.send("a", n=1)
        self.assertEqual(call.result().content, {"n": 1})

    def test_wrong_password(self):
        backend = RedisChannelBackend(
            "jobs",
            {
                "LOCATION": self.server.url.replace("word", "less"),
                "OPTIONS": self.options,
            },
        )
        with self.assertRaisesMessage(
            BackendUnavailable, "AuthenticationError"
        ) as caught:
            self.send("a", backend)
        self.assertNotIn("less", str(caught.exception))

    def test_unknown_certificate(self):
        backend = RedisChannelBackend("jobs", {"LOCATION": self.server.url})
        with self.assertRaisesMessage(BackendUnavailable, "certificate"):
            self.send("a", backend)
