import json
import re
from io import StringIO
from types import SimpleNamespace
from unittest import mock

from rich.console import Console

from benchmarks.faults import (
    connections,
    kills,
    outage,
    race,
    report,
    rolling,
    run,
    server_killed,
    servers,
    site,
    soak,
)
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


class MainTests(SimpleTestCase):
    def test_sets_up_what_it_runs_on(self):
        """A fresh clone has neither the environment nor Django."""
        done = mock.Mock()
        with (
            mock.patch.object(run, "enter_environment", done.enter),
            mock.patch.object(run, "apply", done.apply),
            mock.patch.object(run, "run", done.run),
            mock.patch.object(run.signal, "signal"),
        ):
            self.assertEqual(run.main(["race"]), 0)
        names = [name for name, *_ in done.mock_calls if "." not in name]
        self.assertEqual(names[:3], ["enter", "apply", "run"])


class ReportTests(SimpleTestCase):
    def test_data_and_text(self):
        findings = Findings("", "messages")
        findings.note("by worker 0", 1_000)
        findings.check("never", 1, 0)
        server = SimpleNamespace(title="Redis", version=lambda: "7.0")
        result = report.Result(race.Race(), server, findings)
        found = report.FaultsReport({"base": "5.2"}, [result])
        self.assertRegex(found.name, r"^\d{4}-\d\d-\d\d-faults$")
        chosen = report.FaultsReport({}, [], ["race", "redis"])
        self.assertRegex(chosen.name, r"-faults-race-redis$")
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


class QuickOutageTests(Quick, SimpleTestCase):
    script = outage.Outage


class QuickRollingTests(Quick, SimpleTestCase):
    script = rolling.Rolling


class QuickServerKilledTests(Quick, SimpleTestCase):
    script = server_killed.ServerKilled


class QuickSoakTests(SimpleTestCase):
    def test_quick(self):
        """Times are for a machine that has nothing else to do."""
        printed = StringIO()
        console = Console(file=printed, width=140)
        with servers.make_server("redis") as server:
            script = soak.Soak(quick=True)
            with site.Site(server, script.options) as place:
                findings = script.run(place)
        findings.show(console)
        failed = [what for what, *_, holds in findings.checks if not holds]
        timed = re.compile("median|growth|refused")
        others = [what for what in failed if not timed.search(what)]
        self.assertEqual(others, [], printed.getvalue())
