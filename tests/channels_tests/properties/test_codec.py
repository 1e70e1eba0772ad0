import contextlib
import json
import struct
import sys

from hypothesis import example, given
from hypothesis import strategies as st

from django.channels import codec
from django.channels.exceptions import InvalidMessage
from django.test import SimpleTestCase

from .values import contents, nested, scalars, texts, values

impossible = st.sampled_from(
    [(1, 2), {1}, object(), bytearray(b"x"), 1j, len, int, 10**4300, -(10**4300)]
)
parts = st.lists(st.integers(0, 3) | texts, max_size=5)


def exactly(value):
    """Return a form of the value that is equal for the very same ones only."""
    if isinstance(value, dict):
        return dict, [(exactly(key), exactly(v)) for key, v in value.items()]
    if isinstance(value, list):
        return list, [exactly(v) for v in value]
    if isinstance(value, float):
        # NaN is one value here, and -0.0 isn't 0.0.
        return float, "nan" if value != value else struct.pack("d", value)
    return type(value), value


class ValueTests(SimpleTestCase):
    @given(contents)
    @example({"a": "\ud83d\ude00"})
    @example({"\0b": b""})
    def test_what_is_sent_arrives(self, content):
        """Whatever can be sent arrives as it was, types and order included."""
        sent = codec.plain(content)
        self.assertEqual(exactly(sent), exactly(content))
        self.assertEqual(exactly(codec.decode(codec.encode(sent))), exactly(content))

    @given(contents, st.integers(-2, 2))
    @example({"\0": [True, 1e-300, -(10**300), "\1\ud83d", b"", {}]}, 0)
    def test_size(self, content, more):
        """How large it would be is known without having to encode all of it."""
        size = len(codec.encode(content)) + more
        self.assertIs(codec.is_larger(content, size), more < 0)

    @given(parts, impossible)
    def test_what_cannot_be_sent_is_named(self, path, value):
        """The error for what can't be sent tells the way to it."""
        for part in reversed(path):
            value = [None] * part + [value] if isinstance(part, int) else {part: value}
        with self.assertRaises(InvalidMessage) as caught:
            codec.plain({"a": value})
        way = ".".join(["a", *map(str, path)])
        self.assertIn(f"The message's key {way!r} ", str(caught.exception))

    @given(parts, scalars.filter(lambda value: not isinstance(value, str)))
    def test_keys_are_text(self, path, key):
        """A key that is no str is refused, whatever it is and wherever."""
        value = {key: 1}
        for part in reversed(path):
            value = [None] * part + [value] if isinstance(part, int) else {part: value}
        with self.assertRaisesMessage(InvalidMessage, "must be str"):
            codec.plain({"a": value})

    @given(st.sampled_from([dict, list]), st.integers(1, codec.MAX_DEPTH))
    @example(list, codec.MAX_DEPTH)
    @example(dict, codec.MAX_DEPTH)
    def test_nesting(self, kind, depth):
        """What is nested up to the limit arrives."""
        content = nested(depth, kind)
        self.assertEqual(codec.decode(codec.encode(codec.plain(content))), content)

    @given(st.sampled_from([dict, list]), st.integers(1, 5000))
    @example(list, 1)
    @example(dict, 1)
    def test_too_deep(self, kind, more):
        """What is nested past the limit is refused, however deep it is."""
        with self.assertRaisesMessage(InvalidMessage, "is nested too deeply"):
            codec.plain(nested(codec.MAX_DEPTH + more, kind))

    def test_endless(self):
        """What is in itself is refused."""
        value = []
        value.append(value)
        with self.assertRaisesMessage(InvalidMessage, "is nested too deeply"):
            codec.plain({"a": value})


class DecodingTests(SimpleTestCase):
    def read(self, data):
        """Decode to plain values or ValueError; return how many calls it took."""
        calls = 0
        decoded = {}

        def count(frame, event, argument):
            nonlocal calls
            calls += 1

        sys.setprofile(count)
        try:
            with contextlib.suppress(ValueError):
                decoded = codec.decode(data)
        finally:
            sys.setprofile(None)
        self.assertEqual(exactly(codec.plain(decoded)), exactly(decoded))
        return calls

    @given(st.binary(max_size=200))
    @example(b'{"a":"\xed\xa0\x80"}')
    @example(b"\xff\xfe{\0}\0")
    @example(b'{"a":' + b"9" * 5000 + b"}")
    @example(b'{"a":1e999999}')
    def test_any_bytes(self, data):
        """Any bytes at all are a dict of plain values or a ValueError."""
        self.read(data)

    @given(contents, st.data())
    def test_changed_bytes(self, content, data):
        """So is a message some bytes of which were changed, added or lost."""
        encoded = codec.encode(content)
        at = data.draw(st.integers(0, len(encoded)))
        end = data.draw(st.integers(at, min(len(encoded), at + 4)))
        self.read(encoded[:at] + data.draw(st.binary(max_size=4)) + encoded[end:])

    @given(values)
    def test_any_json(self, value):
        """So is any JSON, whatever is where this module's marks would be."""
        for text in (json.dumps(codec._mark(value)), json.dumps({"\0b": 1})):
            self.read(text.encode())
            self.read(b'{"\\u0000b":' + text.encode() + b"}")

    @given(st.sampled_from([b"[", b'{"":', b'{"a":[', b'{"\\u0000b":']))
    def test_endless_nesting(self, opening):
        """So is what is nested a hundred thousand times."""
        for depth in (500, 100_000):
            for data in (opening * depth, b'{"a":' + opening * depth):
                with self.assertRaises(ValueError):
                    codec.decode(data)

    @given(
        st.sampled_from(
            [
                b'"k":1,',
                b'"\\u0000b":"eA==",',
                b'"k":{"\\u0000b":"eA=="},',
                b'"k":[{}],',
            ]
        )
    )
    def test_linear(self, item):
        """Four times the input takes about four times the calls."""
        sizes = [b"{" + item * number + b'"":0}' for number in (50, 200)]
        few, many = map(self.read, sizes)
        self.assertLess(many, 5 * few + 100)
