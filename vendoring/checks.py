"""What must hold."""

import re
from collections import Counter

from .archive import FOLDERS
from .base import BASES, Base
from .exceptions import PatchsetError
from .index import download
from .patch import FIELDS
from .table import TABLE, table
from .tree import Tree, git_files

# The most that a base's patches may touch under django/.
BUDGET = {"files": 10, "added lines": 60, "removed lines": 10}


def check(root, names=BASES, fetch=download):
    """Yield a line for whatever does not hold."""
    for base in [Base(root, name) for name in names]:
        upstream = base.upstream(fetch)
        yield from check_series(base)
        for patch in base.patches:
            yield from check_patch(patch, upstream)
        yield from check_budget(base)
        yield from check_mentions(root, base)
        yield from check_git(root, upstream)
        if Tree(root).state["base"] == base.name:
            yield from check_tree(root, base, upstream)
    if not Tree(root).state["key"]:
        yield "The tree is not set up: run 'python patchset.py apply'."
    if TABLE.findall((root / "patches" / "README.md").read_text()) != [table(root)]:
        yield "patches/README.md: its table is not the patches': run refresh."


def check_series(base):
    """Every patch is listed once, and each file is in one patch only."""
    for name in sorted({file.name for file in base.folder.glob("*.patch")}):
        if name not in base.series:
            yield f"patches/{base.name}/{name}: not in the series."
    for name, times in Counter(base.series).items():
        if times > 1:
            yield f"patches/{base.name}/series: names {name} {times} times."
    for path, times in Counter(patch.path for patch in base.patches).items():
        if times > 1:
            yield f"patches/{base.name}: {times} patches of {path}, make them one."


def check_patch(patch, upstream):
    """The patch applies exactly and its header is complete."""
    try:
        patch.apply(upstream)
    except PatchsetError as error:
        yield str(error)
    lacking = [field for field in FIELDS if not patch.fields.get(field)]
    if lacking or patch.fields["Forwarded"] != "no":
        yield f"{patch.name}: its header must have {', '.join(FIELDS)}: no."
    if "TODO" in patch.header:
        yield f"{patch.name}: its header still has a TODO."


def check_budget(base):
    """The series touches little of django/."""
    patches = [patch for patch in base.patches if patch.path.startswith("django/")]
    used = [len(patches)] + [sum(p.count(sign) for p in patches) for sign in "+-"]
    for (what, most), count in zip(BUDGET.items(), used):
        if count > most:
            yield f"patches/{base.name}: {count} {what} under django/, over {most}."


def check_mentions(root, base):
    """Only the pin names the release, besides measurements and quotations."""
    if base.version == base.name:
        return
    release = re.compile(rf"(?<![\d.]){re.escape(base.version)}(?!\d)".encode())
    pin = f"patches/{base.name}/base.txt"
    for path in sorted(git_files(root) - {pin}):
        file = root / path
        quoted = path.startswith("benchmarks/results/") or path.endswith(".patch")
        if not quoted and file.is_file() and release.search(file.read_bytes()):
            yield f"{path}: names {base.version}, which only {pin} should."


def check_git(root, upstream):
    """A path is either git's or upstream's, and .gitignore knows which."""
    for path in sorted(git_files(root) & {*upstream}):
        yield f"{path}: held by git, yet it is Django's."
    for path in sorted(git_files(root, "-o", "--exclude-standard") & {*upstream}):
        yield f"{path}: Django's, yet not ignored by .gitignore."
    for path in sorted(git_files(root, "-c", "-i", "--exclude-standard")):
        yield f"{path}: held by git, yet ignored by .gitignore."


def check_tree(root, base, upstream):
    """The tree is upstream, the series and this project's files, no more."""
    try:
        target = base.target(upstream)
    except PatchsetError:
        return  # Found by check_patch().
    tree = Tree(root)
    tree.state["files"] = {}  # Every file is read, whatever its time.
    for path, file in target.items():
        if tree.digest(path) != file.sha256:
            yield f"{path}: is not what Django and the series make it."
    ours, unknown = git_files(root), []
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("*")):
            path = file.relative_to(root).as_posix()
            known = path in target or path in ours or "__pycache__" in path
            if not (known or file.is_dir()):
                unknown.append(path)
    if unknown and not ours:
        yield "What git holds is unknown: run this in a clone, and with git."
    else:
        yield from (f"{path}: neither Django's nor held by git." for path in unknown)
