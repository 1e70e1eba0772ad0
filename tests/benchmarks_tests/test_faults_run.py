from io import StringIO

from rich.console import Console

from benchmarks.faults import connections, race, run, servers
from benchmarks.faults.findings import Findings
from django.test import SimpleTestCase
from django.test.utils import captured_stderr


class ParseTests(SimpleTestCase):
    def test_default_is_every_script(self):
        options = run.parse([])
        self.assertEqual(options.scripts, run.SCRIPTS)
        self.assertEqual((options.backend, options.quick), ("redis", False))

    def test_choice(self):
        options = run.parse(["race", "--backend", "database", "--quick"])
        self.assertEqual((options.scripts, options.quick), (["race"], True))
        for arguments in (["unheard-of"], ["--backend", "memory"]):
            with (
                self.subTest(arguments),
                captured_stderr() as stderr,
                self.assertRaises(SystemExit),
            ):
                run.parse(arguments)
            self.assertIn(repr(arguments[-1]), stderr.getvalue())

    def test_backends(self):
        self.assertEqual(run.BACKENDS, [*servers.BACKENDS])


class JudgeTests(SimpleTestCase):
    def failed(self, findings):
        return [what for what, _, _, holds in findings.checks if not holds]

    def judge_race(self, *shares):
        findings = Findings()
        race.judge(findings, 4, shares, 2)
        return self.failed(findings)

    def test_race(self):
        self.assertEqual(self.judge_race([0, 3], [2, 1]), [])
        missing = ["messages handled exactly once", "never"]
        self.assertEqual(self.judge_race([0, 3], [2]), missing)
        twice = ["messages handled exactly once", "more than once"]
        self.assertEqual(self.judge_race([0, 3], [2, 1, 3]), twice)
        self.assertEqual(self.judge_race([0, 3, 2, 1]), ["workers that took part"])

    def test_connections(self):
        findings = Findings()
        connections.judge(findings, [(5, 20, 9), (99, 99, 99), (15, 31, 8)])
        self.assertEqual(
            self.failed(findings), ["more descriptors than after the first round"]
        )
        self.assertIs(findings.passed, False)


class QuickTests(SimpleTestCase):
    def test_quick(self):
        """What is promised is found, in the sizes for CI."""
        printed = StringIO()
        passed = run.run(run.parse(["--quick"]), Console(file=printed, width=120))
        self.assertIs(passed, True, printed.getvalue())
        for title in (race.Race.title, connections.Connections.title):
            self.assertIn(f"{title}, on Redis", printed.getvalue())
