"""The two trees that are compared: pristine Django, and the patched one."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import patchset
from vendoring.index import download

from ..environment import ROOT

PRISTINE, PATCHED = "pristine", "patched"
# Upstream's own rules say which folders of tests/ are test modules.
LIST_MODULES = "import runtests; print(*runtests.get_test_modules(gis_enabled=False))"


@dataclass(frozen=True)
class Tree:
    """A folder with Django's django/, docs/ and tests/."""

    name: str
    folder: Path

    @property
    def tests(self):
        return self.folder / "tests"

    def environ(self, *paths, **variables):
        """Return the environment of a process that runs in this tree."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        kept.pop("DJANGO_SETTINGS_MODULE", None)
        paths = os.pathsep.join(str(path) for path in (self.folder, *paths))
        return {**kept, "PYTHONPATH": paths, **variables}

    def compile(self):
        """Compile everything, so that no run has to do it for another one."""
        # Some of Django's test modules are not meant to be compiled.
        command = [sys.executable, "-m", "compileall", "-qq", "django", "tests"]
        subprocess.run(command, cwd=self.folder, stdout=subprocess.DEVNULL)

    def modules(self):
        """Return the names of the test modules, sorted."""
        command = [sys.executable, "-c", LIST_MODULES]
        run = subprocess.run(
            command,
            cwd=self.tests,
            env=self.environ(),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return sorted(run.stdout.split())


def pristine(base, fetch=download):
    """
    Return the pinned archive's files as a tree, in .vendor/.

    They are the files that the patched tree has of it; what was changed or
    removed since is put right.
    """
    folder = base.root / ".vendor" / f"pristine-{base.version}"
    tree = patchset.Tree(folder)
    tree.vendor.mkdir(parents=True, exist_ok=True)
    tree.switch(base, base.upstream(fetch))
    return Tree(PRISTINE, folder)


def patched(base):
    """Return the repository's root, set up for the base."""
    patchset.apply(ROOT, base)
    return Tree(PATCHED, ROOT)
