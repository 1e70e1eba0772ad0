from django.channels.interfaces.frames import LONGEST, frame_of, plain_message
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
                self.assertEqual(frame_of(content), expected)

    def test_lengths(self):
        """A length is written in as few bytes as it fits in (section 5.2)."""
        for size, head in (
            (125, b"\x82\x7d"),
            (126, b"\x82\x7e\x00\x7e"),
            (65535, b"\x82\x7e\xff\xff"),
            (65536, b"\x82\x7f\0\0\0\0\0\x01\0\0"),
        ):
            with self.subTest(size=size):
                payload = bytes(size)
                self.assertEqual(frame_of({"content": payload}), head + payload)

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


class PlainMessageTests(SimpleTestCase):
    def read(self, data, start=0, longest=LONGEST):
        return plain_message(data, start, longest)

    def test_example(self):
        """The masked one of RFC 6455 section 5.7."""
        data = bytes.fromhex("818537fa213d7f9f4d5158")
        self.assertEqual(self.read(data), ("Hello", 11))
        self.assertEqual(self.read(b"ab" + data + b"c", 2), ("Hello", 13))

    def test_kinds(self):
        for data, expected in (
            (b"\x81\x80abcd", ""),
            (b"\x82\x80abcd", b""),
            (b"\x82\x81abcdb", b"\x03"),
            (b"\x82\xfe\x00\x7eabcd" + b"abcd" * 31 + b"ab", bytes(126)),
        ):
            with self.subTest(expected=expected):
                self.assertEqual(self.read(data), (expected, len(data)))

    def test_other(self):
        """What Autobahn reads, or refuses."""
        for case, data in (
            ("not whole", b"\x81\x85abcdefgh"),
            ("no mask yet", b"\x81\x80abc"),
            ("nothing", b""),
            ("its first part", b"\x01\x81abcdb"),
            ("its last part", b"\x80\x81abcdb"),
            ("a ping", b"\x89\x80abcd"),
            ("a close", b"\x88\x80abcd"),
            ("a reserved kind", b"\x83\x80abcd"),
            ("a reserved bit", b"\xc1\x80abcd"),
            ("without a mask", b"\x81\x06abcdef"),
            ("not UTF-8", b"\x81\x81abcd\x9e"),
            ("a surrogate", b"\x81\x83\0\0\0\0\xed\xa0\x80"),
            ("too long a length", b"\x82\xfe\x00\x05abcdefghi"),
            ("a long length", b"\x82\xff" + bytes(12)),
        ):
            with self.subTest(case):
                self.assertEqual(self.read(data), (None, 0))
                self.assertEqual(self.read(b"x" + data, 1), (None, 1))

    def test_longest(self):
        data = b"\x82\x85abcdefghi"
        self.assertEqual(self.read(data, longest=5)[1], len(data))
        self.assertEqual(self.read(data, longest=4), (None, 0))
