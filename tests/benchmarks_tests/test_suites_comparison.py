import sys
import tempfile
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from benchmarks.environment import ROOT
from benchmarks.suites import comparison as module
from benchmarks.suites.comparison import CPU, WALL, Comparer, Comparison, shares
from benchmarks.suites.difference import MOST_RERUN, RERUNS, differences, settle
from benchmarks.suites.modes import HANDLING, MODES, QUICK
from benchmarks.suites.recording import Recording, error_of, label_of
from benchmarks.suites.suite import Result, Share
from benchmarks.suites.trees import Tree
from django.test import SimpleTestCase

PASSED = {"a.A.test_1": "passed"}
FAILED = {"a.A.test_1": "failed"}
TRACEBACK = """\
Traceback (most recent call last):
  File "somewhere.py", line 1, in test
    self.assertEqual(1, 2)
    ^^^^^^^^^^^^^^^^^^^^^^
AssertionError: 1 != {}

  There is more to say.
And more.
"""


def recorded(outcomes, error="2", modules=None):
    failed = [name for name, each in outcomes.items() if each == "failed"]
    details = {name: TRACEBACK.format(error) for name in failed}
    return Recording(len(outcomes), outcomes, details, modules or {})


def result(outcomes=PASSED, wall=1.0, cpu=1.0, share=Share(1), modules=None):
    return Result(recorded(outcomes, modules=modules), share, wall, cpu)


class RecordingTests(SimpleTestCase):
    def test_error_is_the_last_exceptions_first_line(self):
        self.assertEqual(error_of(TRACEBACK.format(2)), "AssertionError: 1 != 2")
        chained = TRACEBACK + "\nDuring handling:\n\n" + TRACEBACK
        self.assertEqual(error_of(chained.format(1, 2)), "AssertionError: 1 != 2")
        self.assertEqual(error_of(""), "")

    def test_error_has_no_paths_and_addresses(self):
        """What isn't the same in the next run isn't part of it."""
        for given, expected in [
            ("<object at 0x7f00>", "<object at 0x>"),
            (f"'{tempfile.gettempdir()}/django_x1/a.txt'", "'…'"),
            (f"{ROOT}/tests/a.py is missing", "… is missing"),
            (f"{sys.prefix}/bin/python", "…"),
            ("4.006278030300569 is not less than 2.5", "… is not less than 2.5"),
        ]:
            with self.subTest(given):
                self.assertEqual(error_of(f"E: {given}"), f"E: {expected}")

    def test_labels(self):
        for name, label in [
            ("a.tests.A.test_1", "a.tests.A.test_1"),
            ("a.tests.A.test_1 (number=1)", "a.tests.A.test_1"),
            ("setUpClass (a.tests.A)", "a.tests.A"),
            ("unittest.loader._FailedTest.a.tests", "a.tests"),
        ]:
            with self.subTest(name):
                self.assertEqual(label_of(name), label)

    def test_digest_depends_on_outcomes_only(self):
        first = Recording(2, {"a": "passed", "b": "failed"}, {"b": "Here."})
        second = Recording(2, {"b": "failed", "a": "passed"}, {"b": "There."})
        self.assertEqual(first.digest, second.digest)
        self.assertNotEqual(first.digest, recorded(PASSED).digest)


