"""Settings of the backend, right and wrong."""

import sys
from unittest import mock

from django.channels import Channel, channel_backends
from django.channels.backends.memory import MemoryChannelBackend
from django.channels.backends.redis import RedisChannelBackend
from django.channels.exceptions import InvalidChannelBackend
from django.test import SimpleTestCase, override_settings

from .encryption_suite import KEYS


class ConfigurationTests(SimpleTestCase):
    def test_invalid(self):
        for params, msg in (
            ({"LOCATION": "localhost:6379"}, "LOCATION must be a URL that begins"),
            ({"LOCATION": None}, "LOCATION must be a URL that begins"),
            ({"LOCATION": [None]}, "LOCATION must be a URL that begins"),
            (
                {"LOCATION": "redis://me:a#secret@b"},
                "LOCATION has a port that is none.",
            ),
            ({"LOCATION": []}, "LOCATION must have at least one URL."),
            (
                {"OPTIONS": {"CLIENT_OPTIONS": None}},
                "OPTIONS['CLIENT_OPTIONS'] must be a dict.",
            ),
            ({"LOCATION": ["redis://a", "redis://b"]}, "LOCATION has several URLs"),
            (
                {"OPTIONS": {"CLUSTER": True, "SENTINEL": "x"}},
                "OPTIONS can have CLUSTER or SENTINEL, not both.",
            ),
            ({"OPTIONS": {"PREFIX": "{a}"}}, "OPTIONS['PREFIX'] must be a str"),
            ({"OPTIONS": {"SHARDS": 0}}, "OPTIONS['SHARDS'] must be an int"),
            ({"OPTIONS": {"TIMEOUT": 0}}, "OPTIONS['TIMEOUT'] must be a positive"),
            ({"OPTIONS": {"LEASE": "1"}}, "OPTIONS['LEASE'] must be a positive"),
            ({"OPTIONS": []}, "OPTIONS must be a dict."),
            (
                {"OPTIONS": {"ENCRYPTION_KEYS": ["secret"]}},
                "OPTIONS['ENCRYPTION_KEYS']: each key must be one that",
            ),
            (
                {"OPTIONS": {"ENCRYPTION_KEYS": "secret"}},
                "OPTIONS['ENCRYPTION_KEYS']: must be a list of keys.",
            ),
            (
                # Nobody is to believe that this encrypts.
                {"OPTIONS": {"ENCRYPTION_KEYS": []}},
                "OPTIONS['ENCRYPTION_KEYS']: must have at least one key. To send "
                "messages unencrypted, leave it out.",
            ),
            (
                {"OPTIONS": {"ENCRYPTION_KEYS": ""}},
                "OPTIONS['ENCRYPTION_KEYS']: must be a list of keys.",
            ),
        ):
            with self.subTest(params=params):
                with self.assertRaisesMessage(
                    InvalidChannelBackend, f"CHANNEL_BACKENDS['jobs']: {msg}"
                ) as caught:
                    RedisChannelBackend("jobs", params)
                self.assertNotIn("secret", str(caught.exception))

    def test_location_with_a_password(self):
        """It isn't shown."""
        with self.assertRaises(InvalidChannelBackend) as caught:
            RedisChannelBackend("jobs", {"LOCATION": "http://me:secret@a"})
        self.assertNotIn("secret", str(caught.exception))

    def test_unknown_options(self):
        backend = RedisChannelBackend("jobs", {"OPTIONS": {"PREFX": "a", "SHARDS": 2}})
        (warning,) = backend.check()
        self.assertEqual(warning.id, "channels.W002")
        self.assertEqual(
            warning.msg,
            "CHANNEL_BACKENDS['jobs']: OPTIONS has keys that mean nothing: 'PREFX'.",
        )
        self.assertEqual(RedisChannelBackend("jobs", {}).check(), [])

    def test_options_that_redis_py_does_not_take(self):
        for params in (
            {"LOCATION": "redis://:secret@127.0.0.1?db=x"},
            {"LOCATION": "rediss://:secret@127.0.0.1?socket_keepalive=1&nosuch=1"},
            {"OPTIONS": {"CLIENT_OPTIONS": {"nosuch": 1, "password": "secret"}}},
            {"OPTIONS": {"CLIENT_OPTIONS": {"protocol": "x"}}},
            {
                "LOCATION": ["redis://:secret@a", "redis://b?db=x"],
                "OPTIONS": {"CLUSTER": True},
            },
            {
                "LOCATION": ["redis://:secret@a"],
                "OPTIONS": {"SENTINEL": "x", "CLIENT_OPTIONS": {"nosuch": 1}},
            },
        ):
            with self.subTest(params=params):
                (error,) = RedisChannelBackend("jobs", params).check()
                self.assertEqual(error.id, "channels.E002")
                self.assertIn("CHANNEL_BACKENDS['jobs']: redis-py", error.msg)
                self.assertNotIn("secret", error.msg)

    def test_options_that_redis_py_takes(self):
        for params in (
            {"LOCATION": "rediss://me:secret@a:1/2?ssl_cert_reqs=none&protocol=3"},
            {"LOCATION": "unix:///run/redis.sock?db=1"},
            {"OPTIONS": {"CLIENT_OPTIONS": {"health_check_interval": 5}}},
            {"LOCATION": ["redis://a", "redis://b"], "OPTIONS": {"CLUSTER": True}},
            {"LOCATION": ["rediss://:x@a", "redis://b"], "OPTIONS": {"SENTINEL": "x"}},
        ):
            with self.subTest(params=params):
                self.assertEqual(RedisChannelBackend("jobs", params).check(), [])

    def test_redis_is_missing(self):
        with mock.patch(
            "django.channels.backends.redis.backend.find_spec", return_value=None
        ):
            with self.assertRaisesMessage(
                InvalidChannelBackend, "pip install 'Django[redis]'"
            ):
                RedisChannelBackend("jobs", {})

    def test_cryptography_is_missing(self):
        with mock.patch.dict(sys.modules, {"cryptography.fernet": None}):
            with self.assertRaisesMessage(
                InvalidChannelBackend, "pip install 'Django[encryption]'"
            ):
                RedisChannelBackend("jobs", {"OPTIONS": {"ENCRYPTION_KEYS": KEYS}})

    @override_settings(
        CHANNEL_BACKENDS={
            "default": {
                "BACKEND": "django.channels.backends.redis.RedisChannelBackend",
                "LOCATION": "redis://127.0.0.1:1",
                "OPTIONS": {"SHARDS": 2},
            }
        }
    )
    def test_stand_in(self):
        """Tests of a project don't need its server."""
        backend = channel_backends["default"]
        self.assertIsInstance(backend, MemoryChannelBackend)
        Channel("a").send(n=1)
        self.assertMessageSent("a", n=1)
