"""The table of patches/README.md."""

import re

from .base import BASES, Base

TABLE = re.compile(r"(?<=<!-- table -->\n).*?(?=<!-- end of table -->)", re.S)


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
