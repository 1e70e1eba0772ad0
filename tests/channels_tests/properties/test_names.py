import string

from hypothesis import example, given
from hypothesis import strategies as st

from django.channels import names
from django.channels.exceptions import InvalidChannelName
from django.test import SimpleTestCase

ALLOWED = frozenset(string.ascii_letters + string.digits + "._-")

# Few letters, so that many of the names are valid ones, or nearly.
words = st.text("aZ0._-!", max_size=110)
anything = words | st.text(max_size=110) | st.binary(max_size=5) | st.none()
valid = st.text("aZ0._-", min_size=1, max_size=100)


def is_name(text, parts):
    """The rule, said once more: ``parts`` is how many words there may be."""
    if not isinstance(text, str):
        return False
    words = text.split("!")
    return len(words) <= parts and all(
        1 <= len(word) <= 100 and ALLOWED.issuperset(word) for word in words
    )


class NameTests(SimpleTestCase):
    @given(anything)
    @example("a" * 100 + "!" + "b" * 100)
    @example("a" * 101)
    @example("a!" + "b" * 101)
    @example("a\n")
    @example("!a")
    @example("a!")
    @example("a!b!c")
    @example("ａ")
    @example("٣")
    def test_what_is_a_name(self, name):
        """A name is valid if the rule says so, for channels and for groups."""
        shown = repr(name)
        if len(shown) > 200:
            shown = f"{shown[:200]}…"
        for kind, parts in (("channel", 2), ("group", 1)):
            if is_name(name, parts):
                self.assertEqual(names.validate(name, kind), name)
            else:
                with self.assertRaisesMessage(InvalidChannelName, f"{shown} is not"):
                    names.validate(name, kind)

    @given(words | st.sampled_from([*names.ALIASES]))
    def test_canonical(self, name):
        """A canonical name is its own canonical name, also when read as bytes."""
        if is_name(name, 2):
            canonical = names.canonical(name)
            self.assertEqual(names.canonical(canonical), canonical)
            self.assertEqual(names.canonical(name.encode()), canonical)
            self.assertNotIn(canonical, names.ALIASES)

    @given(st.text("aZ0._-!", max_size=80))
    @example("a" * 75)
    @example("a" * 76)
    @example("a" * 60 + "!b")
    def test_new_name(self, prefix):
        """Whatever has a new name made of it is at the new name's beginning."""
        try:
            name = names.new_name(prefix)
        except InvalidChannelName:
            self.assertTrue(not is_name(prefix, 2) or len(prefix) > 75)
        else:
            self.assertTrue(name.startswith(prefix + "."))
            self.assertEqual(names.is_reply(name), "!" in prefix)

    @given(
        st.sampled_from(["http", "websocket"]), st.just("") | st.text("a0", max_size=24)
    )
    def test_reply_name(self, kind, process):
        """A reply channel's name is valid and tells whose it is."""
        name = names.reply_name(kind, process)
        self.assertEqual(names.canonical(name), name)
        self.assertTrue(names.is_reply(name))
        self.assertEqual(names.process_of(name), process)

    @given(words | st.builds("{}.reply.{}!{}".format, words, words, words))
    def test_process_of_any_name(self, name):
        """Any name at all has an owner, or none: nothing raises."""
        self.assertIsInstance(names.process_of(name), str)
