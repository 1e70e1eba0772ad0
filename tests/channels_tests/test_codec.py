import enum
from decimal import Decimal

from django.channels import codec
from django.channels.exceptions import InvalidMessage
from django.test import SimpleTestCase
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

VALUES = {
    "none": None,
    "true": True,
    "int": -3,
    "big": 2**200,
    "float": 0.1,
    "infinite": float("inf"),
    "text": "é€😀\0",
    "surrogate": "\udcff",
    "surrogates": "\ud83d\ude00",
    "bytes": bytes(range(256)),
    "empty": b"",
    "list": [1, [b"a", {"b": [None]}], []],
    "dict": {"": {}, "\0b": "x", "\0\0b": b"y"},
    "marked": {"\0b": "eA=="},
    "\0b": 1,
}


class PlainTests(SimpleTestCase):
    def test_copies(self):
        """What the sender changes later doesn't change the message."""
        inner = [1]
        copy = codec.plain({"a": inner})
        inner.append(2)
        self.assertEqual(copy, {"a": [1]})

    def test_values_are_kept(self):
        self.assertEqual(codec.plain(VALUES), VALUES)

    def test_subclasses_become_plain(self):
        class Number(enum.IntEnum):
            ONE = 1

        class Bytes(bytes):
            pass

        copy = codec.plain([mark_safe("<b>"), Number.ONE, Bytes(b"x"), True])
        self.assertEqual(copy, ["<b>", 1, b"x", True])
        self.assertEqual([type(value) for value in copy], [str, int, bytes, bool])

    def test_refused(self):
        """The key, at any depth, and the type are named."""
        for value, key, kind in (
            ({"a": (1, 2)}, "'a'", "builtins.tuple"),
            ({"a": {"b": [0, Decimal(1)]}}, "'a.b.1'", "decimal.Decimal"),
            ({"a": {1}}, "'a'", "builtins.set"),
            ({"a": gettext_lazy("x")}, "'a'", "__proxy__"),
            ({"a": bytearray()}, "'a'", "builtins.bytearray"),
            ({"a": SimpleLazyObject(lambda: "x")}, "'a'", "SimpleLazyObject"),
            ({"a": SimpleLazyObject(lambda: 1)}, "'a'", "SimpleLazyObject"),
            ({"a": SimpleLazyObject(lambda: 0.5)}, "'a'", "SimpleLazyObject"),
        ):
            with self.subTest(value=value):
                with self.assertRaisesMessage(InvalidMessage, f"key {key} holds"):
                    codec.plain(value)
                with self.assertRaisesMessage(InvalidMessage, kind):
                    codec.plain(value)

    def test_limits(self):
        """What no backend could carry, none takes."""
        value = digits = int("9" * 4300)
        for _ in range(99):
            value = [value]
        self.assertEqual(codec.plain({"a": value}), {"a": value})
        with self.assertRaisesMessage(InvalidMessage, "key 'a.b.0.0."):
            codec.plain({"a": {"b": value}})
        with self.assertRaisesMessage(InvalidMessage, "'a' holds an int of more than"):
            codec.plain({"a": digits + 1})

    def test_keys_must_be_text(self):
        msg = "The message's key 'a.1' is a int; the keys of a message"
        with self.assertRaisesMessage(InvalidMessage, msg):
            codec.plain({"a": {1: 2}})
        with self.assertRaisesMessage(InvalidMessage, "is a SimpleLazyObject; the"):
            codec.plain({"a": {SimpleLazyObject(lambda: "x"): 2}})


class EncodingTests(SimpleTestCase):
    def test_round_trip_is_exact(self):
        copy = codec.decode(codec.encode(VALUES))
        self.assertEqual(copy, VALUES)
        self.assertEqual(list(copy), list(VALUES))
        self.assertIs(type(copy["true"]), bool)

    def test_nan(self):
        self.assertNotEqual(*[codec.decode(codec.encode({"a": float("nan")}))["a"]] * 2)

    def test_garbage(self):
        for data in (
            b"",
            b"[]",
            b"1",
            b"{",
            b'{"a":{"\\u0000b":"!"}}',
            b"\xff",
            b"[" * 10**5,
        ):
            with self.subTest(data=data):
                with self.assertRaises(ValueError):
                    codec.decode(data)
