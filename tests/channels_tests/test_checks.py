from unittest import mock

from django.channels import consumers, deploy_checks
from django.channels.backends.memory import MemoryChannelBackend
from django.channels.checks import (
    check_channel_backends,
    check_consumers,
    check_durable_channels,
    check_http_backend,
    check_http_timeout,
    check_misspelt_channels,
    check_server_limits,
)
from django.channels.deploy_checks import (
    check_any_origin,
    check_backends_on_the_network,
    check_request_timeout,
    check_weak_backends,
    check_weak_limits,
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

    @override_settings(
        CHANNEL_BACKENDS={
            **memory(),
            "a": {},
            "b": {"BACKEND": "c"},
            # The class, where its path is to be.
            "d": {"BACKEND": MemoryChannelBackend},
            # What can be imported, and is something else.
            "e": {"BACKEND": "django.channels.backends.memory"},
            "f": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        }
    )
    def test_every_wrong_backend(self):
        self.assertEqual(self.ids(check_channel_backends), ["channels.E002"] * 5)

    def test_wrong_alias(self):
        for alias in (None, 1, b"x"):
            with (
                self.subTest(alias=alias),
                override_settings(CHANNEL_BACKENDS={**memory(), alias: {}}),
            ):
                (error,) = check_channel_backends()
                self.assertEqual(error.id, "channels.E002")
                self.assertIn(f"is a str, and {alias!r} isn't.", error.msg)
                self.assertEqual(check_weak_backends(), [])

    def test_misspelt_channels(self):
        """What is nearly one of Django's is warned of, and nothing else."""
        for name in ("websocket.receive", "django.websocket.connect", "websocket.log"):
            consumers.register(name, lambda: None)
        consumers.register("websocket.receive.echo", lambda: None)
        self.assertEqual(check_misspelt_channels(), [])
        consumers.register(["websocket.recieve", "websockets.connect"], lambda: None)
        first, second = check_misspelt_channels()
        self.assertEqual(first.id, "channels.W012")
        self.assertIn("channel 'websocket.recieve' has a consumer", first.msg)
        self.assertIn("Did you mean 'websocket.receive'?", first.hint)
        self.assertIn("Did you mean 'websocket.connect'?", second.hint)
        self.assertIn(check_misspelt_channels, registry.get_checks())

    @override_settings(
        ALLOWED_HOSTS=["*"], INSTALLED_APPS=["channels_tests.broken"], DEBUG=True
    )
    def test_broken_consumers(self):
        """They keep no command from running that needs none of them."""
        (warning,) = check_consumers()
        self.assertEqual(warning.id, "channels.W013")
        self.assertIn("ModuleNotFoundError: No module named 'no_such", warning.msg)
        for check in (
            check_durable_channels,
            check_misspelt_channels,
            check_any_origin,
        ):
            self.assertEqual(check(), [])
        # They would register another time what they have before they break.
        with mock.patch.object(consumers, "autodiscover") as autodiscover:
            self.assertEqual(self.ids(check_consumers), ["channels.W013"])
        autodiscover.assert_not_called()

    def test_consumers(self):
        self.assertEqual(check_consumers(), [])

    def test_http_backend(self):
        for value in ("other", ["default"]):
            with (
                self.subTest(value=value),
                override_settings(CHANNEL_HTTP_BACKEND=value),
            ):
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
            (float("nan"), ["channels.E004"]),
            (float("inf"), ["channels.E004"]),
            (None, []),
            (3600, []),
        ):
            with self.subTest(value=value):
                with override_settings(CHANNEL_HTTP_TIMEOUT=value):
                    self.assertEqual(self.ids(check_http_timeout), ids)

    def test_server_limits(self):
        for value, text in (
            ([], "CHANNEL_SERVER_LIMITS must be a dict."),
            ({"BODY": 1}, "['BODY']: there is no such limit. The keys are REQUEST_"),
            ({"BODY_SIZE": 0}, "is 0; it must be a whole number, greater than 0, or"),
            ({"BODY_SIZE": 1.5}, "['BODY_SIZE'] is 1.5; it must be a whole number"),
            ({"BODY_SIZE": True}, "['BODY_SIZE'] is True"),
            ({"IDLE_TIMEOUT": "1"}, "is '1'; it must be a number of seconds, greater"),
            ({"IDLE_TIMEOUT": float("nan")}, "['IDLE_TIMEOUT'] is nan"),
            ({"MESSAGE_SIZE": None}, "is None; it must be a whole number, greater "),
            ({"LINGER_TIME": 1}, "there is no such limit"),
        ):
            with self.subTest(value=value):
                with override_settings(CHANNEL_SERVER_LIMITS=value):
                    (error,) = check_server_limits()
                self.assertEqual(error.id, "channels.E008")
                self.assertIn(text, error.msg)
        with override_settings(CHANNEL_SERVER_LIMITS={"BODY_SIZE": None}):
            self.assertEqual(check_server_limits(), [])


