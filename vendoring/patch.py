"""A patch: a header, and the diff of one of upstream's files."""

import difflib
import re

from .exceptions import PatchsetError

FIELDS = ["Subject", "Problem", "Why a patch", "Forwarded"]
TEMPLATE = """\
Subject: TODO: what the hook does, in one line.

Problem: TODO: what upstream's file does that channels need otherwise.

Why a patch: TODO: why discovery, subclassing or self-registration can't do it.

Forwarded: no

"""


def split_lines(path, data):
    """Return the text's lines; only whole lines can be patched."""
    try:
        *lines, rest = data.decode().split("\n")
    except UnicodeDecodeError:
        raise PatchsetError(f"{path}: only text in UTF-8 can be patched.") from None
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