class DifferenceTests(SimpleTestCase):
    def find(self, pristine, patched):
        return differences([(recorded(pristine), recorded(patched))])

    def test_same(self):
        self.assertEqual(self.find(FAILED, FAILED), [])

    def test_outcome_differs(self):
        [found] = self.find(PASSED, FAILED)
        self.assertEqual(found.name, "a.A.test_1")
        self.assertEqual(found.pristine, ["passed"])
        self.assertEqual(found.patched, ["failed: AssertionError: 1 != 2"])
        self.assertIs(found.is_unstable, False)

    def test_test_is_in_one_tree_only(self):
        for pristine, patched in [({}, PASSED), (PASSED, {})]:
            with self.subTest(pristine=pristine):
                [found] = self.find(pristine, patched)
                self.assertIs(found.is_unstable, False)

    def test_differs_in_any_round(self):
        both = recorded(PASSED)
        [found] = differences([(both, both), (both, recorded(FAILED))])
        self.assertEqual(len(found.patched), 2)

    def test_unstable_if_pristine_has_it_too(self):
        """As soon as pristine Django fails alike, no more is run."""
        [found] = self.find(PASSED, FAILED)
        reruns = [(recorded(PASSED), recorded(PASSED)), (recorded(FAILED),) * 2]
        rerun = mock.Mock(side_effect=reruns)
        settle([found], rerun)
        rerun.assert_has_calls([mock.call("a.A.test_1")] * 2)
        self.assertEqual(found.reruns, 2)
        self.assertIs(found.is_unstable, True)

    def test_another_error_clears_nothing(self):
        [found] = self.find(PASSED, FAILED)
        settle([found], lambda label: (recorded(FAILED, "3"), recorded(PASSED)))
        self.assertEqual(found.reruns, RERUNS)
        self.assertIs(found.is_unstable, False)

    def test_passing_again_clears_nothing(self):
        """A test that fails in the patched tree only, if only once, differs."""
        [found] = self.find(PASSED, FAILED)
        settle([found], lambda label: (recorded(PASSED), recorded(PASSED)))
        self.assertIs(found.is_unstable, False)

    def test_pristine_failed(self):
        [found] = self.find(FAILED, PASSED)
        settle([found], lambda label: (recorded(PASSED), recorded(PASSED)))
        self.assertEqual(found.reruns, 1)
        self.assertIs(found.is_unstable, True)

    def test_many_differ(self):
        names = [f"a.A.test_{number}" for number in range(MOST_RERUN + 1)]
        found = self.find({}, dict.fromkeys(names, "passed"))
        settle(found, rerun=None)
        self.assertEqual([each.reruns for each in found], [0] * len(names))


class ComparisonTests(SimpleTestCase):
    def compare(self, *rounds):
        recordings = [[each.recording for each in pair] for pair in rounds]
        return Comparison(MODES["default"], rounds, differences(recordings))

    def test_swapped_cores_cancel_out(self):
        """A core that is twice as fast makes no tree the better one."""
        comparison = self.compare(
            (result(wall=10, cpu=5), result(wall=20, cpu=5)),
            (result(wall=20, cpu=5), result(wall=10, cpu=5)),
        )
        self.assertAlmostEqual(comparison.ratio(WALL), 1)
        self.assertAlmostEqual(comparison.ratio(CPU), 1)

    def test_failing_in_both(self):
        outcomes = {**FAILED, "a.A.test_2": "failed", "a.A.test_3": "error"}
        comparison = self.compare((result(outcomes), result(FAILED)))
        self.assertEqual(comparison.failing, ["a.A.test_1"])
        self.assertEqual(len(comparison.different), 2)
        self.assertEqual(comparison.unstable, [])

    def test_modules_are_summed_up(self):
        pair = (
            result(modules={"a": [3, 1, 1], "b": [1, 1, 1]}),
            result(modules={"a": [3, 2, 2]}),
        )
        self.assertEqual(self.compare(pair, pair).modules(), {"a": (3, 2, 4)})


