"""
The model against a database. It takes minutes, and so isn't among the tests
that are run without being named:
python3 runtests.py channels_tests.properties.shared_backends
"""

from channels_tests.backends.databases import DatabaseTestCase
from channels_tests.backends.test_database import DatabaseBackendTests

from django.channels.testing.backend_suite import BackendTestCase

from .machine import ModelTests

# A unit of time so long that how long the calls take doesn't matter.
MINUTE = 60


class SQLiteModelTests(ModelTests, BackendTestCase, DatabaseTestCase):
    unit = MINUTE
    shared = True
    rows = DatabaseBackendTests.rows
    make_backend = DatabaseBackendTests.make_backend
    let_pass = DatabaseBackendTests.let_pass

    def setUp(self):
        self.made = []
        super().setUp()
