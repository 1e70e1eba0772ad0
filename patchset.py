#!/usr/bin/env python
"""
Keep the working tree equal to a pinned Django with the hooks of patches/.

    python patchset.py apply      obtain, verify, unpack and patch Django
    python patchset.py refresh    take edits of upstream's files into patches
    python patchset.py check      check everything that must hold

Git holds this project's own files only. Upstream's are unpacked beside them
and ignored by git; patches/<base>/ pins the release and holds the hooks, one
upstream file a patch. The interpreter chooses the base.
"""

import argparse
import difflib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter, namedtuple
from pathlib import Path

ROOT = Path(__file__).resolve().parent
# The interpreters of each base, as Django's own Requires-Python has them.
BASES = {"5.2": ((3, 10), (3, 12)), "6.1": ((3, 12), (4, 0))}
FOLDERS = ("django", "docs", "tests")
# Unpacked to the git-ignored upstream/: setup.py puts the licenses into the
# wheel and reads the requirements from PKG-INFO.
NOTICES = ("AUTHORS", "LICENSE", "LICENSE.python", "PKG-INFO")
# The most that a base's patches may touch under django/.
BUDGET = {"files": 10, "added lines": 60, "removed lines": 10}
FIELDS = ["Subject", "Problem", "Why a patch", "Forwarded"]
TEMPLATE = """\
Subject: TODO: what the hook does, in one line.

Problem: TODO: what upstream's file does that channels need otherwise.

Why a patch: TODO: why discovery, subclassing or self-registration can't do it.

Forwarded: no

"""
TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- end of table -->)", re.S)

File = namedtuple("File", "data executable sha256")


class PatchsetError(Exception):
    """Raised when a step can't be done; says what to do about it."""


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def split_lines(path, data):
    """Return the text's lines; only whole lines can be patched."""
    *lines, rest = data.decode().split("\n")
    if rest:
        raise PatchsetError(f"{path}: end its last line with a newline.")
    return lines


def export(path, old, new):
    """Return the unified diff between two contents of an upstream file."""
    old, new = split_lines(path, old), split_lines(path, new)
    lines = difflib.unified_diff(old, new, f"a/{path}", f"b/{path}", lineterm="")
    return "".join(f"{line}\n" for line in lines)


class Patch:
    """A header and the diff of one upstream file."""

    def __init__(self, file, text=TEMPLATE):
        self.file = file
        self.name = file.relative_to(file.parents[2]).as_posix()
        self.header, mark, rest = text.partition("--- a/")
        self.diff = mark + rest
        self.path = rest.partition("\n")[0]

    @property
    def fields(self):
        """The header's paragraphs by name, each as one line."""
        paragraphs = [" ".join(text.split()) for text in self.header.split("\n\n")]
        return dict(text.split(": ", 1) for text in paragraphs if ": " in text)

    def count(self, sign):
        """Return how many lines the patch adds ("+") or removes ("-")."""
        return sum(line.startswith(sign) for line in self.diff.split("\n")[2:])

    def apply(self, files):
        """
        Return the upstream file's new content.

        Exact by construction: every context line must be where the patch has
        it, and the diff of the result must be the patch's own, byte for byte.
        """
        if self.path not in files:
            raise PatchsetError(
                f"{self.name}: '{self.path}' is none of Django's files; a patch "
                f"changes one of them, and new files are committed as they are."
            )
        old = split_lines(self.path, files[self.path].data)
        new, at, hunk = [], 0, 0
        for number, line in enumerate(self.diff.split("\n")[2:-1], 3):
            sign, text = line[:1], line[1:]
            if sign == "@":
                hunk += 1
                start = int(re.match(r"@@ -(\d+)|", line)[1] or 0)
                new += old[at : max(start - 1, 0)]
                at = max(start - 1, 0)
            elif sign == "+":
                new.append(text)
            elif old[at : at + 1] == [text] and sign in ("-", " "):
                new += [text] if sign == " " else []
                at += 1
            else:
                raise self.misfit(number, hunk)
        content = "".join(f"{line}\n" for line in new + old[at:]).encode()
        self.compare(export(self.path, files[self.path].data, content))
        return content

    def compare(self, diff):
        """Refuse a patch that isn't the diff that refresh would write."""
        if diff != self.diff:
            ours, exact = self.diff.split("\n"), diff.split("\n")
            same = [a == b for a, b in zip(ours, exact)] + [False]
            number = same.index(False) + 1
            hunks = [line.startswith("@@") for line in ours[:number]]
            raise self.misfit(number, sum(hunks))

    def misfit(self, number, hunk):
        line = self.header.count("\n") + number
        return PatchsetError(
            f"{self.name} does not apply to {self.path}: hunk {hunk} is not exact "
            f"at the patch's line {line}. Take the patch out of the series, run "
            f"'python patchset.py apply', edit {self.path} as the patch would and "
            f"run 'python patchset.py refresh'."
        )


