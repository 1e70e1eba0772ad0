import json
import os
import signal
import sys
from io import StringIO
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryDirectory
from unittest import mock

from patchset_tests.project import HOOKED, RELEASES, ProjectTestCase
from rich.console import Console

from benchmarks import report as benchmarks_report
from benchmarks.suites import database, run, suite, trees
from benchmarks.suites.comparison import Comparison
from benchmarks.suites.difference import Difference
from benchmarks.suites.ending import Ending
from benchmarks.suites.modes import MODES, QUICK
from benchmarks.suites.progress import counts
from benchmarks.suites.report import SuitesReport
from django.test import SimpleTestCase
from django.test.utils import captured_stderr, captured_stdout
from patchset import PatchsetError

from .test_suites_comparison import FAILED, result

OUTPUT = "The last thing it said.\n"


class ParseTests(SimpleTestCase):
    def test_default(self):
        options = run.parse([])
        self.assertEqual((options.labels, options.modes), ([], ["default"]))
        self.assertEqual((options.database, options.rounds), ("sqlite", 1))

    def test_quick(self):
        options = run.parse(["--quick"])
        self.assertEqual((options.labels, options.modes), (QUICK, [*MODES]))

    def test_refused(self):
        for arguments in (["--quick", "wsgi"], ["--rounds", "0"], ["--modes", "on"]):
            with (
                self.subTest(arguments),
                captured_stderr(),
                self.assertRaises(SystemExit),
            ):
                run.parse(arguments)

    def test_databases(self):
        self.assertEqual(run.DATABASES, [*database.DATABASES])

    def test_labels(self):
        """Only what pristine Django has, too, can be compared."""
        self.assertEqual(run.choose([], ["a", "b"]), ["a", "b"])
        self.assertEqual(run.choose(["a.tests.A"], ["a", "b"]), ["a.tests.A"])
        with self.assertRaisesMessage(PatchsetError, "no tests channels_tests"):
            run.choose(["a", "channels_tests"], ["a", "b"])


class TreeTests(ProjectTestCase):
    def pristine(self):
        with captured_stdout():
            return trees.pristine(self.base(), self.fetch)

    def test_pristine_is_the_archive(self):
        """The files are those that the patched tree has, without the hooks."""
        self.add_patch()
        tree = self.pristine()
        self.apply()
        for path, text in RELEASES["5.2"].items():
            is_unpacked = not path.startswith("extras/")
            path = path if "/" in path else f"upstream/{path}"
            with self.subTest(path):
                self.assertIs((tree.folder / path).exists(), is_unpacked)
                self.assertIs((self.root / path).exists(), is_unpacked)
                if is_unpacked:
                    self.assertEqual((tree.folder / path).read_text(), text)
        self.assertNotEqual(self.read(HOOKED), RELEASES["5.2"][HOOKED])

    def test_pristine_is_put_right(self):
        tree = self.pristine()
        (tree.folder / HOOKED).write_text("Changed by hand.\n")
        (tree.folder / "tests/runtests.py").unlink()
        self.pristine()
        self.assertEqual((tree.folder / HOOKED).read_text(), RELEASES["5.2"][HOOKED])
        self.assertIs((tree.folder / "tests/runtests.py").exists(), True)

    def test_environ(self):
        """A suite sees its own tree, and none of this process's settings."""
        variables = {"PYTHONPATH": "/elsewhere", "DJANGO_SETTINGS_MODULE": "x"}
        with mock.patch.dict(os.environ, variables):
            environ = trees.Tree("name", Path("/tree")).environ("/inside", A="1")
        paths = os.pathsep.join(["/tree", "/inside"])
        self.assertEqual(environ["PYTHONPATH"], paths)
        self.assertNotIn("DJANGO_SETTINGS_MODULE", environ)
        self.assertEqual(environ["A"], "1")


class SuiteTests(SimpleTestCase):
    def setUp(self):
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file = Path(folder.name) / "suite.json"
        tree = trees.Tree("pristine", Path(folder.name))
        share = suite.Share(1, (2, 3))
        self.suite = suite.Suite(tree, {"A": None}, ["wsgi"], file, share)

    def test_command(self):
        with mock.patch.object(os, "geteuid", return_value=1000):
            command = self.suite.command()
        self.assertEqual(command[:3], ["taskset", "-c", "2,3"])
        self.assertEqual(command[3:5], [sys.executable, "runtests.py"])
        self.assertEqual(command[-1], "wsgi")

    def test_root_has_no_rights_over_files(self):
        for has_setpriv, expected in [("/bin/setpriv", "setpriv"), (None, None)]:
            with (
                self.subTest(has_setpriv),
                mock.patch.object(os, "geteuid", return_value=0),
                mock.patch.object(suite.shutil, "which", return_value=has_setpriv),
            ):
                self.assertEqual(next(iter(suite.unprivileged()), None), expected)

    def test_settings_are_passed(self):
        environ = self.suite.environ(SUITE_SOCKET="/socket")
        self.assertEqual(json.loads(environ["SUITE_SETTINGS"]), {"A": None})
        self.assertEqual(environ["SUITE_SOCKET"], "/socket")

    def run_with(self, **ending):
        return suite.Run(self.suite, mock.Mock(**ending), None)

    def test_failed(self):
        """A suite that records nothing is an error that shows where and why."""
        self.suite.log.write_text(OUTPUT)
        failed = self.run_with(is_over=True, status=1)
        for where in ("its set-up", "a.A.test_1"):
            message = f"status 1 in {where}:\n{OUTPUT.strip()}"
            with self.assertRaisesMessage(suite.SuiteFailed, message):
                failed.check()
            self.suite.progress.write_text("0 1 a.A.test_1  ")
        self.suite.file.write_text("{}")
        failed.check()

    def test_stands_still(self):
        """Where no test ends for long, the suite is ended; the set-up isn't."""
        ending = mock.Mock(is_over=False, **{"wait.return_value": False})
        running = suite.Run(self.suite, ending, None)
        running.wait(0)
        self.suite.progress.write_text("0 1 a.A.test_1")
        running.wait(0)
        ending.process.send_signal.assert_not_called()
        os.utime(self.suite.progress, (1, 1))
        running.wait(0)
        ending.process.send_signal.assert_called_once_with(signal.SIGABRT)

    def test_progress(self):
        self.assertEqual(counts([self.run_with(is_over=False)]), "pristine setting up")
        self.suite.progress.write_text("1200 18000 a.A.test_1  ")
        running = self.run_with(is_over=False)
        self.assertEqual(counts([running]), "pristine 1,200 of 18,000")
        self.assertEqual(counts([self.run_with(is_over=True)]), "pristine ended")


