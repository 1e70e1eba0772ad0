"""What the sources themselves tell of what they rely on."""

import ast
from collections import defaultdict
from functools import lru_cache
from pathlib import Path

import django

DJANGO = Path(django.__file__).parent
ROOT = DJANGO.parent
OURS = (
    "django.channels",
    "django.core.handlers.channel",
    "django.core.management.commands.runworker",
    "django.core.management.commands.runwsserver",
    "django.test.channels",
)
BELOW = ("django", "asgiref", "autobahn", "httptools", "twisted", "zope")


@lru_cache
def trees():
    """Return the sources as syntax trees, by path."""
    files = [*(DJANGO / "channels").rglob("*.py")]
    files += [ROOT / f"{name.replace('.', '/')}.py" for name in OURS[1:]]
    return {
        file.relative_to(ROOT).as_posix(): ast.parse(file.read_text())
        for file in sorted(files)
    }


def is_below(name):
    """Tell whether a dotted name is of a package below this project's code."""
    ours = any(f"{name}.".startswith(f"{own}.") for own in OURS)
    return name.partition(".")[0] in BELOW and not ours


def imports(tree):
    """Return the dotted names that a source imports, by the names it gives."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return {given: name for given, name in found.items() if is_below(name)}


@lru_cache
def used_names():
    """
    Return the paths that use each dotted name: what is imported, and the
    attributes that are asked of it (``signals.request_started``).
    """
    used = defaultdict(set)
    for path, tree in trees().items():
        imported = imports(tree)
        for name in imported.values():
            used[name].add(path)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.value.id in imported:
                    used[f"{imported[node.value.id]}.{node.attr}"].add(path)
    return used


@lru_cache
def private_names():
    """
    Return the paths that use each attribute with a leading underscore that no
    source defines: it's somebody else's.
    """
    used, defined = defaultdict(set), set()
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                if node.attr.startswith("_") and not node.attr.startswith("__"):
                    used[node.attr].add(path)
            elif isinstance(node, ast.Attribute):
                defined.add(node.attr)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                defined.add(node.name)
            elif isinstance(node, ast.Assign):
                names = [t.id for t in node.targets if isinstance(t, ast.Name)]
                defined.update(names)
                if names == ["__slots__"]:
                    defined.update(ast.literal_eval(node.value))
    return {name: paths for name, paths in used.items() if name not in defined}