class Base:
    """A supported release of Django: its pin and its series of patches."""

    def __init__(self, root, name):
        self.root, self.name = root, name
        self.folder = root / "patches" / name
        pin = (self.folder / "base.txt").read_text()
        match = re.fullmatch(r"Django==(\S+) --hash=sha256:([0-9a-f]{64})\n", pin)
        if not match:
            raise PatchsetError(
                f"patches/{name}/base.txt must hold one line, "
                f"'Django==VERSION --hash=sha256:HASH'."
            )
        self.version, self.sha256 = match.groups()
        self.archive = root / ".vendor" / f"django-{self.version}.tar.gz"
        self.series = (self.folder / "series").read_text().split()

    @classmethod
    def of(cls, root, version_info=sys.version_info):
        """Return the base of an interpreter, as pip would choose Django."""
        for name, (first, end) in BASES.items():
            if first <= tuple(version_info[:2]) < end:
                return cls(root, name)
        raise PatchsetError(
            "Python {}.{} is too old: use Python 3.10 or later.".format(*version_info)
        )

    @property
    def patches(self):
        files = [self.folder / name for name in self.series]
        missing = [file.name for file in files if not file.exists()]
        if missing:
            raise PatchsetError(
                f"patches/{self.name}/series names {', '.join(missing)}, which is "
                f"not there: add the file or remove the line."
            )
        return [Patch(file, file.read_bytes().decode()) for file in files]

    @property
    def key(self):
        """What changes whenever the tree has to."""
        diffs = [patch.diff for patch in self.patches]
        return sha256(json.dumps([self.name, self.sha256, diffs]).encode())

    def upstream(self, fetch):
        """Return upstream's files, {path: File}, from the pinned archive."""
        if not self.archive.exists():
            print(f"Downloading Django {self.version} with pip.", flush=True)
            self.archive.parent.mkdir(exist_ok=True)
            fetch(self)
        digest = sha256(self.archive.read_bytes())
        if digest != self.sha256:
            raise PatchsetError(
                f".vendor/{self.archive.name} is not the archive that patches/"
                f"{self.name}/base.txt pins, its sha256 is {digest}: delete it and "
                f"run this again."
            )
        files = {}
        with tarfile.open(self.archive) as tar:
            for member in tar:
                path = member.name.partition("/")[2]
                path = f"upstream/{path}" if path in NOTICES else path
                wanted = path.partition("/")[0] in (*FOLDERS, "upstream")
                if wanted and member.isfile():
                    data = tar.extractfile(member).read()
                    files[path] = File(data, bool(member.mode & 0o100), sha256(data))
        return files

    def target(self, upstream):
        """Return upstream's files with the series applied."""
        files = dict(upstream)
        for patch in self.patches:
            data = patch.apply(files)
            files[patch.path] = File(data, files[patch.path].executable, sha256(data))
        return files


def download(base):
    """Put a base's archive into .vendor/ with pip, which checks its hash too."""
    with tempfile.TemporaryDirectory(dir=base.archive.parent) as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps"]
        command += ["--no-binary", "Django", "--ignore-requires-python"]
        command += ["--require-hashes", "-r", base.folder / "base.txt", "-d", folder]
        command += [] if sys.stdout.isatty() else ["--quiet"]
        run = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        archives = list(Path(folder).glob("*.tar.gz"))
        if run.returncode or not archives:
            raise PatchsetError(explain(base, run.stderr))
        os.replace(archives[0], base.archive)


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


