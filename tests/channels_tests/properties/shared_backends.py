"""
The model against backends with a server or a database behind them. It takes
minutes, and so isn't among the tests that are run without being named:
python3 runtests.py channels_tests.properties.shared_backends
"""

from channels_tests.backends.databases import DatabaseTestCase
from channels_tests.backends.redis_case import RedisTestCase
from channels_tests.backends.test_database import DatabaseBackendTests

from django.channels.testing.backend_suite import BackendTestCase
from django.test import SimpleTestCase

from .machine import ModelTests

# A unit of time so long that how long the calls take doesn't matter.
MINUTE = 60


class RedisModelTests(ModelTests, RedisTestCase, SimpleTestCase):
    """The server's clock can't be moved, so that no time passes."""

    unit = MINUTE
    can_pass_time = False


class SQLiteModelTests(ModelTests, BackendTestCase, DatabaseTestCase):
    unit = MINUTE
    shared = True
    rows = DatabaseBackendTests.rows
    make_backend = DatabaseBackendTests.make_backend
    let_pass = DatabaseBackendTests.let_pass

    def setUp(self):
        self.made = []
        super().setUp()
