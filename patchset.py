#!/usr/bin/env python
"""
Keep the working tree equal to a pinned Django with the hooks of patches/.

    python patchset.py apply            obtain, verify, unpack and patch Django
    python patchset.py refresh          take edits of upstream's files into patches
    python patchset.py check            check everything that must hold
    python patchset.py upgrade VERSION  move to another point release of Django

Git holds this project's own files only. Upstream's are unpacked beside them
and ignored by git; patches/<base>/ pins the release and holds the hooks, one
upstream file a patch. The interpreter chooses the base. All that is done
stands in vendoring/.
"""

import argparse
import sys
from pathlib import Path

from vendoring.apply import apply
from vendoring.archive import NOTICES
from vendoring.base import BASES, Base
from vendoring.checks import check
from vendoring.exceptions import PatchsetError
from vendoring.refresh import refresh
from vendoring.tree import Tree, git_files
from vendoring.upgrade import upgrade

# What setup.py, runtests.py and the benchmarks import.
__all__ = ["BASES", "NOTICES", "Base", "PatchsetError", "Tree", "apply", "git_files"]

ROOT = Path(__file__).resolve().parent


def parse(arguments):
    what = "Keep the working tree equal to a pinned Django with the hooks of patches/."
    parser = argparse.ArgumentParser(description=what)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("apply", help="set the tree up")
    command.add_argument("--force", action="store_true", help="discard edits by hand")
    command = commands.add_parser("refresh", help="make patches of the tree's edits")
    command.add_argument("path", nargs="*", help="upstream files; default: all edited")
    command = commands.add_parser("check", help="check everything that must hold")
    command.add_argument("--base", choices=[*BASES, "all"], default="all")
    command = commands.add_parser("upgrade", help="move a base to another release")
    command.add_argument("version", help="Django's, such as 5.2.1; it names the base")
    command.add_argument("--dry-run", action="store_true", help="report only")
    return parser.parse_args(arguments)


def main(arguments=None, root=ROOT):
    options = parse(arguments)
    try:
        return run(options, root)
    except PatchsetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def run(options, root):
    """Run the command and return the exit status."""
    if options.command == "check":
        return show([*BASES] if options.base == "all" else [options.base], root)
    if options.command == "upgrade":
        upgrade(root, options.version, options.dry_run)
        return 0 if options.dry_run else show([*BASES], root)
    base = Base.of(root)
    if options.command == "apply":
        apply(root, base, force=options.force)
    else:
        refresh(root, base, [within(root, path) for path in options.path])


def within(root, path):
    """Return a path as one of the tree's."""
    try:
        return Path(path).resolve().relative_to(root).as_posix()
    except ValueError as error:
        raise PatchsetError(f"{path} isn't in {root}.") from error


def show(names, root):
    """Print what doesn't hold and return the exit status."""
    findings = [*check(root, names)]
    print("\n".join(findings) or f"The patch set holds: {', '.join(names)}.")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
