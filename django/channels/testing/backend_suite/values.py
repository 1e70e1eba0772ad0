"""What is sent arrives as it was."""

import math

VALUES = {
    "none": None,
    "booleans": [True, False],
    "integers": [0, -1, 2**31, -(2**63), 2**64 + 1, 10**400],
    "floats": [0.1, -0.0, 1e-320, 1.7976931348623157e308, math.inf, -math.inf],
    "strings": ["", "a", "\0", "\0b", "ß…\u2028", "\U0001f600", "line\r\nend", '"\\'],
    # As os.fsdecode() and a request's path have them (PEP 383).
    "lone surrogates": ["\udc80", "a\udcff", "\ud83d", "\ud83d\ude00"],
    "bytes": [b"", b"\x00\xff", bytes(range(256))],
    "nesting": {"a": [{"b": [[], {}, [None, {"c": b"d"}]]}]},
    "keys": {"": 0, "\0": 1, "\0b": 2, "\0\0b": 3, "ß": 4, "a b": 5},
    "one marked key": {"\0b": "AAAA"},
    "empty": [[], {}, "", b""],
    "deep": [[[[[[[[[[[[[[[[[[[[{"a": 1}]]]]]]]]]]]]]]]]]]]],
}


class ValueTests:
    def test_round_trip(self):
        for kind, value in VALUES.items():
            with self.subTest(kind=kind):
                self.send("a", value=value)
                got = self.receive("a")["value"]
                # Their reprs differ where 1, True and 1.0, or 0.0 and -0.0, do.
                self.assertEqual(repr(got), repr(value))

    def test_round_trip_of_a_whole_message(self):
        self.send("a", **VALUES)
        self.assertEqual(repr(self.receive("a")), repr(VALUES))

    def test_not_a_number(self):
        self.send("a", value=math.nan)
        self.assertTrue(math.isnan(self.receive("a")["value"]))

    def test_empty_message(self):
        self.send("a")
        self.assertEqual(self.receive("a"), {})

    def test_order_of_keys(self):
        self.send("a", z=1, a=2, m=3)
        self.assertEqual(list(self.receive("a")), ["z", "a", "m"])

    def test_long_names(self):
        name = "a" * 100
        self.send(name, n=1)
        self.assertEqual(self.receive(name), {"n": 1})
        self.backend.group_add("g" * 100, name)
        self.backend.group_send("g" * 100, {"n": 2})
        self.assertEqual(self.receive(name), {"n": 2})

    def test_large_message(self):
        text = "x" * 900_000
        self.send("a", text=text)
        self.assertEqual(self.receive("a")["text"], text)
