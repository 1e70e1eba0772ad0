from benchmarks.growth import KINDS, TIMES, grow, row
from django.test import SimpleTestCase


class Crowd:
    """Sockets that remember what they were asked to do."""

    def __init__(self):
        self.asked = []

    def ask(self, *words):
        self.asked.append(words)


class GrowTests(SimpleTestCase):
    def asked(self, kind, has, wanted):
        crowd = Crowd()
        grow(kind, crowd, 2, has, wanted)
        return crowd.asked

    def test_only_what_is_missing(self):
        self.assertEqual(self.asked("connections", 2, 20), [("open", 18)])

    def test_equal_shares(self):
        """Each of the sockets has as many new ones as the others."""
        join = [("each", "join 2 11", "join 11 20")]
        self.assertEqual(self.asked("groups", 2, 20), join)
        queue = [("each", "queue 0 1", "queue 1 2")]
        self.assertEqual(self.asked("queued messages", 0, 2), queue)

    def test_rows(self):
        rows = {row(times, kind) for kind in KINDS for times in TIMES}
        self.assertEqual(len(rows), 9)
        self.assertIn("10x groups", rows)
