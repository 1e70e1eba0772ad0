from benchmarks.load import LoadFailed, good_answers, parse
from django.test import SimpleTestCase

OUTPUT = """\
Running 1s test @ http://127.0.0.1:8000/
  1 threads and 32 connections
Requests/sec:   1999.00
{"requests": 2000, "seconds": 1.0005, "errors": %d, "p50_ms": 14.6, "p99_ms": 39.8}
"""


class ParseTests(SimpleTestCase):
    def test_counts(self):
        """What wrk's script prints last is what counts."""
        counts = parse(OUTPUT % 3)
        self.assertEqual(counts["requests"], 2000)
        self.assertEqual(counts["errors"], 3)
        self.assertEqual(counts["p99_ms"], 39.8)
        self.assertEqual(good_answers(counts), 1997)

    def test_a_run_without_good_answers_fails(self):
        with self.assertRaisesMessage(LoadFailed, "no good answer"):
            good_answers(parse(OUTPUT % 2000))