class DeployChecksTests(SimpleTestCase):
    def ids(self, check):
        return [message.id for message in check()]

    def test_only_for_deployment(self):
        checks = {
            check_weak_limits,
            check_request_timeout,
            check_weak_backends,
            check_any_origin,
            check_backends_on_the_network,
        }
        self.assertEqual(checks & set(registry.get_checks()), set())
        self.assertLessEqual(checks, set(registry.get_checks(True)))

    def test_weak_limits(self):
        for value, warnings in (
            ({}, 0),
            ({"MESSAGE_SIZE": 1024 * 1024}, 0),
            ({"MESSAGE_SIZE": 1024 * 1024 + 1}, 1),
            ({"HEADER_COUNT": 200}, 0),
            ({"HEADER_COUNT": 201, "CONNECTIONS": None}, 2),
            ({"CONNECTIONS": 10_001}, 1),
            ({"IDLE_TIMEOUT": None}, 1),
            ({"IDLE_TIMEOUT": 1, "BODY_SIZE": 1}, 0),
            ({"NO_SUCH": None}, 0),
        ):
            with self.subTest(value=value):
                with override_settings(CHANNEL_SERVER_LIMITS=value):
                    self.assertEqual(
                        self.ids(check_weak_limits), ["channels.W007"] * warnings
                    )

    def test_request_timeout(self):
        for timeout, warnings in ((60, 0), (61, 1), (None, 1), (0, 0)):
            with self.subTest(timeout=timeout):
                with override_settings(CHANNEL_HTTP_TIMEOUT=timeout):
                    self.assertEqual(
                        self.ids(check_request_timeout), ["channels.W010"] * warnings
                    )

    def test_weak_backends(self):
        for params, warnings in (
            ({}, []),
            ({"CAPACITY": 1000, "EXPIRY": 10**6}, []),
            ({"CAPACITY": 1001}, ["CAPACITY"]),
            ({"CAPACITY": {}}, []),
            ({"CAPACITY": {"thumbnails": 10**6, "*": 10}}, []),
            ({"CAPACITY": {"websocket.r*": 10**6, "*": 10}}, ["CAPACITY"]),
            ({"CAPACITY": {"a": 10, "*": 10**6}}, ["CAPACITY"]),
            ({"CAPACITY": -1, "OPTIONS": {"MAX_MESSAGE_BYTES": 2**30}}, []),
            ({"OPTIONS": {"MAX_MESSAGE_BYTES": 2**20}}, []),
            ({"OPTIONS": {"MAX_MESSAGE_BYTES": 2**20 + 1}}, ["MAX_MESSAGE_BYTES"]),
            ({"OPTIONS": {"INBOX_CAPACITY": 10_001}}, ["INBOX_CAPACITY"]),
            ({"OPTIONS": {"INBOX_CAPACITY": "no option of it"}}, []),
        ):
            with self.subTest(params=params):
                with override_settings(CHANNEL_BACKENDS=memory(**params)):
                    found = check_weak_backends()
                self.assertEqual([w.id for w in found], ["channels.W011"] * len(found))
                for warning, key in zip(found, warnings, strict=True):
                    self.assertIn(key, warning.msg)

    @override_settings(ALLOWED_HOSTS=["*"])
    def test_any_origin(self):
        consumers._consumers = {}
        self.assertEqual(self.ids(check_any_origin), [])
        consumers.register("websocket.receive", print)
        with mock.patch.object(deploy_checks, "import_consumers") as import_consumers:
            import_consumers.return_value = None
            self.assertEqual(self.ids(check_any_origin), ["channels.W008"])
        # They may be in views, too.
        import_consumers.assert_called_once_with(("consumers", "views"))
        with override_settings(ALLOWED_HOSTS=["example.com"]):
            self.assertEqual(self.ids(check_any_origin), [])

    def test_backends_that_are_none(self):
        """It's for check_channel_backends() to say so."""
        memory = "django.channels.backends.memory.MemoryChannelBackend"
        for backends in (
            None,
            ["default"],
            {"default": {"BACKEND": object}},
            {"default": {"BACKEND": memory, "LOCATION": 5}},
            {"default": {"BACKEND": memory, "LOCATION": "//[no URL"}},
        ):
            with (
                self.subTest(backends=backends),
                override_settings(CHANNEL_BACKENDS=backends),
            ):
                self.assertEqual(check_backends_on_the_network(), [])
                self.assertEqual(check_weak_backends(), [])

    def test_backends_on_the_network(self):
        keys = {"ENCRYPTION_KEYS": ["k" * 32]}
        for location, options, missing in (
            ("", {}, None),
            ("redis://localhost", {}, None),
            ("redis://127.0.0.1:6379", {}, None),
            ("redis://[::1]", {}, None),
            ("unix:///run/redis.sock", {}, None),
            (
                "redis://192.0.2.1",
                {},
                "no TLS and no encryption of messages and no password.",
            ),
            ("rediss://:secret@cache", {}, "no encryption of messages."),
            ("rediss://cache", keys, "no password."),
            ("rediss://:secret@cache", keys, None),
            ("rediss://cache", {**keys, "CLIENT_OPTIONS": {"password": "s"}}, None),
            ("rediss://cache?password=secret", keys, None),
            (
                "rediss://:secret@cache?ssl_cert_reqs=none",
                keys,
                "no check of its certificate.",
            ),
            (
                "rediss://:secret@cache",
                {**keys, "CLIENT_OPTIONS": {"ssl_cert_reqs": None}},
                "no check of its certificate.",
            ),
            (
                "rediss://:secret@cache?ssl_check_hostname=no",
                keys,
                "no check of its certificate's host.",
            ),
            (
                "rediss://:secret@cache",
                {**keys, "CLIENT_OPTIONS": {"ssl_check_hostname": False}},
                "no check of its certificate's host.",
            ),
            ("rediss://:secret@cache?ssl_check_hostname=yes", keys, None),
            (
                "rediss://:secret@sentinel?ssl_cert_reqs=required",
                {
                    **keys,
                    "SENTINEL": "channels",
                    "CLIENT_OPTIONS": {"ssl_cert_reqs": None},
                },
                "no check of its certificate and no password.",
            ),
            (
                "rediss://sentinel",
                {
                    **keys,
                    "SENTINEL": "channels",
                    "CLIENT_OPTIONS": {"password": "secret"},
                },
                None,
            ),
        ):
            backend = {
                "BACKEND": "django.channels.backends.redis.RedisChannelBackend",
                "LOCATION": location,
                "OPTIONS": options,
            }
            with self.subTest(location=location, options=options):
                with override_settings(CHANNEL_BACKENDS={"default": backend}):
                    messages = check_backends_on_the_network()
                if missing is None:
                    self.assertEqual(messages, [])
                else:
                    (warning,) = messages
                    self.assertEqual(warning.id, "channels.W009")
                    self.assertIn(missing, warning.msg)
                    self.assertNotIn("secret", str(warning))
