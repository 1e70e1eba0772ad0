"""The working tree."""

import json
import os
import shutil
import subprocess
import sys

from .archive import File, sha256


class Tree:
    """The working tree, and the record of what was written into it."""

    def __init__(self, root):
        self.root, self.vendor = root, root / ".vendor"
        # files: {path: [sha256, size, mtime]}; pending: {path: [sha256,
        # …]}, what interrupted runs were about to write.
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
            written = {None, *pending.get(path, ()), files.get(path, [None])[0]}
            if path in upstream and path not in files:
                written.add(upstream[path].sha256)
            if self.digest(path) not in written:
                edited.append(path)
        return edited

    def save(self, **state):
        """Record the state, whole or not at all."""
        self.state.update(state)
        self.write(".vendor/tree.json", File.of(json.dumps(self.state).encode()))

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
        old = self.state["pending"]
        gone = {*self.state["files"], *old} - {*target}
        new = {p: [*old.get(p, ()), file.sha256] for p, file in target.items()}
        self.save(base=base.name, key=None, pending={**old, **new})
        todo = [p for p, file in target.items() if self.digest(p) != file.sha256]
        for path in counted(f"Unpacking Django {base.version}", todo):
            self.write(path, target[path])
        for path in counted("Removing the other base's files", sorted(gone)):
            self.remove(path)
        stats = {path: os.stat(self.root / path) for path in target}
        files = {
            p: [target[p].sha256, s.st_size, s.st_mtime_ns] for p, s in stats.items()
        }
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
    """
    Return the paths that git holds: none outside of a clone, or where git is
    missing or can't read it, which hinders nobody from installing.
    """
    if not (root / ".git").exists():
        return set()
    command = ["git", "-c", "safe.directory=*", "-C", root, "ls-files", "-z"]
    try:
        run = subprocess.run([*command, *options], capture_output=True, text=True)
    except FileNotFoundError:
        return set()
    return {*run.stdout.split("\0")} - {""}