class Tree:
    """The working tree, and the record of what was written into it."""

    def __init__(self, root):
        self.root, self.vendor = root, root / ".vendor"
        # files: {path: [sha256, size, mtime]}; pending: {path: sha256}, what
        # an interrupted run was about to write.
        self.state = {"base": None, "key": None, "files": {}, "pending": {}}
        if (self.vendor / "tree.json").exists():
            self.state = json.loads((self.vendor / "tree.json").read_text())

    def digest(self, path):
        """
        Return a file's sha256, or None where there is none.

        A file that has the size and time it was written with isn't read.
        """
        name = os.path.join(self.root, path)
        try:
            stat = os.stat(name)
        except (FileNotFoundError, NotADirectoryError):
            return None
        recorded = self.state["files"].get(path, [None])
        if recorded[1:] == [stat.st_size, stat.st_mtime_ns]:
            return recorded[0]
        with open(name, "rb") as file:
            return sha256(file.read())

    def is_current(self, base):
        files = self.state["files"]
        return self.state["key"] == base.key and all(
            self.digest(path) == recorded[0] for path, recorded in files.items()
        )

    def edited(self, upstream):
        """Return the paths of upstream's files that hold somebody's edit."""
        files, pending = self.state["files"], self.state["pending"]
        edited = []
        for path in sorted({*upstream, *files, *pending}):
            written = {None, pending.get(path), files.get(path, [None])[0]}
            if path in upstream and path not in files:
                written.add(upstream[path].sha256)
            if self.digest(path) not in written:
                edited.append(path)
        return edited

    def save(self, **state):
        """Record the state, whole or not at all."""
        self.state.update(state)
        self.write(".vendor/tree.json", File(json.dumps(self.state).encode(), 0, ""))

    def write(self, path, file):
        """Put a file into the tree, whole or not at all."""
        name, new = self.root / path, self.vendor / f"file.{os.getpid()}"
        name.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(file.data)
        new.chmod(0o755 if file.executable else 0o644)
        os.replace(new, name)

    def remove(self, path):
        """Remove a file, and the folders that then hold nothing else."""
        name = self.root / path
        name.unlink(missing_ok=True)
        for folder in list(name.parents)[: path.count("/")]:
            if folder.exists() and {*os.listdir(folder)} <= {"__pycache__"}:
                shutil.rmtree(folder)

    def switch(self, base, target):
        """
        Make upstream's part of the tree the target.

        What is going to be written is recorded first, so that the run after
        an interruption doesn't take it for somebody's edit.
        """
        pending = {path: file.sha256 for path, file in target.items()}
        gone = ({*self.state["files"], *self.state["pending"]}) - {*target}
        pending = {**self.state["pending"], **pending}
        self.save(base=base.name, key=None, pending=pending)
        todo = [path for path in target if self.digest(path) != pending[path]]
        for path in counted(f"Unpacking Django {base.version}", todo):
            self.write(path, target[path])
        for path in counted("Removing the other base's files", sorted(gone)):
            self.remove(path)
        stats = {path: os.stat(self.root / path) for path in target}
        files = {p: [pending[p], s.st_size, s.st_mtime_ns] for p, s in stats.items()}
        self.save(base=base.name, key=base.key, files=files, pending={})


def counted(label, items):
    """Yield the items; a line says how many are done, live on a terminal."""
    step = 100 if sys.stdout.isatty() else len(items)
    for done, item in enumerate(items, 1):
        yield item
        if done == len(items) or done % step == 0:
            end = "\n" if done == len(items) else "\r"
            print(f"{label}: {done:,} of {len(items):,} files", end=end, flush=True)


def git_files(root, *options):
    """Return the paths that git holds: none outside of a clone."""
    if not (root / ".git").exists():
        return set()
    command = ["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z"]
    output = subprocess.check_output([*command, *options], text=True)
    return {*output.split("\0")} - {""}


def apply(root, base, fetch=download, force=False):
    """Make the tree the base with its series; edits by hand are refused."""
    tree = Tree(root)
    if tree.is_current(base):
        print(f"Django {base.version}, {len(base.series)} patches: up to date.")
        return
    upstream = base.upstream(fetch)
    target = base.target(upstream)
    both = sorted(git_files(root) & {*target})
    if both:
        raise PatchsetError(f"Git holds files of Django's, remove {', '.join(both)}.")
    hashes = {path: file.sha256 for path, file in target.items()}
    edited = [p for p in tree.edited(upstream) if tree.digest(p) != hashes.get(p)]
    if edited and not force:
        raise PatchsetError(
            f"Edited by hand: {', '.join(edited)}. Run 'python patchset.py refresh' "
            f"to keep the edit as a patch, or 'python patchset.py apply --force' to "
            f"discard it."
        )
    tree.switch(base, target)
    print(f"Django {base.version}, {len(base.series)} patches: applied.")


