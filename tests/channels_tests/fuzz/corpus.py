"""Which inputs are kept: corpus NAME REACHED."""

import hashlib
import sys
from pathlib import Path

from .settings import set_up

CORPUS = Path(__file__).with_name("corpus")

# The most inputs that are kept of a target.
FILES = 18


def lines_reached(target, data):
    """Return the lines of this project's that the target reaches with it."""
    reached = set()

    def trace(frame, event, argument):
        path = frame.f_code.co_filename
        if "/django/channels/" not in path and "/autobahn/websocket/" not in path:
            return None
        reached.add((path, frame.f_lineno))
        return trace

    sys.settrace(trace)
    try:
        target(data)
    finally:
        sys.settrace(None)
    return reached


def chosen(target, inputs):
    """Return inputs that reach all lines, those that reach most at first."""
    reached = {data: lines_reached(target, data) for data in inputs}
    missing, kept = set().union(*reached.values()), []
    while missing and len(kept) < FILES:
        best = max(inputs, key=lambda data: (len(reached[data] & missing), -len(data)))
        missing -= reached[best]
        kept.append(best)
    return kept


def main():
    name, folder = sys.argv[1:]
    set_up()
    from .targets import TARGETS

    target = TARGETS[name]
    own = CORPUS / name
    # What was a fault once has a name like crash-…, and stays beside those chosen.
    paths = [path for part in (own, Path(folder)) for path in part.iterdir()]
    inputs = {path.read_bytes() for path in paths if "-" not in path.name}
    # Once for what is made at the first call only.
    target(min(inputs, key=len))
    kept = chosen(target, sorted(inputs))
    for path in own.iterdir():
        if "-" not in path.name:
            path.unlink()
    for data in kept:
        (own / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    print(f"{name}: {len(kept)} inputs are kept, {sum(map(len, kept))} bytes.")


if __name__ == "__main__":
    main()
