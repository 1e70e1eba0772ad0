"""Both trees' suites, run in rounds, and what comes of comparing them."""

from contextlib import ExitStack
from dataclasses import dataclass
from statistics import geometric_mean

from ..process import available_cores
from .difference import differences, settle
from .modes import Mode
from .recording import Recording
from .suite import Result, Share, Suite

# The run whose recording of pristine Django is of use to other modes.
RECORDED = "default-1"
WALL, CPU = "wall_seconds", "cpu_seconds"


@dataclass(frozen=True)
class Comparison:
    """
    A mode's rounds: pairs of results, of the pristine tree and the patched.

    ``differences`` are of the tests whose outcomes weren't the same.
    """

    mode: Mode
    rounds: list
    differences: list
    # Whether both trees' suites ran at the same time.
    is_timed: bool = True

    @property
    def different(self):
        return [each for each in self.differences if not each.is_unstable]

    @property
    def unstable(self):
        return [each for each in self.differences if each.is_unstable]

    @property
    def failing(self):
        """The tests that failed in both trees, each time."""
        results = [result for results in self.rounds for result in results]
        return sorted(set.intersection(*({*r.recording.failures} for r in results)))

    def ratio(self, metric):
        """
        Return patched ÷ pristine, the geometric mean of the rounds; None
        where one of them was recorded at another time.

        Two rounds with swapped cores have the cores' own speeds cancel out.
        """
        if not self.is_timed:
            return None
        return geometric_mean(
            getattr(patched, metric) / getattr(pristine, metric)
            for pristine, patched in self.rounds
        )

    def modules(self):
        """
        Return {module: (tests, pristine, patched)}, processor seconds.

        They are sums of the rounds; there are none of runs in more processes
        than one.
        """
        modules = {}
        for pristine, patched in self.rounds if self.is_timed else ():
            ours, theirs = patched.recording.modules, pristine.recording.modules
            for name in sorted(ours.keys() & theirs.keys()):
                tests, before, after = modules.get(name, (0, 0, 0))
                before, after = before + theirs[name][2], after + ours[name][2]
                modules[name] = (theirs[name][0], before, after)
        return modules


class Comparer:
    """
    Runs both trees' suites at the same time, each on half of the cores.

    From round to round they swap their cores. ``is_serial``: one after the
    other instead, with all of the cores, and the other one first each time.
    The files go to ``folder``; ``watch`` is called with the title and the runs
    that are going on, and returns at their end, or when one has failed.
    """

    def __init__(self, trees, database, folder, watch, is_serial=False):
        self.trees, self.database, self.folder = trees, database, folder
        self.watch, self.is_serial = watch, is_serial
        self.shares = shares(available_cores(), is_serial)

    @property
    def are_pinned(self):
        return not self.is_serial and all(share.numbers for share in self.shares)

    def compare(self, mode, labels, rounds=1):
        results = []
        for number in range(1, rounds + 1):
            name = f"{mode.name}-{number}"
            title = f"{mode.name}, round {number} of {rounds}"
            results.append(self.round(mode, labels, name, title, number))
        return Comparison(mode, results, self.differences(mode, results))

    def compare_recorded(self, mode, labels, known):
        """
        Compare the patched tree alone, on all of the cores, with ``known``, a
        recording of pristine Django: the outcomes, not the times.
        """
        share = Share(max(len(available_cores()), 1))
        file = self.folder / f"{mode.name}-1-patched.json"
        suite = Suite(self.trees[1], mode.settings, labels, file, share)
        (patched,) = self.run(mode.name, [suite])
        pristine = Result(known.of_modules(labels), share, None, None)
        results = [(pristine, patched)]
        found = self.differences(mode, results)
        return Comparison(mode, results, found, is_timed=False)

    def differences(self, mode, results):
        """Return what differs, once what does was run again by itself."""
        found = differences([[each.recording for each in pair] for pair in results])

        def rerun(label):
            title = f"{mode.name}, again: {label}"
            pair = self.round(mode, [label], f"{mode.name}-again", title)
            return [result.recording for result in pair]

        settle(found, rerun)
        return found

    def recorded(self):
        """Return the recording of pristine Django's last whole run, or None."""
        file = self.folder / f"{RECORDED}-pristine.json"
        return Recording.read(file) if file.exists() else None

    def round(self, mode, labels, name, title, number=1):
        """Return both trees' results."""
        shares = self.shares if number % 2 else self.shares[::-1]
        settings = [{}, mode.settings]
        suites = []
        for tree, share, each in zip(self.trees, shares, settings):
            file = self.folder / f"{name}-{tree.name}.json"
            suites.append(Suite(tree, each, labels, file, share, number))
        if not self.is_serial:
            return self.run(title, suites)
        order = 1 if number % 2 else -1
        results = [self.run(title, [suite])[0] for suite in suites[::order]]
        return results[::order]

    def run(self, title, suites):
        """Run the suites at the same time and return their results."""
        with ExitStack() as stack:
            enter = stack.enter_context
            runs = [enter(suite.running(self.database)) for suite in suites]
            self.watch(title, runs)
            for run in runs:
                run.check()
        return [run.result() for run in runs]


def shares(cores, is_serial):
    """Return the share of the cores that each of the two trees has."""
    if is_serial:
        return [Share(max(len(cores), 1))] * 2
    half = len(cores) // 2
    if not half:
        return [Share(1)] * 2
    return [Share(half, tuple(cores[at : at + half])) for at in (0, half)]
