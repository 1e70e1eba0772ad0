import os
import secrets
import socket
import sys
import unittest
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from django.channels.processes import readiness
from django.test import SimpleTestCase


class NotifyTests(SimpleTestCase):
    def notify(self, address):
        with mock.patch.dict(os.environ, NOTIFY_SOCKET=address):
            readiness.notify("READY=1")

    def listen(self, address):
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(address)
        manager.settimeout(10)
        return manager

    def test_path(self):
        with TemporaryDirectory() as folder:
            address = str(Path(folder, "notify"))
            manager = self.listen(address)
            self.notify(address)
            self.assertEqual(manager.recv(100), b"READY=1")

    @unittest.skipUnless(sys.platform == "linux", "Linux has abstract addresses.")
    def test_abstract(self):
        name = secrets.token_hex(8)
        manager = self.listen(f"\0{name}")
        self.notify(f"@{name}")
        self.assertEqual(manager.recv(100), b"READY=1")

    def test_nobody_asked(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("NOTIFY_SOCKET", None)
            with mock.patch("socket.socket") as make:
                readiness.notify("READY=1")
        make.assert_not_called()

    def test_nobody_there(self):
        """The service goes on."""
        with TemporaryDirectory() as folder:
            with self.assertLogs("django.channels", "WARNING") as logs:
                self.notify(str(Path(folder, "nothing")))
        self.assertIn("READY=1 could not be sent to NOTIFY_SOCKET", logs.output[0])
