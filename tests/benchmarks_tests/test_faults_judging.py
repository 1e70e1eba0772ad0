from collections import Counter
from types import SimpleNamespace

from benchmarks.faults import (
    connections,
    kills,
    outage,
    race,
    rolling,
    server_killed,
    soak,
)
from benchmarks.faults.findings import Findings
from benchmarks.faults.requests import Answers
from django.test import SimpleTestCase


def failed(findings):
    """Return what was promised and not found."""
    return [what for what, _, _, holds in findings.checks if not holds]


class JudgeTests(SimpleTestCase):
    def judge_race(self, *shares):
        findings = Findings()
        race.judge(findings, 4, shares, 2)
        return failed(findings)

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
            failed(findings), ["more descriptors than after the first round"]
        )
        self.assertIs(findings.passed, False)


class KillsTests(SimpleTestCase):
    # Process 1 was killed in the middle of message 3, process 2 after 4.
    begun = {(1, 10): [0, 3], (2, 20): [1, 4], (3, 30): [3, 4, 2]}
    handled = {(1, 10): [0], (2, 20): [1, 4], (3, 30): [3, 4, 2]}

    def judge(self, begun=begun, handled=handled, killed=frozenset({1, 2})):
        findings = Findings()
        kills.judge(findings, 5, kills.Attempts(begun, handled, killed))
        return failed(findings)

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


class OutageTests(SimpleTestCase):
    """Even numbers are sent at most once, odd ones are durable."""

    def account(self, sent=(), unsent=(9,), unclear=(), before=(), handled=(), **found):
        outcomes = {"sent": {*sent}, "unsent": {*unsent}, "unclear": {*unclear}}
        found = {"seconds": 0.1, "longest": 5, "others": [], **found}
        return outage.Account(outcomes, {*before}, Counter(handled), **found)

    def judge(self, name="silence", **account):
        findings = Findings()
        outage.judge(findings, name, self.account(**account))
        return failed(findings)

    def judge_sum(self, dropped=0, **accounts):
        findings = Findings()
        outage.judge_sum(findings, accounts, dropped)
        return findings.passed

    def test_what_is_promised(self):
        """Who isn't told whether it was sent finds it handled or not."""
        self.assertEqual(
            self.judge(sent=[0, 1, 2], unclear=[3, 5], handled=[0, 1, 1, 5]), []
        )

    def test_what_is_not(self):
        for what, account in {
            "BackendUnavailable raised": {"unsent": []},
            "other errors raised": {"others": ["OSError"]},
            "longest send, s": {"longest": 99},
            "at most once, handled twice": {"sent": [0], "handled": [0, 0]},
            "durable, sent, lost": {"sent": [1, 3], "handled": [1]},
            "handled, though raised as unsent": {"unsent": [7], "handled": [7]},
        }.items():
            with self.subTest(what):
                self.assertEqual(self.judge(**account), [f"silence: {what}"])

    def test_loss(self):
        """What a server that keeps nothing had is lost; later messages aren't."""
        account = {"sent": [1, 3], "before": [1]}
        self.assertEqual(self.judge("loss", handled=[3], **account), [])
        self.assertEqual(
            self.judge("loss", handled=[1], **account),
            ["loss: durable, sent afterwards, lost"],
        )

    def test_sum(self):
        """What is neither handled nor counted is lost."""
        kept = self.account(sent=[0, 2, 4])
        loss = self.account(sent=[6, 8, 1], before=[6, 8])
        self.assertIs(self.judge_sum(restart=kept, loss=loss, dropped=2), False)
        self.assertIs(self.judge_sum(loss=loss, cut=kept, dropped=3), True)


