"""Results: what is kept by an id, for a time."""

from django.channels.codec import MAX_DEPTH
from django.channels.exceptions import InvalidMessage

CONTENT = {"s": "é", "b": b"\0", "n": [None, True, 1.5, {"x": []}]}


class ResultTests:
    """What a backend that ``keeps_results`` does. See DurableDelivery."""

    def store(self, id, content, expiry=60, backend=None):
        if not self.backend.keeps_results:
            self.skipTest("The backend keeps no results.")
        (backend or self.backend).store_result(id, content, expiry)

    def test_result(self):
        self.store("a", CONTENT)
        self.store("a.B-1_2" + 93 * "x", {})
        self.assertEqual(self.backend.result("a"), CONTENT)
        self.assertEqual(self.backend.result("a.B-1_2" + 93 * "x"), {})
        self.assertIsNone(self.backend.result("A"))

    def test_result_is_seen_by_others(self):
        """By any backend of the store, from any thread."""
        self.store("a", CONTENT)
        call = self.in_thread(self.make().result, "a")
        self.assertEqual(call.result(), CONTENT)

    def test_result_is_replaced(self):
        self.store("a", {"n": 1})
        self.store("a", {"n": 2}, backend=self.make())
        self.assertEqual(self.backend.result("a"), {"n": 2})

    def test_result_is_a_copy(self):
        content = {"l": [1]}
        self.store("a", content)
        content["l"].append(2)
        self.backend.result("a")["l"].append(3)
        self.assertEqual(self.backend.result("a"), {"l": [1]})

    def test_result_expires(self):
        self.store("a", {"n": 1}, 1)
        self.store("b", {"n": 2}, 60)
        self.assertEqual(self.backend.result("a"), {"n": 1})
        self.let_pass(1.1)
        self.assertIsNone(self.backend.result("a"))
        self.assertEqual(self.backend.result("b"), {"n": 2})

    def test_replaced_result_lasts_as_long_as_it_says(self):
        self.store("a", {"n": 1}, 0.1)
        self.store("a", {"n": 2}, 60)
        self.store("b", {"n": 3}, 60)
        self.store("b", {"n": 4}, 0.1)
        self.let_pass(0.2)
        self.assertEqual(self.backend.result("a"), {"n": 2})
        self.assertIsNone(self.backend.result("b"))

    def test_result_is_discarded(self):
        self.store("a", {"n": 1})
        self.store("b", {"n": 2})
        for _ in range(2):
            self.backend.discard_result("a")
            self.assertIsNone(self.backend.result("a"))
        self.assertEqual(self.backend.result("b"), {"n": 2})

    def test_result_that_can_not_be_stored(self):
        self.store("a", {"n": 1})
        with self.assertRaisesMessage(InvalidMessage, "'n.0' holds a value of type"):
            self.store("a", {"n": [object()]})
        self.assertEqual(self.backend.result("a"), {"n": 1})

    def test_result_that_no_message_could_hold(self):
        """Whoever asks for it could not read it, or only some backends."""
        deep = []
        for _ in range(MAX_DEPTH):
            deep = [deep]
        for content in ({"n": {1: 2}}, {"n": deep}, {"s": "x" * 2**20, "n": {1}}):
            with self.assertRaisesMessage(InvalidMessage, "key 'n"):
                self.store("a", content)
        self.assertIsNone(self.backend.result("a"))

    def test_flush_of_results(self):
        self.store("a", {"n": 1})
        self.backend.flush()
        self.assertIsNone(self.backend.result("a"))
