from hypothesis import assume, example, given
from hypothesis import strategies as st

from django.channels import names
from django.channels.backends.memory import MemoryChannelBackend
from django.channels.patterns import choose
from django.test import SimpleTestCase

letters = st.sampled_from("ab.")
channels = st.lists(
    st.text(letters, min_size=1, max_size=5)
    | st.sampled_from([*names.PROTOCOL_CHANNELS]),
    unique=True,
    max_size=5,
)
# A pattern as a list: a letter, ANY for any one, MANY for any number of them, or
# a set in square brackets.
ANY, MANY = "?", "*"
sets = st.builds("[{}{}]".format, st.sampled_from(["", "!"]), st.just("ab"))
patterns = st.lists(letters | st.sampled_from([ANY, MANY]) | sets, max_size=5)
pattern_lists = st.lists(patterns, max_size=3)


def matches(name, pattern):
    """The rule, said once more."""
    if not pattern:
        return not name
    first, rest = pattern[0], pattern[1:]
    if first == MANY:
        return any(matches(name[i:], rest) for i in range(len(name) + 1))
    if not name:
        return False
    if first == ANY:
        fits = True
    elif len(first) > 1:
        fits = (name[0] in first[1:-1]) != first.startswith("[!")
    else:
        fits = name[0] == first
    return fits and matches(name[1:], rest)


def matches_any_name(name, pattern):
    old = [old for old, today in names.ALIASES.items() if today == name]
    return any(matches(each, pattern) for each in [name, *old])


class ChoosingTests(SimpleTestCase):
    @given(channels, pattern_lists, pattern_lists)
    @example(["a", "b", "ab"], [["*"]], [["a"]])
    @example(["websocket.connect"], [[*"django.", "*"]], [])
    def test_choice(self, channels, include, exclude):
        """Those are chosen that the model says, in their order, or there is none."""
        useless = [
            pattern
            for pattern in include + exclude
            if not any(matches_any_name(name, pattern) for name in channels)
        ]
        expected = [
            name
            for name in channels
            if (not include or any(matches_any_name(name, p) for p in include))
            and not any(matches_any_name(name, p) for p in exclude)
        ]
        given = [["".join(p) for p in each] for each in (include, exclude)]
        if expected and not useless:
            self.assertEqual(choose(channels, *given), expected)
        else:
            with self.assertRaises(ValueError):
                choose(channels, *given)

    @given(channels, st.lists(st.text(max_size=6) | st.text("[]!*?-a", max_size=6)))
    def test_any_pattern(self, channels, include):
        """Any text is a pattern: one that makes no sense matches nothing."""
        try:
            chosen = choose(channels, include)
        except ValueError as error:
            self.assertRegex(str(error), "^No channel")
        else:
            self.assertLessEqual(set(chosen), set(channels))

    @given(channels, st.lists(st.tuples(patterns, st.integers(0, 9)), max_size=4))
    def test_capacity(self, channels, given):
        """A channel's capacity is that of the first pattern that it matches."""
        capacities = {"".join(pattern): number for pattern, number in given}
        assume("*" not in capacities)
        backend = MemoryChannelBackend("default", {"CAPACITY": {"*": 77, **capacities}})
        patterns = {"".join(pattern): pattern for pattern, _ in given}
        for name in channels:
            found = [
                n for text, n in capacities.items() if matches(name, patterns[text])
            ]
            self.assertEqual(backend.capacity_of(name), [*found, 77][0])
