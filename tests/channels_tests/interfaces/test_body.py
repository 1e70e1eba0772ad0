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

    def test_close(self):
        """What a client leaves unfinished leaves no file."""
        body = Body(limit=100)
        body.add(b"0" * 20)
        file = body._file
        body.close()
        self.assertIs(file.closed, True)
        Body(limit=1).close()
