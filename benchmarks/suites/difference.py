"""Tests that don't end in both trees as they do in the other."""

from dataclasses import dataclass, field

from .recording import label_of

# How often a test that differs is run again, by itself.
RERUNS = 3
# Where more than so many tests differ it isn't for a flaky one.
MOST_RERUN = 20


@dataclass
class Difference:
    """
    A test, and what was seen of it in each tree, in the order of the runs.

    A sighting is an outcome, of a failure with its error; None is a test that
    wasn't run. Sightings from reruns, of the test alone, come last.
    """

    name: str
    pristine: list = field(default_factory=list)
    patched: list = field(default_factory=list)
    reruns: int = 0

    def add(self, pristine, patched):
        """Add what both trees' recordings say."""
        self.pristine.append(pristine.sighting(self.name))
        self.patched.append(patched.sighting(self.name))

    @property
    def is_unstable(self):
        """
        Whether pristine Django has had each outcome that the patched one had.

        That, and nothing else, clears the patched tree: a test that fails
        there only, if only once, is a difference.
        """
        return {*self.patched} <= {*self.pristine}


def differences(rounds):
    """Return what differs in any round of (pristine, patched) recordings."""
    names = {
        name
        for pristine, patched in rounds
        for name in pristine.outcomes.keys() | patched.outcomes.keys()
        if pristine.outcomes.get(name) != patched.outcomes.get(name)
    }
    found = [Difference(name) for name in sorted(names)]
    for difference in found:
        for pristine, patched in rounds:
            difference.add(pristine, patched)
    return found


def settle(found, rerun):
    """
    Run each test that differs again, until it's known to be unstable.

    ``rerun`` runs a label in both trees and returns the two recordings.
    """
    if len(found) > MOST_RERUN:
        return
    for difference in found:
        while difference.reruns < RERUNS and not difference.is_unstable:
            difference.reruns += 1
            difference.add(*rerun(label_of(difference.name)))
