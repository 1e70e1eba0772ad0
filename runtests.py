#!/usr/bin/env python
"""
Run Django's test suite on the patched tree: python runtests.py [label …].

Nothing but Python is needed: the virtual environment that the tests run in is
made in .venv/ and the tree is set up first. The arguments are those of
Django's own tests/runtests.py; with no label everything runs.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import patchset

ROOT = Path(__file__).resolve().parent
REQUIREMENTS = [ROOT / "requirements-tests.txt"]
if os.environ.get("CI") == "true":
    REQUIREMENTS.append(ROOT / "requirements-ci.txt")
ENVIRONMENT = ROOT / ".venv" / "{}.{}".format(*sys.version_info)
SCRIPTS = "Scripts" if os.name == "nt" else "bin"
PYTHON = ENVIRONMENT / SCRIPTS / "python"


def make_environment():
    """Make the virtual environment, unless it is there as required."""
    stamp = ENVIRONMENT / "requirements.sha256"
    texts = b"".join(path.read_bytes() for path in REQUIREMENTS)
    wanted = hashlib.sha256(texts).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Making {ENVIRONMENT.relative_to(ROOT)}: a minute, once.", flush=True)
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    run(sys.executable, "-m", "venv", ENVIRONMENT)
    files = [argument for path in REQUIREMENTS for argument in ("-r", path)]
    run(PYTHON, "-m", "pip", "install", "--quiet", *files)
    stamp.write_text(wanted)


def run(*command, **options):
    """Run a command that must succeed; it says itself why it did not."""
    status = subprocess.call(command, **options)
    if status:
        sys.exit(status)


def main():
    try:
        patchset.Base.of(ROOT)
    except patchset.PatchsetError as error:
        return f"error: {error}"
    make_environment()
    run(PYTHON, ROOT / "patchset.py", "apply")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [PYTHON, "runtests.py", *sys.argv[1:]]
    return subprocess.call(command, cwd=ROOT / "tests", env=environment)


if __name__ == "__main__":
    sys.exit(main())
