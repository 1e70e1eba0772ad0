"""A base: a supported release of Django, and the series of its patches."""

import copy
import json
import re
import sys

from . import archive
from .archive import File, sha256
from .exceptions import PatchsetError
from .patch import Patch

# The interpreters of each base, as Django's own Requires-Python has them.
BASES = {"5.2": ((3, 10), (3, 12)), "6.1": ((3, 12), (4, 0))}


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

    def at(self, version, sha256):
        """Return the base as it is with another release; nothing is written."""
        base = copy.copy(self)
        base.version, base.sha256 = version, sha256
        return base

    @property
    def pin(self):
        """The line of base.txt, a requirement that pip checks the hash of."""
        return f"Django=={self.version} --hash=sha256:{self.sha256}\n"

    @property
    def archive(self):
        return self.root / ".vendor" / f"django-{self.version}.tar.gz"

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
        return archive.read(self.archive)

    def target(self, upstream):
        """Return upstream's files with the series applied."""
        files = dict(upstream)
        for patch in self.patches:
            data = patch.apply(files)
            files[patch.path] = File.of(data, files[patch.path].executable)
        return files
