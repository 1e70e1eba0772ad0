import json
from io import StringIO
from types import SimpleNamespace

from rich.console import Console

from benchmarks.faults import connections, kills, race, report, run, servers
from benchmarks.faults.findings import Findings
from django.test import SimpleTestCase
from django.test.utils import captured_stderr


class ParseTests(SimpleTestCase):
    def test_default_is_every_script(self):
        options = run.parse([])
        self.assertEqual(options.scripts, [*run.SCRIPTS])
        self.assertEqual((options.backends, options.quick), (None, False))

    def test_choice(self):
        backends = ["--backend", "redis", "--backend", "mariadb"]
        options = run.parse(["race", *backends, "--quick"])
        self.assertEqual((options.scripts, options.quick), (["race"], True))
        self.assertEqual(options.backends, ["redis", "mariadb"])
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


class KillsTests(SimpleTestCase):
    # Process 1 was killed in the middle of message 3, process 2 after 4.
    begun = {(1, 10): [0, 3], (2, 20): [1, 4], (3, 30): [3, 4, 2]}
    handled = {(1, 10): [0], (2, 20): [1, 4], (3, 30): [3, 4, 2]}

    def judge(self, begun=begun, handled=handled, killed=frozenset({1, 2})):
        findings = Findings()
        kills.judge(findings, 5, kills.Attempts(begun, handled, killed))
        return [what for what, _, _, holds in findings.checks if not holds]

    def test_what_is_promised(self):
        """A message is handled again if a kill came before it was acknowledged."""
        self.assertEqual(self.judge(), [])
        attempts = kills.Attempts(self.begun, self.handled, {1, 2})
        self.assertEqual((attempts.cut_off(), attempts.repeated()), (1, [4]))

    def test_lost(self):
        handled = {**self.handled, (3, 30): [4, 2]}
        self.assertEqual(
            self.judge(handled=handled),
            ["messages handled", "not finished by living workers"],
        )

    def test_again_with_no_kill(self):
        self.assertEqual(self.judge(killed={1}), ["handled again, though acknowledged"])

    def test_again_though_acknowledged(self):
        """A worker that has begun another message was done with this one."""
        begun = {**self.begun, (2, 20): [4, 1]}
        self.assertEqual(
            self.judge(begun=begun), ["handled again, though acknowledged"]
        )


class ReportTests(SimpleTestCase):
    def test_data_and_text(self):
        findings = Findings("", "messages")
        findings.note("by worker 0", 1_000)
        findings.check("never", 1, 0)
        server = SimpleNamespace(title="Redis", version=lambda: "7.0")
        result = report.Result(race.Race(), server, findings)
        found = report.FaultsReport({"base": "5.2"}, [result])
        self.assertRegex(found.name, r"^\d{4}-\d\d-\d\d-faults$")
        text = found.markdown()
        self.assertIn(f"## {race.Race.title}, on Redis 7.0\n", text)
        self.assertIn("| by worker 0 |    1,000 |", text)
        self.assertIn("| FAILED |", text)
        data = json.loads(json.dumps(found.data()))
        self.assertEqual(data["machine"], {"base": "5.2"})
        (row,) = data["results"]
        self.assertEqual((row["script"], row["server"]), ("race", "Redis"))
        self.assertEqual(
            row["checks"],
            [{"what": "never", "promised": 0, "found": 1, "holds": False}],
        )


class Quick:
    """What is promised is found, in the sizes for CI."""

    def test_quick(self):
        printed = StringIO()
        options = run.parse([self.script.name, "--quick"])
        passed = run.run(options, Console(file=printed, width=120))
        self.assertIs(passed, True, printed.getvalue())
        for backend in self.script.backends:
            title = f"{self.script.title}, on {servers.BACKENDS[backend].title}"
            self.assertIn(title, printed.getvalue())


class QuickRaceTests(Quick, SimpleTestCase):
    script = race.Race


class QuickConnectionsTests(Quick, SimpleTestCase):
    script = connections.Connections


class QuickKillsTests(Quick, SimpleTestCase):
    script = kills.Kills