def refresh(root, base, paths=(), fetch=download):
    """Write the patches of the upstream files that were edited in the tree."""
    tree = Tree(root)
    base = Base(root, tree.state["base"]) if tree.state["base"] else base
    upstream = base.upstream(fetch)
    unknown = [path for path in paths if path not in upstream]
    if unknown:
        raise PatchsetError(
            f"{', '.join(unknown)}: not of Django {base.version}; new files are "
            f"committed as they are."
        )
    edited = paths or tree.edited(upstream)
    if edited and not paths and tree.state["key"] not in (None, base.key):
        raise PatchsetError(
            f"Both the patches and the tree have changed ({', '.join(edited)}): name "
            f"the files that the tree has right, 'python patchset.py refresh PATH'."
        )
    for path in edited:
        refresh_patch(root, base, path, upstream[path].data)
    write_table(root)
    apply(root, Base(root, base.name), fetch)


def refresh_patch(root, base, path, old):
    """Write one file's patch: an existing, a new, or none if nothing differs."""
    diff = export(path, old, (root / path).read_bytes())
    name = path.partition("/")[2].replace("/", "-").rpartition(".")[0] + ".patch"
    patch = Patch(base.folder / name)
    for file in base.folder.glob("*.patch"):  # Those out of the series too.
        existing = Patch(file, file.read_bytes().decode())
        patch = existing if existing.path == path else patch
    done, listed = "Refreshed", patch.file.name in base.series
    if diff:
        patch.file.write_bytes((patch.header + diff).encode())
    elif listed:
        done = "Removed"
        patch.file.unlink()
        base.series.remove(patch.file.name)
    if diff and not listed:
        done = "Added to the series"
        base.series.append(patch.file.name)
    (base.folder / "series").write_text("".join(f"{p}\n" for p in base.series))
    todo = " (replace each TODO in its header)" if "TODO" in patch.header else ""
    print(f"{done}: {patch.name}{todo}.")


def table(root):
    """Return the rows of patches/README.md, one for each upstream file."""
    bases = [Base(root, name) for name in BASES]
    found = [{patch.path: patch for patch in base.patches} for base in bases]
    heads = ["File", *BASES, "Why it must be a patch"]
    rows = [heads, ["---"] * len(heads)]
    for path in sorted({path for patches in found for path in patches}):
        patches = [each.get(path) for each in found]
        counts = [p and f"+{p.count('+')} -{p.count('-')}" or "" for p in patches]
        why = [p.fields.get("Why a patch", "") for p in patches if p]
        rows.append([f"`{path}`", *counts, why[0]])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def write_table(root):
    """Bring the table of patches/README.md in line with the patches."""
    readme = root / "patches" / "README.md"
    text = TABLE.sub(lambda match: table(root), readme.read_text())
    readme.write_text(text)


def check(root, names=BASES, fetch=download):
    """Yield a line for whatever does not hold."""
    for base in [Base(root, name) for name in names]:
        upstream = base.upstream(fetch)
        yield from check_series(base)
        for patch in base.patches:
            yield from check_patch(patch, upstream)
        yield from check_budget(base)
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
    ours = git_files(root)
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("*")):
            path = file.relative_to(root).as_posix()
            known = path in target or path in ours or "__pycache__" in path
            if not (known or file.is_dir()):
                yield f"{path}: neither Django's nor held by git."


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[1])
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("apply", help="set the tree up")
    command.add_argument("--force", action="store_true", help="discard edits by hand")
    command = commands.add_parser("refresh", help="make patches of the tree's edits")
    command.add_argument("path", nargs="*", help="upstream files; default: all edited")
    command = commands.add_parser("check", help="check everything that must hold")
    command.add_argument("--base", choices=[*BASES, "all"], default="all")
    return parser.parse_args(arguments)


def main(arguments=None, root=ROOT):
    options = parse(arguments)
    try:
        if options.command == "check":
            names = [*BASES] if options.base == "all" else [options.base]
            findings = [*check(root, names)]
            print("\n".join(findings) or f"The patch set holds: {', '.join(names)}.")
            return 1 if findings else 0
        base = Base.of(root)
        if options.command == "apply":
            apply(root, base, force=options.force)
        else:
            paths = [Path(p).resolve().relative_to(root) for p in options.path]
            refresh(root, base, [path.as_posix() for path in paths])
    except PatchsetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
