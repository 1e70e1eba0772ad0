from django.channels.interfaces.frames import frame_of
from django.test import SimpleTestCase


class FrameTests(SimpleTestCase):
    def test_kinds(self):
        """The kind follows from the type, unless ``binary`` says otherwise."""
        for content, expected in (
            ({"content": "hé"}, b"\x81\x03h\xc3\xa9"),
            ({"content": b"\xff"}, b"\x82\x01\xff"),
            ({"content": "hé", "binary": True}, b"\x82\x03h\xc3\xa9"),
            ({"content": b"a", "binary": False}, b"\x81\x01a"),
            ({"content": "a", "binary": None}, b"\x81\x01a"),
            ({"content": ""}, b"\x81\x00"),
        ):
            with self.subTest(content=content):
                self.assertEqual(frame_of(content).payloadHybi, expected)

    def test_none(self):
        self.assertIsNone(frame_of({"close": True}))
        self.assertIsNone(frame_of({"content": None}))

    def test_impossible(self):
        """A text message is UTF-8; other types have no message."""
        for content in (
            {"content": b"\xff", "binary": False},
            {"content": {"a": 1}},
            {"content": "\ud800"},
        ):
            with self.subTest(content=content):
                with self.assertRaises(ValueError):
                    frame_of(content)
