"""A source distribution of Django, and what of it is unpacked."""

import hashlib
import tarfile
from collections import namedtuple

FOLDERS = ("django", "docs", "tests")
# Unpacked to the git-ignored upstream/: setup.py puts the licenses into the
# wheel and reads the requirements from PKG-INFO.
NOTICES = ("AUTHORS", "LICENSE", "LICENSE.python", "PKG-INFO")


class File(namedtuple("File", "data executable sha256")):
    """A file's content, whether it can be run, and its content's sha256."""

    @classmethod
    def of(cls, data, executable=False):
        return cls(data, bool(executable), sha256(data))


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def read(archive):
    """Return upstream's files, {path: File}."""
    files = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            path = member.name.partition("/")[2]
            path = f"upstream/{path}" if path in NOTICES else path
            wanted = path.partition("/")[0] in (*FOLDERS, "upstream")
            if wanted and member.isfile():
                data = tar.extractfile(member).read()
                files[path] = File.of(data, member.mode & 0o100)
    return files
