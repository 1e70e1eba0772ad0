"""Moving a base to another of its releases."""

import re

from .apply import apply, refuse_edits, refuse_mixture
from .base import BASES, Base
from .exceptions import PatchsetError
from .index import download, find_sha256
from .merge import CONFLICTED, MERGED, MOVED, Merge
from .table import write_table
from .tree import Tree

NEXT = """
Look at what changed ('git diff patches/'), and run, with Python {pythons}:
    python runtests.py channels_tests.contract    what is relied on upstream
    python runtests.py                            the whole comparison
"""


def upgrade(root, version, dry_run=False, find=find_sha256, fetch=download):
    """
    Carry the patches over to a release, newer or older, and set the tree up.

    A merge is exact or a conflict, and all is known before the first byte is
    written: in a conflict, or where the tree holds an edit, nothing is.
    """
    old = Base(root, base_of(version))
    if version == old.version:
        raise PatchsetError(f"patches/{old.name}/base.txt pins {version} already.")
    print(f"Asking the package index for Django {version}.", flush=True)
    new = old.at(version, find(version))
    before, upstream = old.upstream(fetch), new.upstream(fetch)
    releases = (old.version, version)
    merges = [Merge(patch, releases, before, upstream) for patch in old.patches]
    report(old, new, merges)
    refuse_conflicts(old, merges)
    target = {**upstream, **{merge.patch.path: merge.file for merge in merges}}
    refuse_mixture(root, target)
    refuse_edits(Tree(root), upstream, target)
    if dry_run:
        print("Nothing was written.")
        return
    write(new, merges)
    apply(root, Base(root, new.name), fetch)
    print(NEXT.format(pythons=pythons(*BASES[new.name])), end="")


def base_of(version):
    """Return the name of the base that a release belongs to."""
    match = re.fullmatch(r"(\d+\.\d+)(\.[1-9]\d*)?", version)
    if not match:
        raise PatchsetError(
            f"'{version}' is not a release: name one as 5.2.1, without alpha, beta "
            f"or rc."
        )
    if match[1] not in BASES:
        raise PatchsetError(
            f"Django {version} is of none of the bases, {', '.join(BASES)}: a new "
            f"one is a folder of patches/ and a row of BASES in vendoring/base.py."
        )
    return match[1]


def report(old, new, merges):
    """Print what the upgrade does to each patch."""
    print(f"Django {old.version} to {new.version}, sha256 {new.sha256}:")
    print("it's what the package index gives, and the archive's.\n")
    width = max((len(merge.patch.path) for merge in merges), default=0)
    print(f"{'file':{width}}  {'upstream':>10}  patch")
    for merge in merges:
        change = "+{} -{}".format(*(merge.upstream.count(sign) for sign in "+-"))
        print(f"{merge.patch.path:{width}}  {change:>10}  {describe(merge)}")
    for merge in merges:
        for conflict in merge.conflicts:
            print(f"\n{merge.patch.path}:\n{conflict}", end="")
    print(flush=True)


def describe(merge):
    """Say how a patch came through."""
    if merge.status == CONFLICTED:
        return f"{merge.status}: {merge.reason}"
    if merge.status == MERGED:
        return f"{merge.status}: its context changed, look at it"
    if merge.status == MOVED:
        moves = [f"{old} to {new}" for old, new in merge.moves if old != new]
        return f"{merge.status}: line {', '.join(moves)}"
    return merge.status


def refuse_conflicts(base, merges):
    names = [m.patch.file.name for m in merges if m.status == CONFLICTED]
    if names:
        raise PatchsetError(
            f"In conflict: {', '.join(names)}. Nothing was written. Take each out of "
            f"patches/{base.name}/series and run this again; then edit upstream's "
            f"file as the patch would, if it's still needed, and run 'python "
            f"patchset.py refresh', which finds the patch's header."
        )


def write(base, merges):
    """Write the patches, then the pin, then the table."""
    for merge in merges:
        text = merge.patch.header + merge.diff
        merge.patch.file.write_bytes(text.encode())
    (base.folder / "base.txt").write_text(base.pin)
    write_table(base.root)


def pythons(first, end):
    """Name a base's interpreters."""
    names = "{}.{} or later".format(*first)
    return names if end[0] > 3 else names + ", below {}.{}".format(*end)