class RollingTests(SimpleTestCase):
    def judge(self, **found):
        found = {"said": 2, "echoes": [0, 1], "broadcasts": [0, 1, 2], **found}
        client = SimpleNamespace(lost=None, **found)
        findings = Findings("", "number")
        rolling.judge(findings, [client], 3)
        return failed(findings)

    def test_what_is_promised(self):
        self.assertEqual(self.judge(), [])

    def test_what_is_not(self):
        self.assertEqual(self.judge(echoes=[0]), ["frames that came back"])
        late = ["sockets that heard something twice or late"]
        self.assertEqual(self.judge(echoes=[1, 0]), late)
        self.assertEqual(self.judge(broadcasts=[0, 2, 2]), late)
        missed = ["frames to all, heard by each"]
        self.assertEqual(self.judge(broadcasts=[0, 2]), missed)

    def test_dropped(self):
        client = SimpleNamespace(said=0, echoes=[], broadcasts=[], lost="yes")
        findings = Findings("", "number")
        rolling.judge(findings, [client], 0)
        self.assertEqual(failed(findings), ["sockets dropped"])


class ServerKilledTests(SimpleTestCase):
    def judge(self, *sends):
        before = (9.0, 0.1, 2, None)
        findings = Findings("", "before", "after")
        rows = [server_killed.Send(*row) for row in (before, *sends)]
        server_killed.judge(findings, rows, killed_at=10, lease=6)
        return failed(findings)

    def test_what_is_promised(self):
        self.assertEqual(self.judge((11, 0.1, 2, None), (17, 0.1, 1, None)), [])

    def test_what_is_not(self):
        self.assertEqual(
            self.judge((11, 5, 2, None), (17, 0.1, 1, None)),
            ["slowest send after the kill, s"],
        )
        self.assertEqual(
            self.judge((11, 0.1, 2, "ChannelFull"), (17, 0.1, 1, None)),
            ["sends that failed"],
        )
        self.assertEqual(
            self.judge((17, 0.1, 2, None)), ["that left the killed one in the group"]
        )
        self.assertEqual(
            self.judge((11, 0.1, 1, None)), ["sends after the lease's end"]
        )

    def test_clients(self):
        clients = [
            SimpleNamespace(broadcasts=[0, 1], lost=None),
            SimpleNamespace(broadcasts=[1, 0], lost="closed"),
            SimpleNamespace(broadcasts=[0], lost=None),
        ]
        findings = Findings()
        server_killed.judge_clients(findings, clients[:1], 2)
        self.assertIs(findings.passed, True)
        server_killed.judge_clients(findings, clients, 2)
        self.assertEqual(len(failed(findings)), 3)


class SoakTests(SimpleTestCase):
    def test_growth(self):
        """What is judged is the line through the last two thirds."""
        self.assertEqual(soak.slope([5, 5, 5, 5]), 0)
        self.assertAlmostEqual(soak.slope([1, 2, 3, 4]), 3)
        samples = {
            "server: MiB": [1, 2, 3, 100, 100, 100, 101, 101, 101],
            "server: threads": [1, 2, 3, *range(10, 70, 10)],
            "connections": [50, 1, 1, 2, 1, 2],
        }
        findings = Findings()
        soak.judge_growth(findings, samples, 0.05)
        self.assertEqual(failed(findings), ["growth of server: threads"])

    def judge(self, **seconds):
        """Judge answers of a tenth of a second, but for those given."""
        names = ("half", "double", "after", "slow")
        phases = ("at half", "at twice", "at half, after that", "with slow clients")
        found = {}
        for name, phase in zip(names, phases):
            found[phase] = Answers()
            default = {200: [0.1] * 20, 503: [0.01]}
            found[phase].seconds = seconds.get(name, default)
        findings = Findings()
        soak.judge_load(findings, found, found["at half"])
        return failed(findings)

    def test_load(self):
        self.assertEqual(self.judge(), [])
        self.assertEqual(
            self.judge(double={200: [0.3], 503: [0.01]}),
            ["at twice: median of those served, ms"],
        )
        self.assertEqual(
            self.judge(double={200: [0.2], 503: [0.5]}),
            ["at twice: median of a 503, ms"],
        )
        self.assertEqual(
            self.judge(after={200: [0.1] * 20, 503: [0.01] * 3}),
            ["at half, after that: refused"],
        )
        self.assertEqual(
            self.judge(slow={0: [60], 200: [0.1]}), ["with slow clients: other answers"]
        )
        self.assertIn("with slow clients: median", str(self.judge(slow={})))