class EndingTests(SimpleTestCase):
    def test_usage(self):
        """The status is there with the usage, children's included."""
        process = Popen([sys.executable, "-c", "raise SystemExit(3)"])
        ending = Ending(process)
        ending.join()
        process.returncode = ending.status  # It can't be waited for again.
        self.assertEqual(ending.status, 3)
        self.assertGreater(ending.wall_seconds, 0)
        self.assertGreater(ending.cpu_seconds, 0)

    def test_taken_by_somebody_else(self):
        with mock.patch.object(os, "wait4", side_effect=ChildProcessError):
            ending = Ending(mock.Mock(pid=1))
            ending.join()
        self.assertEqual((ending.is_over, ending.cpu_seconds), (True, None))


class DatabaseTests(SimpleTestCase):
    def test_missing_server(self):
        server = database.PostgreSQL()
        with (
            mock.patch.object(server, "programs", return_value=None),
            mock.patch.object(database, "install_package") as install,
            self.assertRaisesMessage(
                database.DatabaseFailed, "sudo apt-get install postgresql"
            ),
        ):
            server.prepare()
        install.assert_called_once_with("postgresql")

    def test_server_is_not_roots(self):
        nobody = mock.Mock(pw_uid=65534, pw_gid=65534)
        with (
            mock.patch.object(os, "geteuid", return_value=0),
            mock.patch.object(
                database.pwd, "getpwnam", side_effect=[KeyError, nobody]
            ) as find,
        ):
            owner = database.server_user()
        find.assert_called_with("nobody")
        self.assertEqual(owner, {"user": 65534, "group": 65534, "extra_groups": []})
        with mock.patch.object(os, "geteuid", return_value=1000):
            self.assertEqual(database.server_user(), {})


class ReportTests(SimpleTestCase):
    machine = {"base": "5.2", "Django": "5.2.1", "SQLite": "3"}

    def setUp(self):
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        results = mock.patch.object(benchmarks_report, "RESULTS", Path(folder.name))
        results.start()
        self.addCleanup(results.stop)

    def report(self, *found, wall=1.0):
        pair = result(FAILED, modules={"a": [1, 1, 2.0]}), result(FAILED, wall=wall)
        pair[1].recording.modules["a"] = [1, 1, 3.5]
        comparison = Comparison(MODES["default"], [pair], list(found))
        return SuitesReport(self.machine, [comparison])

    def text(self, report):
        file = StringIO()
        report.show(Console(file=file, width=120))
        return " ".join(file.getvalue().split())

    def test_no_difference(self):
        text = self.text(self.report())
        self.assertIn("## default: no difference", text)
        self.assertIn("1.000 1.000 ≤ 1.03 reached", text)
        self.assertIn("a 1 2.00 3.50 +1.50", text)
        self.assertIn(
            "Failing in both trees: - a.A.test_1: failed: AssertionError: 1 != 2", text
        )

    def test_aim_missed(self):
        self.assertIn("missed: wall s", self.text(self.report(wall=1.1)))

    def test_differences(self):
        """What differs is named, and what is unstable is told from it."""
        text = self.text(
            self.report(
                Difference("b.B.test_2", ["passed"], ["failed: E"]),
                Difference("c.C.test_3", ["passed", "failed: E"], ["failed: E", None]),
                Difference("d.D.test_4", ["passed", "skipped"], ["skipped", "passed"]),
            )
        )
        self.assertIn("## default: 2 tests with different outcomes", text)
        self.assertIn("- b.B.test_2 - pristine: passed - patched: failed: E", text)
        self.assertIn("patched: failed: E; not run Unstable", text)
        self.assertIn("too: - d.D.test_4 - pristine: passed; skipped", text)

    def test_subtest_differs(self):
        """A subtest is only known where it failed."""
        name = "b.B.test_2 (number=1)"
        text = self.text(self.report(Difference(name, [None], ["failed: E"])))
        self.assertIn(f"- {name} - pristine: no failure - patched: failed: E", text)

    def test_stored(self):
        report = self.report(Difference("b.B.test_2", ["passed"], ["failed: E"], 3))
        data, text = report.store()
        self.assertEqual(data.name, f"{report.date}-suites-5.2-sqlite.json")
        self.assertIn("# Test suites, ", text.read_text())
        self.assertIn('"a": [1, 2.0, 3.5]', data.read_text())
        [stored] = json.loads(data.read_text())["comparisons"]
        self.assertEqual(stored["rounds"][0]["patched"]["failed"], 1)
        self.assertEqual(stored["different"][0]["reruns"], 3)
        self.assertEqual(
            stored["failing in both"], {"a.A.test_1": "failed: AssertionError: 1 != 2"}
        )
