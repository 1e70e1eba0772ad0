from django.channels import channel_backends, consumers
from django.channels.backends.memory import MemoryChannelBackend
from django.channels.route import OFF, Route, http_backend
from django.test import override_settings

from .test_channel import MEMORY, ChannelTestCase, memory


class SharedBackend(MemoryChannelBackend):
    process_local = False
    by_reference = False


class HttpBackendTests(ChannelTestCase):
    def test_local(self):
        self.assertIs(http_backend(), channel_backends["default"])

    @override_settings(
        CHANNEL_BACKENDS={**memory(), "local": {"BACKEND": MEMORY, "LOCATION": "l"}}
    )
    def test_local_alias(self):
        self.assertEqual(http_backend().location, "l")

    @override_settings(
        CHANNEL_BACKENDS={"default": {"BACKEND": f"{__name__}.SharedBackend"}}
    )
    def test_shared_default(self):
        """Requests stay in the process unless the setting moves them."""
        self.assertIs(http_backend().process_local, True)
        with override_settings(CHANNEL_HTTP_BACKEND="default"):
            self.assertIs(http_backend().process_local, False)

    @override_settings(CHANNEL_HTTP_BACKEND=None)
    def test_off(self):
        self.assertIsNone(http_backend())


class RouteTests(ChannelTestCase):
    def setUp(self):
        super().setUp()
        self.route = Route()

    def test_find(self):
        """It's the same until something changes."""
        way = self.route.find()
        self.assertIs(way.backend, channel_backends["default"])
        self.assertIs(way.ends_here, True)
        self.assertIs(self.route.find(), way)

    def test_own_consumer(self):
        """A project's own takes requests on their way, as long as it's there."""
        self.route.find()
        with consumers.isolate():
            consumers.register("mail", lambda: None)
            self.assertIs(self.route.find().ends_here, True)
            consumers.register("http.request", lambda **content: None)
            self.assertIs(self.route.find().ends_here, False)
        self.assertIs(self.route.find().ends_here, True)

    def test_no_default(self):
        default = consumers.get("http.request")
        self.route.find()
        consumers.discard_default("http.request")
        try:
            self.assertIs(self.route.find().ends_here, False)
        finally:
            consumers.register_default("http.request", default)
        self.assertIs(self.route.find().ends_here, True)

    def test_discovery(self):
        """Apps may have come that have one."""
        way = self.route.find()
        consumers.forget_discovery()
        self.assertIsNot(self.route.find(), way)

    def test_other_process(self):
        settings = {"BACKEND": f"{__name__}.SharedBackend"}
        with override_settings(
            CHANNEL_BACKENDS={**memory(), "far": settings}, CHANNEL_HTTP_BACKEND="far"
        ):
            self.assertIs(self.route.find().ends_here, False)

    @override_settings(CHANNEL_HTTP_BACKEND=None)
    def test_off(self):
        way = self.route.find()
        self.assertIs(way.backend, OFF)
        self.assertIs(way.ends_here, False)

    def test_forget(self):
        self.route.find()
        with override_settings(CHANNEL_HTTP_BACKEND=None):
            # It isn't the one that hears of settings.
            self.assertIsNot(self.route.find().backend, OFF)
            self.route.forget()
            self.assertIs(self.route.find().backend, OFF)
