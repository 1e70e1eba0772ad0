from django.channels.patterns import choose
from django.test import SimpleTestCase

CHANNELS = ["mail.welcome", "mail.goodbye", "websocket.connect", "http.request"]
LISTED = (
    "There are consumers for: http.request, mail.goodbye, mail.welcome, "
    "websocket.connect."
)


class ChooseTests(SimpleTestCase):
    def test_all(self):
        self.assertEqual(choose(CHANNELS), CHANNELS)

    def test_include(self):
        """Any pattern may match, and the order is that of the channels."""
        self.assertEqual(
            choose(CHANNELS, ["http.request", "mail.*"]),
            ["mail.welcome", "mail.goodbye", "http.request"],
        )

    def test_exclude(self):
        self.assertEqual(choose(CHANNELS, [], ["*.*e*st", "web*"]), CHANNELS[:2])
        self.assertEqual(choose(CHANNELS, ["mail.*"], ["*.welcome"]), CHANNELS[1:2])

    def test_old_names(self):
        """The names of channels 0.1 work, in patterns too."""
        for pattern in ("django.websocket.connect", "django.web*"):
            with self.subTest(pattern):
                self.assertEqual(choose(CHANNELS, [pattern]), ["websocket.connect"])
        self.assertEqual(choose(CHANNELS, exclude=["django.*"]), CHANNELS[:2])

    def test_no_match(self):
        """A pattern that matches nothing is an error, wherever it stands."""
        msg = f"No channel that has a consumer matches 'Mail.*'. {LISTED}"
        for patterns in (["mail.*", "Mail.*"], []), (["mail.*"], ["Mail.*"]):
            with self.subTest(patterns), self.assertRaisesMessage(ValueError, msg):
                choose(CHANNELS, *patterns)

    def test_nothing_left(self):
        msg = f"No channel is left to receive from. {LISTED}"
        with self.assertRaisesMessage(ValueError, msg):
            choose(CHANNELS, ["mail.*"], ["*"])
        with self.assertRaisesMessage(ValueError, "There are no consumers."):
            choose([])
