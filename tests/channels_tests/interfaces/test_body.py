import errno
import tracemalloc
from unittest import mock

from django.channels.interfaces.body import Body
from django.channels.interfaces.request import Refused
from django.test import SimpleTestCase, override_settings


@override_settings(FILE_UPLOAD_MAX_MEMORY_SIZE=10)
class BodyTests(SimpleTestCase):
    def test_in_memory(self):
        body = Body(limit=100)
        body.add(b"abc")
        body.add(b"def")
        self.assertEqual(body.finish(), (b"abcdef", None))

    @override_settings(FILE_UPLOAD_MAX_MEMORY_SIZE=100_000)
    def test_tiny_pieces(self):
        """A body takes its bytes of memory, in however many pieces it comes."""
        body = Body(limit=100_000)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        for number in range(50_000):
            body.add(number.to_bytes(2, "big"))
        self.assertLess(tracemalloc.get_traced_memory()[1], 250_000)
        self.assertEqual(len(body.finish()[0]), 100_000)

    def test_spooled(self):
        """A body past FILE_UPLOAD_MAX_MEMORY_SIZE is in a file, at its start."""
        body = Body(limit=100)
        for _ in range(3):
            body.add(b"0123456")
        data, file = body.finish()
        self.addCleanup(file.close)
        self.assertEqual(data, b"")
        self.assertEqual(file.read(), b"0123456" * 3)

    def test_limit(self):
        body = Body(limit=20)
        self.addCleanup(body.close)
        body.add(b"0" * 20)
        with self.assertRaises(Refused) as caught:
            body.add(b"0")
        self.assertEqual(caught.exception.status, 413)

    def test_disk_is_full(self):
        """It's refused with a log line that says where there is no room."""
        full = OSError(errno.ENOSPC, "No space left on device")
        for method, effects in (
            ("write", full),
            ("write", [None, full]),
            ("seek", full),
        ):
            body = Body(limit=100)
            with self.subTest(method), mock.patch("tempfile.TemporaryFile") as make:
                getattr(make.return_value, method).side_effect = effects
                make.return_value.close.side_effect = full
                with (
                    self.assertLogs("django.channels.server", "ERROR") as logs,
                    self.assertRaises(Refused) as caught,
                ):
                    body.add(b"0" * 20)
                    body.add(b"0")
                    body.finish()
                self.assertEqual(caught.exception.status, 503)
                self.assertIn("FILE_UPLOAD_TEMP_DIR", logs.output[0])
                body.close()
                make.return_value.close.assert_called()

    @override_settings(FILE_UPLOAD_TEMP_DIR="/nonexistent")
    def test_no_directory(self):
        body = Body(limit=100)
        with (
            self.assertLogs("django.channels.server", "ERROR"),
            self.assertRaises(Refused),
        ):
            body.add(b"0" * 20)
        body.close()

    def test_close(self):
        """What a client leaves unfinished leaves no file."""
        body = Body(limit=100)
        body.add(b"0" * 20)
        file = body._file
        body.close()
        self.assertIs(file.closed, True)
        Body(limit=1).close()
