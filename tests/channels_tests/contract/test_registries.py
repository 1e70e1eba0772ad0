from types import SimpleNamespace

from django.channels.channel import NO_DATABASE
from django.channels.checks import check_channel_backends
from django.core import checks
from django.core.checks.registry import registry
from django.core.exceptions import ImproperlyConfigured
from django.db.utils import ConnectionHandler as DatabaseConnectionHandler
from django.dispatch import Signal, receiver
from django.test import SimpleTestCase, modify_settings, override_settings
from django.utils.connection import BaseConnectionHandler, ConnectionProxy
from django.utils.module_loading import autodiscover_modules, import_string

from .relying import relied_on

PACKAGE = "django/channels/__init__.py"
CHECKS = "django/channels/checks.py"
REGISTRY = "django/channels/registry.py"


class Things(BaseConnectionHandler):
    settings_name = "CHANNEL_BACKENDS"
    exception_class = ImproperlyConfigured

    def create_connection(self, alias):
        return [alias]


class ConnectionHandlerTests(SimpleTestCase):
    """ChannelBackendHandler has its own _connections, and resets the settings."""

    @relied_on(PACKAGE, "a connection is made at the first use and kept.")
    def test_connections(self):
        things = Things()
        self.assertEqual(things["default"], ["default"])
        self.assertIs(things["default"], things["default"])
        with self.assertRaises(ImproperlyConfigured):
            things["missing"]

    @relied_on(
        PACKAGE,
        "an alias is an attribute of _connections, which can be any "
        "object; a new one forgets them all.",
    )
    def test_own_connections(self):
        things = Things()
        things._connections = SimpleNamespace()
        made = things["default"]
        self.assertIs(things._connections.default, made)
        things._connections = SimpleNamespace()
        self.assertIsNot(things["default"], made)

    @relied_on(
        PACKAGE,
        "with _settings None, and 'settings' out of the instance's "
        "__dict__, the setting is read again.",
    )
    def test_settings(self):
        things = Things()
        with override_settings(CHANNEL_BACKENDS={"one": {}}):
            self.assertEqual(things.settings, {"one": {}})
        self.assertIn("settings", things.__dict__)
        self.assertIsNotNone(things._settings)
        things._settings = None
        del things.__dict__["settings"]
        with override_settings(CHANNEL_BACKENDS={"two": {}}):
            self.assertEqual([*things], ["two"])

    @relied_on(
        "django/channels/channel.py",
        "without DATABASES there is one of this ENGINE, which can't be connected to.",
    )
    def test_no_database(self):
        connection = DatabaseConnectionHandler({})["default"]
        self.assertEqual(connection.settings_dict["ENGINE"], NO_DATABASE)
        with self.assertRaises(ImproperlyConfigured):
            connection.on_commit(print)

    @relied_on(PACKAGE, "a ConnectionProxy passes on what is asked of it.")
    def test_proxy(self):
        things = Things()
        proxy = ConnectionProxy(things, "default")
        proxy.append(1)
        self.assertEqual(things["default"], ["default", 1])


class ModuleTests(SimpleTestCase):
    @relied_on(
        REGISTRY,
        "autodiscover_modules() imports a module of each app that "
        "has it, and raises what its import raises.",
    )
    def test_autodiscover_modules(self):
        with modify_settings(INSTALLED_APPS={"append": "channels_tests.broken"}):
            autodiscover_modules("no_app_has_this")
            with self.assertRaises(Exception):
                autodiscover_modules("consumers")

    @relied_on(PACKAGE, "import_string() raises ImportError for what isn't there.")
    def test_import_string(self):
        self.assertIs(import_string("django.dispatch.Signal"), Signal)
        for path in ("nothing", "django.dispatch.Nothing", "no.such.module"):
            with self.assertRaises(ImportError):
                import_string(path)


class CheckTests(SimpleTestCase):
    @relied_on(CHECKS, "checks register themselves without a tag and always run.")
    def test_registered(self):
        self.assertIn(check_channel_backends, registry.registered_checks)
        self.assertNotIn(check_channel_backends, registry.deployment_checks)

    @relied_on(
        CHECKS,
        "a check is called with app_configs and more keywords, and "
        "may return a list of CheckMessage.",
    )
    def test_run(self):
        # Without the checks of models: a test of Django's counts their runs.
        with override_settings(CHANNEL_BACKENDS={}):
            found = checks.run_checks(app_configs=[])
        self.assertIn("channels.E001", [message.id for message in found])
        self.assertIs(found[0].is_serious(), True)


class SignalTests(SimpleTestCase):
    @relied_on(
        "django/channels/signals.py django/channels/handling.py",
        "a signal's receivers get the keywords that it was sent with.",
    )
    def test_signal(self):
        signal, calls = Signal(), []

        @receiver(signal)
        def receive(sender, message, **kwargs):
            calls.append((sender, message))

        signal.send(sender=Things, message=1)
        self.assertEqual(calls, [(Things, 1)])
