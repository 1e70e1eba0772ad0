"""A small project with two bases, whose upstream releases are made up."""

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from django.test import SimpleTestCase
from django.test.utils import captured_stdout
from vendoring.apply import apply
from vendoring.base import Base
from vendoring.checks import check
from vendoring.refresh import refresh
from vendoring.table import write_table

HOOKED = "django/core/hooked.py"
LINES = [f"line {number}\n" for number in range(1, 31)]
COMMON = {
    "AUTHORS": "Django's authors.\n",
    "LICENSE": "Django's license.\n",
    "LICENSE.python": "Python's license.\n",
    "PKG-INFO": "Name: Django\n",
    "django/__init__.py": "",
    HOOKED: "".join(LINES),
    "extras/completion": "Of no use here.\n",
    "tests/runtests.py": "#!/usr/bin/env python\n",
}
RELEASES = {
    "5.2": {**COMMON, "docs/releases/old.txt": "Old.\n"},
    "6.1": {**COMMON, "django/__init__.py": "6.1\n", "django/tasks/base.py": "\n"},
}
HEADER = """\
Subject: Call the hook.

Problem: Nothing calls it.

Why a patch: Nothing
discovers it.

Forwarded: no

"""
DIFF = f"""\
--- a/{HOOKED}
+++ b/{HOOKED}
@@ -8,6 +8,7 @@
 line 8
 line 9
 line 10
+hook()
 line 11
 line 12
 line 13
"""
HOOKED_LINES = "".join([*LINES[:10], "hook()\n", *LINES[10:]])


def make_archive(file, version, contents):
    """Write a source distribution, and return its sha256."""
    with tarfile.open(file, "w:gz") as tar:
        for path, text in contents.items():
            member = tarfile.TarInfo(f"django-{version}/{path}")
            member.mode = 0o755 if text.startswith("#!") else 0o644
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return hashlib.sha256(file.read_bytes()).hexdigest()


class ProjectTestCase(SimpleTestCase):
    """Each test has the project in a folder of its own, not yet set up."""

    def setUp(self):
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        self.root, self.mirror = folder / "project", folder / "mirror"
        self.mirror.mkdir()
        self.fetched = []
        for name, contents in RELEASES.items():
            self.make_base(name, contents)
        self.write("patches/README.md", "<!-- table -->\n<!-- end of table -->\n")
        write_table(self.root)

    def make_base(self, name, contents):
        version = f"{name}.0"
        archive = self.mirror / f"django-{version}.tar.gz"
        digest = make_archive(archive, version, contents)
        self.write(
            f"patches/{name}/base.txt", f"Django=={version} --hash=sha256:{digest}\n"
        )
        self.write(f"patches/{name}/series", "")

    def add_patch(self, name="hook.patch", text=HEADER + DIFF, base="5.2"):
        series = self.root / "patches" / base / "series"
        self.write(f"patches/{base}/{name}", text)
        self.write(f"patches/{base}/series", series.read_text() + f"{name}\n")

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())

    def read(self, path):
        return (self.root / path).read_bytes().decode()

    def files(self):
        """Return the paths of all files of the tree that aren't tooling."""
        paths = (path for path in self.root.rglob("*") if path.is_file())
        names = [path.relative_to(self.root).as_posix() for path in paths]
        return sorted(n for n in names if not n.startswith((".", "patches/")))

    def base(self, name="5.2"):
        return Base(self.root, name)

    def fetch(self, base):
        self.fetched.append(base.name)
        shutil.copy(self.mirror / base.archive.name, base.archive)

    def apply(self, base="5.2", **options):
        """Set the tree up and return what was printed."""
        with captured_stdout() as stdout:
            apply(self.root, self.base(base), self.fetch, **options)
        return stdout.getvalue()

    def refresh(self, *paths, base="5.2"):
        with captured_stdout() as stdout:
            refresh(self.root, self.base(base), paths, self.fetch)
        return stdout.getvalue()

    def check(self, *names):
        with captured_stdout():
            names = names or ("5.2", "6.1")
            return [*check(self.root, names, self.fetch)]

    def git(self, *arguments):
        author = {
            f"GIT_{role}_{what}": "somebody"
            for role in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        subprocess.run(
            ["git", "-C", self.root, *arguments],
            check=True,
            capture_output=True,
            env={**os.environ, **author},
        )
