from unittest import mock

from channels_tests.backends.redis_case import RedisTestCase

from django.channels.backends.redis.connection import Connection
from django.test import SimpleTestCase

from .machine import ModelTests


class RedisModelTests(ModelTests, RedisTestCase, SimpleTestCase):
    """Scripts are told another time than the server's clock has."""

    # A minute: how long the calls take doesn't matter then.
    unit = 60

    def setUp(self):
        make = Connection._script

        def script(connection, *names):
            made = make(connection, *names)
            moved = b"(redis.call('GET', 'passed') or 0)"
            text = made.text.replace(b"time[1]", b"(time[1] + %b)" % moved)
            return type(made)(made.wire, text)

        patcher = mock.patch.object(Connection, "_script", script)
        patcher.start()
        self.addCleanup(patcher.stop)
        super().setUp()

    def let_pass(self, seconds):
        self.server.command("INCRBY", "passed", seconds)
