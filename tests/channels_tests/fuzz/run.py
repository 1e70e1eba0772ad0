"""One target under atheris: run NAME SECONDS REACHED."""

import sys
from pathlib import Path

import atheris
from atheris.import_hook import AtherisMetaPathFinder

from .settings import set_up

CORPUS = Path(__file__).with_name("corpus")

# The packages whose lines count. The fuzzer itself knows whole distributions.
FUZZED = ("django.channels", "autobahn.websocket")

# The longest input, in bytes.
LONGEST = 2048


def find_spec(self, name, path, target=None, find=AtherisMetaPathFinder.find_spec):
    return find(self, name, path, target) if name.startswith(FUZZED) else None


def main():
    name, seconds, reached = sys.argv[1:]
    AtherisMetaPathFinder.find_spec = find_spec
    with atheris.instrument_imports(include=["autobahn", "django"]):
        set_up()
        from .targets import TARGETS
    arguments = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        # crash-…, timeout-…, oom-…: from now on a test, which fails.
        f"-artifact_prefix={CORPUS / name}/",
        "-timeout=30",
        # Nor is what is slow and no fault written.
        "-report_slow_units=30",
        "-print_final_stats=1",
        reached,
        str(CORPUS / name),
    ]
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
