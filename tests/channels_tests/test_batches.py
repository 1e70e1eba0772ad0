from django.channels.batches import LARGEST, LARGEST_BYTES, batches, each, sent_before
from django.channels.exceptions import BackendUnavailable, MessageTooLarge
from django.test import SimpleTestCase


class BatchesTests(SimpleTestCase):
    def sizes(self, *sizes):
        return [[len(item) for item in batch] for batch in batches(map(bytes, sizes))]

    def test_number(self):
        self.assertEqual(self.sizes(), [])
        self.assertEqual(self.sizes(1), [[1]])
        found = self.sizes(*[1] * (2 * LARGEST + 1))
        self.assertEqual([len(batch) for batch in found], [LARGEST, LARGEST, 1])

    def test_bytes(self):
        """One that is larger than all may be is sent alone."""
        half, whole = LARGEST_BYTES // 2, LARGEST_BYTES
        self.assertEqual(
            self.sizes(half, half, 1, whole, 0, whole + 1, whole + 2, half, 3),
            [[half, half], [1], [whole, 0], [whole + 1], [whole + 2], [half, 3]],
        )


class ErrorTests(SimpleTestCase):
    def test_which_message(self):
        """The error keeps its class."""

        def check(value):
            if value == "b":
                raise MessageTooLarge("Too large.")
            return value.upper()

        self.assertEqual(each(check, "ac"), ["A", "C"])
        with self.assertRaisesMessage(
            MessageTooLarge, "Message 1, counted from 0: Too large."
        ):
            each(check, "abc")

    def test_sent_before(self):
        with self.assertRaises(BackendUnavailable) as caught:
            with sent_before(3):
                raise BackendUnavailable("Away.", unsent=True)
        self.assertEqual((caught.exception.sent, caught.exception.unsent), (3, True))
        with self.assertRaises(ZeroDivisionError), sent_before(3):
            1 / 0
