from django.channels.checks import (
    check_channel_backends,
    check_http_backend,
    check_http_timeout,
)
from django.core.checks.registry import registry
from django.test import SimpleTestCase, override_settings

from .test_channel import memory


class ChecksTests(SimpleTestCase):
    def ids(self, check):
        return [message.id for message in check()]

    def test_registered(self):
        """They run with all others, though no app registers them."""
        self.assertLessEqual(
            {check_channel_backends, check_http_backend, check_http_timeout},
            set(registry.get_checks()),
        )

    def test_defaults(self):
        self.assertEqual(check_channel_backends(), [])
        self.assertEqual(check_http_backend(), [])
        self.assertEqual(check_http_timeout(), [])

    def test_no_default(self):
        for value in ({}, {"other": {}}, None, []):
            with self.subTest(value=value), override_settings(CHANNEL_BACKENDS=value):
                self.assertEqual(self.ids(check_channel_backends), ["channels.E001"])

    @override_settings(CHANNEL_BACKENDS={**memory(), "a": {}, "b": {"BACKEND": "c"}})
    def test_every_wrong_backend(self):
        self.assertEqual(self.ids(check_channel_backends), ["channels.E002"] * 2)

    @override_settings(CHANNEL_HTTP_BACKEND="other")
    def test_http_backend(self):
        self.assertEqual(self.ids(check_http_backend), ["channels.E003"])

    @override_settings(CHANNEL_BACKENDS=None, CHANNEL_HTTP_BACKEND="other")
    def test_http_backend_of_none(self):
        self.assertEqual(self.ids(check_http_backend), ["channels.E003"])

    @override_settings(CHANNEL_BACKENDS=memory(expiry=5))
    def test_unknown_key(self):
        (warning,) = check_channel_backends()
        self.assertEqual(warning.id, "channels.W001")
        self.assertIn("CHANNEL_BACKENDS['default'] has keys that mean", warning.msg)
        self.assertIn("'expiry'", warning.msg)

    def test_http_timeout(self):
        for value, ids in (
            (0, ["channels.E004"]),
            ("1", ["channels.E004"]),
            (None, []),
        ):
            with self.subTest(value=value):
                with override_settings(CHANNEL_HTTP_TIMEOUT=value):
                    self.assertEqual(self.ids(check_http_timeout), ids)
