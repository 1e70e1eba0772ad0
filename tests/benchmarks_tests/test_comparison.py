from benchmarks.comparison import CPU_RATE, RATE, Comparison, Ratio, Spread
from django.test import SimpleTestCase

RATIO = Ratio("ours", "theirs", {"hello": 1.5})


def sample(rate, cpu_rate=1):
    return {RATE: rate, CPU_RATE: cpu_rate}


class SpreadTests(SimpleTestCase):
    def test_median_between_quartiles(self):
        self.assertEqual(Spread.of([5, 1, 2, 4, 3]), Spread(2, 3, 4))

    def test_one_sample(self):
        """A single round has no spread."""
        self.assertEqual(Spread.of([7]), Spread(7, 7, 7))


class ComparisonTests(SimpleTestCase):
    def compare(self, view="hello"):
        comparison = Comparison("Title", view, [RATIO, Ratio("ours", "x")], RATE, "")
        for ours, theirs in [(20, 10), (4, 1), (90, 30)]:
            comparison.add("ours", sample(ours, cpu_rate=ours * 2))
            comparison.add("theirs", sample(theirs))
        return comparison

    def test_ratio_is_taken_round_by_round(self):
        """A round that was slow for both rows doesn't move their ratio."""
        self.assertEqual(self.compare().ratio(RATIO, RATE), Spread(2.5, 3, 3.5))
        self.assertEqual(self.compare().ratio(RATIO, CPU_RATE).median, 40)

    def test_rounds_must_be_complete(self):
        comparison = self.compare()
        comparison.add("ours", sample(1))
        with self.assertRaises(ValueError):
            comparison.ratio(RATIO, RATE)

    def test_ratios_of_measured_rows_only(self):
        self.assertEqual(self.compare().ratios, [RATIO])

    def test_aim_belongs_to_a_view(self):
        self.assertEqual(self.compare().aim(RATIO), 1.5)
        self.assertIsNone(self.compare("orm").aim(RATIO))

    def test_spread_of_a_metric(self):
        self.assertEqual(self.compare().spread("ours", RATE), Spread(12, 20, 55))
        self.assertEqual(self.compare().metrics, [RATE, CPU_RATE])
