import io
import os
import signal
import sys
import tempfile
from unittest import mock

from django.channels import channel_backends
from django.channels.exceptions import InvalidChannelBackend
from django.channels.interfaces import development
from django.core.servers import basehttp
from django.test import SimpleTestCase, override_settings


class OwnServer(basehttp.WSGIServer):
    pass


class RunTests(SimpleTestCase):
    def setUp(self):
        # What would serve for ever.
        self.stock = self.enter(mock.patch.object(basehttp, "run"))
        self.server = self.enter(
            mock.patch("django.channels.interfaces.server.InterfaceServer")
        )
        self.server.return_value.port = 8123
        self.server.return_value.serve.return_value = None
        # Its threads would outlive the test.
        self.worker = self.enter(mock.patch("django.channels.worker.Worker"))

    def enter(self, patch):
        self.addCleanup(patch.stop)
        return patch.start()

    def test_serves(self):
        application = object()
        bound = []
        development.run("127.0.0.1", 0, application, ipv6=True, on_bind=bound.append)
        self.stock.assert_not_called()
        self.worker.assert_not_called()
        args, kwargs = self.server.call_args
        self.assertEqual((args, kwargs["threads"]), ((application,), 1))
        self.server.return_value.bind.assert_called_once_with("127.0.0.1", 0, ipv6=True)
        self.assertEqual(bound, [8123])

    def test_threading(self):
        development.run("127.0.0.1", 0, object(), threading=True)
        threads = self.server.call_args.kwargs["threads"]
        self.assertEqual(threads, development.THREADS)
        self.assertGreater(threads, 1)

    def test_interrupt(self):
        """Ctrl-C reaches runserver, which ends as it always has."""
        self.server.return_value.serve.return_value = signal.SIGINT
        with self.assertRaises(KeyboardInterrupt):
            development.run("127.0.0.1", 0, object())
        self.server.return_value.serve.return_value = signal.SIGTERM
        development.run("127.0.0.1", 0, object())

    def test_wrong_backend(self):
        """Of such an error runserver shows the text alone, and ends."""
        error = InvalidChannelBackend("the tables aren't there")
        self.server.return_value.serve.side_effect = error
        with self.assertRaisesMessage(OSError, "the tables aren't there"):
            development.run("127.0.0.1", 0, object())

    def test_port_is_taken(self):
        """runserver has a text for each OSError; none is hidden from it."""
        self.server.return_value.bind.side_effect = OSError(98, "taken")
        bound = []
        with self.assertRaises(OSError):
            development.run("127.0.0.1", 80, object(), on_bind=bound.append)
        self.assertEqual(bound, [])

    def assertStock(self, **kwargs):
        application = object()
        development.run("127.0.0.1", 80, application, threading=True, **kwargs)
        self.server.assert_not_called()
        # Consumers run all the same.
        self.worker.assert_called_once_with(
            channel_backends["default"], development.default_threads()
        )
        self.worker.return_value.start.assert_called_once_with()
        self.stock.assert_called_once_with(
            "127.0.0.1",
            80,
            application,
            **{
                "ipv6": False,
                "threading": True,
                "on_bind": None,
                "server_cls": basehttp.WSGIServer,
                **kwargs,
            },
        )

    def test_own_server_class(self):
        """A project's own server class is used."""
        with self.assertLogs("django.channels.server", "INFO"):
            self.assertStock(server_cls=OwnServer)

    @override_settings(CHANNEL_HTTP_BACKEND=None)
    def test_switched_off(self):
        with self.assertLogs("django.channels.server", "INFO"):
            self.assertStock()

    @override_settings(CHANNEL_HTTP_BACKEND=None)
    def test_broken_consumers(self):
        """Requests that go by no channel are served all the same."""
        error = ModuleNotFoundError("No module named 'gone'")
        self.worker.return_value.start.side_effect = error
        with self.assertLogs("django.channels.server", "ERROR") as logs:
            self.assertStock()
        (record,) = logs.records
        self.assertIn("no consumers run", record.getMessage())
        self.assertIsNotNone(record.exc_info)

    def test_missing_package(self):
        """Without a package: one line, and Django's own server."""
        for module, name in (
            ("twisted", "Twisted"),
            ("autobahn", "Autobahn"),
            ("httptools", "httptools"),
        ):
            with self.subTest(module=module):
                self.stock.reset_mock()
                self.worker.reset_mock()
                stderr = io.StringIO()
                with mock.patch.dict(sys.modules, {module: None}):
                    with mock.patch("sys.stderr", stderr):
                        self.assertStock()
                self.assertTrue(stderr.getvalue().startswith(f"{name} is not "))
                self.assertIn("pip install", stderr.getvalue())
                self.assertEqual(stderr.getvalue().count("\n"), 1)

    def test_left_over_directory(self):
        """Autobahn puts its plugins for Twisted where Twisted has its own."""
        with tempfile.TemporaryDirectory() as directory:
            os.makedirs(os.path.join(directory, "twisted", "plugins"))
            with (
                mock.patch.object(sys, "path", [directory]),
                mock.patch.dict(sys.modules),
            ):
                sys.modules.pop("twisted", None)
                self.assertEqual(development.missing_package(), "Twisted")
