from benchmarks.comparison import (
    CPU_RATE,
    RATE,
    Comparison,
    Limit,
    Ratio,
    Spread,
)
from benchmarks.report import Report
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

    def test_aim_for_all_views(self):
        self.assertEqual(self.compare("orm").aim(Ratio("a", "b", aim=2.0)), 2.0)

    def test_cost(self):
        """What is a cost should be no more than its aim, and a rate no less."""
        rate, cost = Ratio("a", "b"), Ratio("a", "b", is_cost=True)
        for value, is_rate, is_cost in [(1, False, True), (2, True, True)]:
            with self.subTest(value):
                self.assertIs(rate.reached(value, 2), is_rate)
                self.assertIs(cost.reached(value, 2), is_cost)
        self.assertIs(cost.reached(3, 2), False)

    def test_limits(self):
        """A limit is about a row, or about what it has more than another."""
        comparison = self.compare()
        alone, more = Limit(RATE, "ours", 9), Limit(RATE, "ours", 9, less="theirs")
        unknown = Limit(RATE, "ours", 9, less="x")
        comparison.wanted_limits = [alone, more, unknown]
        self.assertEqual(comparison.limits, [alone, more])
        self.assertEqual(comparison.limited(alone), Spread(12, 20, 55))
        self.assertEqual(comparison.limited(more), Spread(6.5, 10, 35))
        self.assertEqual(more.name, f"ours − theirs, {RATE}")


class ReportTests(SimpleTestCase):
    def test_a_row_is_a_line(self):
        """Also where there are many columns, as of requests through Redis."""
        names = ["median ms", "p99 ms", "memory MiB", "errors", "load core %"]
        kept = dict.fromkeys([*names, "median ms, 1 connection"], 1_234)
        wanted = [Ratio("through Redis", "in process", aim=0.4)]
        comparison = Comparison("Title", "", wanted, RATE, "")
        for rate in [123_456, 234_567, 345_678]:
            for row in "through Redis", "in process":
                comparison.add(row, {**sample(rate, rate), **kept})
        text = Report({}, [comparison]).markdown()
        rows = [line for line in text.splitlines() if line.startswith("|")]
        self.assertEqual(len(rows), 2 + 2 + 2 + 1, text)
