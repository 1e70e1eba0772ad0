from enum import Enum

from django.channels import names
from django.channels.exceptions import InvalidChannelName
from django.test import SimpleTestCase
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy


class NamesTests(SimpleTestCase):
    def test_valid(self):
        for name in ("a", "chat.room-1_x", "a" * 100, "http.reply!abc"):
            with self.subTest(name=name):
                self.assertEqual(names.validate(name), name)

    def test_members_of_enumerations(self):
        """The value is the name, whatever the member is written as."""

        class Name(str, Enum):
            MAIL = "mail"

        for kind in ("channel", "group"):
            name = names.validate(Name.MAIL, kind)
            self.assertEqual(f"{name}", "mail")
        self.assertEqual(f"{names.canonical(Name.MAIL)}", "mail")

    def test_invalid(self):
        """What no backend could carry is refused, and the text says why."""
        for name in ("", "a b", "é", "a" * 101, "a!b!c", "!", "a\n", None, 1, b"\xff"):
            with self.subTest(name=name):
                with self.assertRaisesMessage(
                    InvalidChannelName,
                    f"{name!r} is not a valid channel name: use 1 to 100 ASCII",
                ):
                    names.canonical(name)

    def test_lazy(self):
        for name in (gettext_lazy("a"), SimpleLazyObject(lambda: "a")):
            with self.assertRaisesMessage(InvalidChannelName, "is not a valid"):
                names.canonical(name)

    def test_invalid_group(self):
        with self.assertRaisesMessage(InvalidChannelName, "not a valid group name"):
            names.validate("", "group")

    def test_long_names(self):
        """What a client has sent is for no log, and may be as long as a message."""
        for kind in ("channel", "group"):
            with self.assertRaises(InvalidChannelName) as caught:
                names.validate("a" * 200 + " secret" * 1000, kind)
            self.assertLess(len(str(caught.exception)), 400)
            self.assertNotIn("secret", str(caught.exception))
            self.assertIn("a" * 199 + "… is not a valid", str(caught.exception))

    def test_bytes(self):
        """Redis clients return what was stored as bytes."""
        self.assertEqual(names.canonical(b"http.reply!a"), "http.reply!a")

    def test_names_of_channels_0_1(self):
        self.assertEqual(
            [names.canonical(name) for name in names.ALIASES],
            [
                "http.request",
                "websocket.connect",
                "websocket.receive",
                "websocket.disconnect",
            ],
        )

    def test_new_names_differ(self):
        made = {names.new_name("a.b") for _ in range(100)}
        self.assertEqual(len(made), 100)
        for name in made:
            self.assertTrue(names.validate(name).startswith("a.b."))

    def test_prefix_too_long(self):
        with self.assertRaisesMessage(InvalidChannelName, "too long for a prefix"):
            names.new_name("a" * 76)

    def test_reply_names(self):
        name = names.reply_name("websocket")
        self.assertTrue(name.startswith("websocket.reply!"))
        self.assertTrue(names.is_reply(names.validate(name)))
        self.assertFalse(names.is_reply(names.new_name("a")))
