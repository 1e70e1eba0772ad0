"""The maps of the packages, in their docstrings, are true."""

import ast
import re
from pathlib import Path

import django.channels
from django.channels import backends, interfaces
from django.test import SimpleTestCase

ROOT = Path(django.channels.__file__).parent
PACKAGE = "django.channels"


def modules(folder):
    """Return the names of the folder's modules and packages."""
    found = {path.stem for path in folder.glob("*.py")}
    found |= {path.parent.name for path in folder.glob("*/__init__.py")}
    return found - {"__init__"}


def places(docstring, names):
    """
    Return where in the docstring each of the names is: by the number of the
    paragraph, each of which begins with a line of names.
    """
    found = {}
    for number, paragraph in enumerate(re.split(r"^(?=``)", docstring, flags=re.M)[1:]):
        for name in re.findall(r"``(\w+)``", paragraph):
            if name in names:
                found.setdefault(name, number)
    return found


def imported(path):
    """Yield the modules of django.channels that the module's own lines import."""
    inside = path.relative_to(ROOT).parent.parts
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ImportFrom):
            continue
        module = node.module or ""
        if node.level:
            base = [PACKAGE, *inside][: len(inside) + 2 - node.level]
            module = ".".join([*base, module]).rstrip(".")
        if f"{module}.".startswith(f"{PACKAGE}."):
            rest = module.removeprefix(PACKAGE).strip(".")
            yield from [rest.split(".")[0]] if rest else (a.name for a in node.names)


class MapTests(SimpleTestCase):
    def test_order(self):
        """Whoever reads from the top meets nothing that's explained below."""
        names = modules(ROOT)
        places_of = places(django.channels.__doc__, names)
        self.assertEqual(names - places_of.keys(), set())
        for path in sorted(ROOT.rglob("*.py")):
            name = path.relative_to(ROOT).with_suffix("").parts[0]
            if name == "__init__":
                continue
            for other in imported(path):
                with self.subTest(path=path, other=other):
                    self.assertLessEqual(places_of.get(other, -1), places_of[name])

    def test_packages(self):
        """Each module of the larger packages has its place."""
        for package in (backends, interfaces):
            names = modules(Path(package.__file__).parent)
            with self.subTest(package=package):
                known = places(package.__doc__, names)
                self.assertEqual(names - known.keys(), set())
