"""A patch carried over from one release of Django to another."""

import re
import subprocess
import tempfile
from pathlib import Path

from .archive import File
from .exceptions import PatchsetError
from .patch import Patch, export, split_lines

HUNK = re.compile(r"^@@ -(\d+).*\n", re.M)
CONFLICT = re.compile(r"^<{7} .*?^>{7} .*?\n", re.M | re.S)

UNCHANGED, MOVED, MERGED, CONFLICTED = "unchanged", "moved", "merged", "conflict"


class Merge:
    """
    The three-way merge of what upstream and what a patch made of a file.

    ``releases`` names the two releases; ``old`` and ``new`` are their files.
    Where the merge is exact ``diff`` is the new patch and ``file`` the new
    file with it; in a conflict they are None, and ``reason`` and ``conflicts``
    say why.
    """

    def __init__(self, patch, releases, old, new):
        self.patch, self.releases = patch, releases
        self.diff = self.file = self.reason = None
        self.conflicts = []
        self.old, self.new = old[patch.path], new.get(patch.path)
        if self.new is None:
            self.reason = "upstream's file is gone"
            return
        data = self.merge(patch.apply(old))
        diff = data and export(patch.path, self.new.data, data)
        if diff:
            self.diff, self.file = diff, File.of(data, self.new.executable)
            Patch(patch.file, patch.header + diff).apply(new)
        elif data:
            self.reason = "upstream has the patch's lines itself"
        else:
            self.reason = "upstream changed the very lines"

    def merge(self, patched):
        """Return the merged content, or None where the two sides collide."""
        old, new = self.releases
        sides = {
            f"Django {new}": self.new.data,
            f"Django {old}": self.old.data,
            self.patch.name: patched,
        }
        command = ["git", "merge-file", "-p", "--diff3"]
        with tempfile.TemporaryDirectory() as folder:
            for number, (label, data) in enumerate(sides.items()):
                split_lines(f"{self.patch.path} of {label}", data)
                (Path(folder) / f"{number}").write_bytes(data)
                command += ["-L", label]
            try:
                run = subprocess.run(
                    [*command, "0", "1", "2"], cwd=folder, capture_output=True
                )
            except FileNotFoundError as error:
                raise PatchsetError("git is missing: install it.") from error
        if run.returncode > 127:
            reason = run.stderr.decode().strip()
            raise PatchsetError(f"git could not merge {self.patch.path}: {reason}.")
        if run.returncode:
            self.conflicts = CONFLICT.findall(run.stdout.decode())
            return None
        return run.stdout

    @property
    def status(self):
        if self.diff is None:
            return CONFLICTED
        if self.diff == self.patch.diff:
            return UNCHANGED
        same = HUNK.sub("@@\n", self.diff) == HUNK.sub("@@\n", self.patch.diff)
        return MOVED if same else MERGED

    @property
    def moves(self):
        """The hunks' first lines, before and after, of a patch that moved."""
        return [*zip(HUNK.findall(self.patch.diff), HUNK.findall(self.diff))]

    @property
    def upstream(self):
        """What upstream changed in the file between the two releases."""
        new = self.new.data if self.new else b""
        return Patch(self.patch.file, export(self.patch.path, self.old.data, new))
