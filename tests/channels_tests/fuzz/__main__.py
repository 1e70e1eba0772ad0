"""Fuzz the targets, each in a process of its own."""

import argparse
import hashlib
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TESTS = HERE.parent.parent
ROOT = TESTS.parent
REQUIREMENTS = HERE / "requirements.txt"
ENVIRONMENT = ROOT / ".venv" / "fuzz-{}.{}".format(*sys.version_info)
PYTHON = ENVIRONMENT / "bin" / "python"

TARGETS = ("codec", "http", "websocket", "compressed", "patterns", "encrypted")


def make_environment():
    """Make the virtual environment, unless it is there as required."""
    stamp = ENVIRONMENT / "requirements.sha256"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    subprocess.check_call([sys.executable, "-m", "venv", ENVIRONMENT])
    install = [PYTHON, "-m", "pip", "install", "--quiet", "-r", REQUIREMENTS]
    subprocess.check_call(install)
    stamp.write_text(wanted)


def main():
    parser = argparse.ArgumentParser(
        prog="python -m channels_tests.fuzz", description=__doc__
    )
    parser.add_argument(
        "targets", nargs="*", metavar="target", help=f"of {', '.join(TARGETS)}"
    )
    parser.add_argument("--seconds", type=int, default=180, help="for each target")
    parser.add_argument(
        "--keep", action="store_true", help="add what reached new lines to corpus/"
    )
    options = parser.parse_args()
    for name in options.targets:
        if name not in TARGETS:
            parser.error(f"{name!r} is no target; they are {', '.join(TARGETS)}.")
    make_environment()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    failed = []
    for name in options.targets or TARGETS:
        print(f"== {name}", flush=True)
        reached = ENVIRONMENT / "reached" / name
        for folder in (reached, HERE / "corpus" / name):
            folder.mkdir(parents=True, exist_ok=True)
        modules = [["run", name, str(options.seconds), str(reached)]]
        if options.keep:
            modules.append(["corpus", name, str(reached)])
        for module, *arguments in modules:
            command = [PYTHON, "-m", f"channels_tests.fuzz.{module}", *arguments]
            if subprocess.call(command, cwd=TESTS, env=environment):
                failed.append(name)
    if failed:
        return (
            f"error: found something: {', '.join(failed)}. It's in corpus/, and "
            f"channels_tests.fuzz.test_corpus tries it from now on."
        )


if __name__ == "__main__":
    sys.exit(main())
