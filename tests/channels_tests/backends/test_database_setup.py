"""What a project has to do for the database backend, and what it then has."""

import contextlib
import subprocess
import sys
from io import StringIO
from unittest import mock

from asgiref.sync import sync_to_async

from django.apps import apps
from django.channels import Channel, Group, channel_backends
from django.channels.backends.database import DatabaseChannelBackend
from django.channels.checks import check_channel_backends
from django.channels.exceptions import InvalidChannelBackend
from django.channels.testing import isolation
from django.core.management import call_command
from django.db import connection, transaction
from django.test import (
    SimpleTestCase,
    TestCase,
    modify_settings,
    override_settings,
)

from ..running import environment
from .database_suite import Rollback
from .databases import ALIAS, APP, DatabaseTestCase

BACKENDS = {
    "default": {
        "BACKEND": "django.channels.backends.database.DatabaseChannelBackend",
    }
}

with_app = modify_settings(INSTALLED_APPS={"append": APP})


@contextlib.contextmanager
def configured():
    """Let channel_backends be those of the settings, rather than stand-ins."""
    isolation.begin(configured="__all__")
    try:
        yield
    finally:
        isolation.end()


class ConfigurationTests(SimpleTestCase):
    def assertInvalid(self, text, **params):
        with self.assertRaisesMessage(
            InvalidChannelBackend, f"CHANNEL_BACKENDS['default']: {text}"
        ):
            DatabaseChannelBackend("default", params)

    def test_app_is_not_installed(self):
        self.assertInvalid(f"add '{APP}' to INSTALLED_APPS.")

    @with_app
    def test_unknown_alias(self):
        self.assertInvalid(
            "LOCATION must be an alias of DATABASES, not 'nowhere'.",
            LOCATION="nowhere",
        )

    @with_app
    def test_database_that_is_not_supported(self):
        with mock.patch.object(connection, "vendor", "oracle"):
            self.assertInvalid("channels can't be in a database of oracle.")

    @with_app
    def test_no_autocommit(self):
        """Nobody would commit what the backend's threads write."""
        with mock.patch.dict(connection.settings_dict, AUTOCOMMIT=False):
            self.assertInvalid("the database 'default' has AUTOCOMMIT = False")

    @with_app
    def test_sqlite_that_is_too_old(self):
        from django.channels.backends.database import sqlite

        if connection.vendor != "sqlite":
            return
        with mock.patch.object(sqlite, "OLDEST", (99, 1)):
            self.assertInvalid("SQLite 99.1 or later is needed, not 3.")

    @with_app
    def test_options(self):
        self.assertInvalid(
            "OPTIONS['POLL_SECONDS'] must be a positive number, not 0.",
            OPTIONS={"POLL_SECONDS": 0},
        )

    @override_settings(CHANNEL_BACKENDS=BACKENDS)
    def test_check(self):
        with configured():
            self.assertEqual(
                [e.id for e in check_channel_backends()], ["channels.E002"]
            )
            with with_app:
                self.assertEqual(check_channel_backends(), [])

    @with_app
    def test_migrations_are_complete(self):
        output = StringIO()
        with mock.patch(
            "django.db.migrations.loader.MigrationLoader.check_consistent_history"
        ):
            call_command("makemigrations", "django_channels", check=True, stdout=output)
        self.assertIn("No changes detected", output.getvalue())

    def test_models_are_not_imported(self):
        """Settings may name the backend before the apps are ready."""
        code = (
            "import sys, django.channels.backends.database\n"
            "sys.exit('django.db.models' in sys.modules)"
        )
        status = subprocess.call(
            [sys.executable, "-c", code], env=environment(*sys.path)
        )
        self.assertEqual(status, 0)


class NotMigratedTests(DatabaseTestCase):
    migrated = False

    msg = (
        "the tables aren't in the database 'channels'. Run manage.py migrate "
        "--database=channels."
    )

    def make(self):
        backend = DatabaseChannelBackend("default", {"LOCATION": ALIAS})
        self.addCleanup(backend.close)
        return backend

    def test_send(self):
        with self.assertRaisesMessage(InvalidChannelBackend, self.msg):
            self.make().group_add("g", "a")

    async def test_listen(self):
        """On an event loop, too, where no tables can be looked for."""
        backend = self.make()
        with self.assertRaisesMessage(InvalidChannelBackend, self.msg):
            backend.listen(backend.reply_name("http"), None)

    def test_receive(self):
        """It says so, and begins when they are there."""
        receiver = self.make().receiver(["a"])
        self.addCleanup(receiver.close)
        with self.assertLogs("django.channels", "WARNING") as logs:
            self.assertIsNone(receiver.receive(0))
        self.assertIn(self.msg, logs.output[0])


@with_app
@override_settings(CHANNEL_BACKENDS=BACKENDS)
class OwnTransactionTests(TestCase):
    """
    In a project's tests: what is sent is received in the test's transaction,
    and is gone with it.
    """

    configured_channel_backends = "__all__"

    @classmethod
    def setUpClass(cls):
        with with_app, connection.schema_editor() as editor:
            models = list(apps.get_app_config("django_channels").get_models())
            for model in models:
                editor.create_model(model)
        cls.addClassCleanup(cls.drop, models)
        super().setUpClass()

    @staticmethod
    def drop(models):
        with connection.schema_editor() as editor:
            for model in models:
                editor.delete_model(model)

    def receive(self):
        receiver = channel_backends["default"].receiver(["a"])
        self.addCleanup(receiver.close)
        message = receiver.receive(timeout=0)
        return message and message.content

    def test_backend(self):
        self.assertIsInstance(channel_backends["default"], DatabaseChannelBackend)

    def test_send(self):
        """Twice, since a test leaves nothing to the next one."""
        for _ in range(2):
            with self.subTest(), contextlib.suppress(Rollback), transaction.atomic():
                self.assertIsNone(self.receive())
                Channel("a").send(n=1)
                self.assertEqual(self.receive(), {"n": 1})
                Channel("a").send(n=2)
                raise Rollback

    def test_group(self):
        Group("g").add("a")
        Group("g").send(n=1)
        self.assertEqual(self.receive(), {"n": 1})

    async def test_async(self):
        """As the ORM's calls, in the thread that has the transaction."""
        await Channel("a").asend(n=1)
        await Group("g").aadd("a")
        await Group("g").asend(n=2)
        receive = sync_to_async(self.receive)
        self.assertEqual([await receive(), await receive()], [{"n": 1}, {"n": 2}])

    def test_on_commit_callbacks(self):
        """The project's own are all that its tests see."""
        with self.captureOnCommitCallbacks() as callbacks:
            Channel("a").send(n=1)
        self.assertEqual(callbacks, [])
