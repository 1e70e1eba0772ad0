"""The package index that pip uses."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .exceptions import PatchsetError

# The source distribution, also on a Python that this Django doesn't support.
SOURCE = ["--no-deps", "--no-binary", "Django", "--ignore-requires-python"]


def pip(*arguments, **options):
    """Run pip; return how it went and what it printed."""
    command = [sys.executable, "-m", "pip", *arguments]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, **options)


def download(base):
    """Put a base's archive into .vendor/ with pip, which checks its hash too."""
    with tempfile.TemporaryDirectory(dir=base.archive.parent) as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text(base.pin)
        quiet = [] if sys.stdout.isatty() else ["--quiet"]
        hashed = ["--require-hashes", "-r", requirements, "-d", folder]
        run = pip("download", *SOURCE, *hashed, *quiet)
        archives = list(Path(folder).glob("*.tar.gz"))
        if run.returncode or not archives:
            raise PatchsetError(explain(base, run.stderr))
        os.replace(archives[0], base.archive)


def find_sha256(version):
    """Return the sha256 that the index gives for a release's archive."""
    report = ["--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    requirement = f"Django=={version}"
    run = pip("install", *SOURCE, *report, requirement, stdout=subprocess.PIPE)
    if run.returncode:
        raise PatchsetError(explain_missing(version, run.stderr))
    [found] = json.loads(run.stdout)["install"]
    if found.get("is_yanked"):
        raise PatchsetError(
            f"Django {version} was withdrawn from the package index: choose another."
        )
    return found["download_info"]["archive_info"]["hashes"]["sha256"]


def explain(base, stderr):
    """Say why pip failed and what to do."""
    if "DO NOT MATCH THE HASHES" in stderr:
        return (
            f"The Django {base.version} that pip found is not the archive that "
            f"patches/{base.name}/base.txt pins, its sha256 differs: check the pin, "
            f"and which package index pip uses."
        )
    if "No module named pip" in stderr:
        return "pip is missing: run 'python -m ensurepip' and then this again."
    reason = (stderr.strip().splitlines() or ["no reason given"])[-1]
    return (
        f"pip could not download Django {base.version} ({reason}): connect to the "
        f"network, or put {base.archive.name} into .vendor/, and run this again."
    )


def explain_missing(version, stderr):
    """Say why pip knows nothing of a release and what to do."""
    if "No module named pip" in stderr:
        return "pip is missing: run 'python -m ensurepip' and then this again."
    if "No matching distribution" in stderr and "versions: none" not in stderr:
        return (
            f"Django {version} is not on the package index: 'python -m pip index "
            f"versions Django' lists what is."
        )
    reason = (stderr.strip().splitlines() or ["no reason given"])[-1]
    return (
        f"pip could not ask the package index for Django {version} ({reason}): "
        f"connect to the network and run this again."
    )