class ComparerTests(SimpleTestCase):
    def setUp(self):
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        trees = [Tree(name, Path(folder.name)) for name in ("pristine", "patched")]
        self.groups = []
        cores = mock.patch.object(module, "available_cores", return_value=[4, 5])
        with cores:
            self.comparer = Comparer(trees, None, Path(folder.name), None)
            self.serial = Comparer(trees, None, Path(folder.name), None, True)

    def run_suites(self, title, suites):
        self.groups.append(suites)
        return [result(share=suite.share) for suite in suites]

    def compare(self, comparer, rounds):
        with mock.patch.object(comparer, "run", self.run_suites):
            return comparer.compare(MODES["off"], ["a"], rounds)

    def test_side_by_side(self):
        """The trees swap cores from round to round."""
        comparison = self.compare(self.comparer, rounds=2)
        self.assertEqual(
            [[suite.tree.name for suite in suites] for suites in self.groups],
            [["pristine", "patched"]] * 2,
        )
        self.assertEqual(
            [[suite.share.numbers for suite in suites] for suites in self.groups],
            [[(4,), (5,)], [(5,), (4,)]],
        )
        self.assertEqual(len(comparison.rounds), 2)

    def test_only_the_patched_tree_has_the_modes_settings(self):
        self.compare(self.comparer, rounds=1)
        settings = [suite.settings for suite in self.groups[0]]
        self.assertEqual(settings, [{}, {"CHANNEL_HTTP_BACKEND": None}])

    def test_serial(self):
        """One after the other on all cores; each is the first in its turn."""
        self.compare(self.serial, rounds=2)
        self.assertEqual(
            [[suite.tree.name for suite in suites] for suites in self.groups],
            [["pristine"], ["patched"], ["patched"], ["pristine"]],
        )
        self.assertEqual(self.groups[0][0].share, Share(2))

    def test_recorded(self):
        """The patched tree runs alone, and pristine's outcomes are known."""
        self.assertIsNone(self.comparer.recorded())
        known = recorded(
            {**PASSED, "b.B.test_1": "passed", "c.C.test_1": "failed"},
            modules={"a": [1, 1, 1], "b": [1, 1, 1], "c": [1, 1, 1]},
        )
        with mock.patch.object(self.comparer, "run", self.run_suites):
            comparison = self.comparer.compare_recorded(MODES["off"], ["a", "b"], known)
        first, *again = self.groups
        self.assertEqual([suite.tree.name for suite in first], ["patched"])
        # What ran of the one only is run again in both.
        self.assertEqual([len(suites) for suites in again], [2] * len(again))
        self.assertEqual([d.name for d in comparison.differences], ["b.B.test_1"])
        self.assertIsNone(comparison.ratio(WALL))
        self.assertEqual(comparison.modules(), {})

    def test_differing_test_is_run_again(self):
        outcomes = iter([PASSED, FAILED, FAILED, PASSED])

        def run_suites(title, suites):
            self.groups.append(suites)
            return [result(next(outcomes)) for suite in suites]

        with mock.patch.object(self.comparer, "run", run_suites):
            comparison = self.comparer.compare(MODES["default"], ["a"])
        self.assertEqual(self.groups[1][0].labels, ["a.A.test_1"])
        self.assertEqual(comparison.different, [])
        self.assertEqual([each.reruns for each in comparison.unstable], [1])

    def test_shares(self):
        for cores, expected in [
            ([], [Share(1), Share(1)]),
            ([3], [Share(1), Share(1)]),
            ([0, 1, 2, 3], [Share(2, (0, 1)), Share(2, (2, 3))]),
            ([0, 1, 2], [Share(1, (0,)), Share(1, (1,))]),
        ]:
            with self.subTest(cores=cores):
                self.assertEqual(shares(cores, is_serial=False), expected)


class ModeTests(SimpleTestCase):
    def test_modules(self):
        everything = ["admin_views", "basic", "handlers"]
        self.assertEqual(MODES["default"].choose(everything), everything)
        chosen = MODES["encoded"].choose(everything)
        self.assertEqual(chosen, ["admin_views", "handlers"])

    def test_labels_are_upstreams(self):
        """Each label is a folder of this base's tests."""
        for label in {*HANDLING, *QUICK}:
            with self.subTest(label):
                self.assertIs((ROOT / "tests" / label / "__init__.py").exists(), True)
