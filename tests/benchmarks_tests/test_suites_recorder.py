import json
import unittest
from functools import partial
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.environment import ROOT
from benchmarks.suites.database import SQLite
from benchmarks.suites.inside.suite_recorder import Recording, RecordingResult
from benchmarks.suites.suite import Share, Suite
from benchmarks.suites.trees import Tree
from django.test import SimpleTestCase


def make_tests():
    """Return test cases that have each outcome; not to be discovered."""

    class Outcomes(unittest.TestCase):
        def test_passes(self):
            pass

        @unittest.skip("Not now.")
        def test_is_skipped(self):
            pass

        def test_fails(self):
            self.assertEqual(1, 2)

        def test_breaks(self):
            raise ValueError("Broken.")

        @unittest.expectedFailure
        def test_fails_as_expected(self):
            self.fail()

        @unittest.expectedFailure
        def test_passes_unexpectedly(self):
            pass

        def test_has_subtests(self):
            for number in range(3):
                with self.subTest(number=number):
                    self.assertNotEqual(number, 1)

        def test_has_a_skipped_subtest(self):
            with self.subTest():
                self.skipTest("Not this one.")

        def test_names_an_object(self):
            with self.subTest(what=object()):
                self.fail()

    class BrokenSetUp(unittest.TestCase):
        @classmethod
        def setUpClass(cls):
            raise ValueError("Nothing works.")

        def test_never_runs(self):
            pass

    load = unittest.defaultTestLoader.loadTestsFromTestCase
    return unittest.TestSuite([load(Outcomes), load(BrokenSetUp)])


class RecordingTests(SimpleTestCase):
    def setUp(self):
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = Path(folder.name) / "recording.json"

    def record(self, is_timed=True):
        recording = Recording(self.file, total=10, is_timed=is_timed)
        resultclass = partial(RecordingResult, recording=recording)
        runner = unittest.TextTestRunner(stream=StringIO(), resultclass=resultclass)
        runner.run(make_tests())
        recording.write()
        return json.loads(self.file.read_text())

    def test_outcomes(self):
        outcomes = self.record()["outcomes"]
        names = {name.partition("<locals>.")[2] or name: name for name in outcomes}
        found = {short: outcomes[name] for short, name in names.items()}
        [set_up] = [short for short in found if "BrokenSetUp" in short]
        self.assertTrue(names[set_up].startswith("setUpClass ("))
        self.assertEqual(found.pop(set_up), "error")
        self.assertEqual(
            {name.removeprefix("Outcomes.test_"): each for name, each in found.items()},
            {
                "passes": "passed",
                "is_skipped": "skipped",
                "fails": "failed",
                "breaks": "error",
                "fails_as_expected": "expected failure",
                "passes_unexpectedly": "unexpected success",
                "has_subtests": "failed",
                "has_subtests (number=1)": "failed",
                "has_a_skipped_subtest": "skipped",
                "names_an_object": "failed",
                "names_an_object (what=<object object at 0x>)": "failed",
            },
        )

    def test_details(self):
        """Failures have their traceback, and skipped tests the reason."""
        details = self.record()["details"]
        details = {name.rpartition(".")[2]: text for name, text in details.items()}
        self.assertIn("AssertionError: 1 != 2", details["test_fails"])
        self.assertIn('raise ValueError("Broken.")', details["test_breaks"])
        self.assertEqual(details["test_is_skipped"], "Not now.")
        self.assertEqual(details["test_has_a_skipped_subtest"], "Not this one.")

    def test_modules(self):
        """A module has its tests counted and timed, where that is known."""
        recorded = self.record()
        self.assertEqual(recorded["ran"], 9)
        self.assertEqual(recorded["modules"]["benchmarks_tests"][0], 9)
        self.assertEqual(self.record(is_timed=False)["modules"], {})

    def test_set_up_replayed(self):
        """A parallel run tells of a class's set-up with a test of the class."""
        recording = Recording(self.file, total=2, is_timed=False)
        result = RecordingResult(
            StringIO(), descriptions=True, verbosity=0, recording=recording
        )
        test = RecordingTests("test_modules")
        name = f"{__name__}.RecordingTests"
        result.addSkip(test, "Not this class.")
        self.assertEqual(recording.outcomes, {f"setUpClass ({name})": "skipped"})
        result.startTest(test)
        result.addSuccess(test)
        result.stopTest(test)
        self.assertEqual(recording.outcomes[f"{name}.test_modules"], "passed")
        with self.assertRaises(ValueError) as caught:
            raise ValueError
        error = (ValueError, caught.exception, None)
        result.addError(test, error)
        self.assertEqual(recording.outcomes[f"tearDownClass ({name})"], "error")

    def test_worst_outcome_counts(self):
        """A test that fails and can't be torn down either is an error."""
        recording = Recording(self.file, total=1, is_timed=True)
        recording.add("name", "error", "One.")
        recording.add("name", "failed", "Two.")
        self.assertEqual(recording.outcomes, {"name": "error"})
        self.assertEqual(recording.details, {"name": "One.\nTwo."})
        recording.write()

    def test_progress(self):
        """The last test begun is named, so that one that hangs is known."""
        self.record()
        line = self.file.with_suffix(".progress").read_text()
        ran, total, name = line.split()
        self.assertEqual((ran, total), ("8", "10"))
        self.assertIn("Outcomes.test_", name)


class SuiteTests(SimpleTestCase):
    def run_suite(self, processes):
        with TemporaryDirectory() as folder:
            file = Path(folder) / "suite.json"
            tree, settings = Tree("patched", ROOT), {"CHANNEL_HTTP_BACKEND": None}
            suite = Suite(tree, settings, ["wsgi", "dispatch"], file, Share(processes))
            with suite.running(SQLite()) as run:
                run.ending.join()
                run.check()
            return run.result()

    def test_recorded(self):
        """A suite runs and records the same, in one process and in two."""
        one, two = self.run_suite(1), self.run_suite(2)
        self.assertEqual(one.recording.failures, [])
        self.assertGreater(one.recording.ran, 20)
        self.assertEqual(one.recording.ran, two.recording.ran)
        self.assertEqual(one.recording.digest, two.recording.digest)
        self.assertEqual({*one.recording.modules}, {"wsgi", "dispatch"})
        self.assertEqual(two.recording.modules, {})
        self.assertIsNone(one.database_cpu_seconds)
