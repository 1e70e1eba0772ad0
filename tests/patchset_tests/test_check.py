import shutil
import unittest
from unittest import mock

import patchset
from django.test.utils import captured_stderr, captured_stdout
from vendoring.exceptions import PatchsetError
from vendoring.patch import TEMPLATE
from vendoring.table import write_table
from vendoring.tree import Tree

from .project import (
    COMMON,
    DIFF,
    HEADER,
    HOOKED,
    HOOKED_LINES,
    RELEASES,
    ProjectTestCase,
)

IGNORED = "/.vendor/\n/upstream/\n/django/*\n!/django/channels/\n/docs/\n/tests/\n"


@unittest.skipUnless(shutil.which("git"), "git is needed.")
class CheckTests(ProjectTestCase):
    def setUp(self):
        super().setUp()
        self.add_patch()
        self.write(".gitignore", IGNORED)
        self.write("django/channels/__init__.py", "Ours.\n")
        with captured_stdout():
            write_table(self.root)
        self.git("init", "--quiet")
        self.git("add", ".")
        self.apply()

    def test_nothing(self):
        self.assertEqual(self.check(), [])

    def test_a_tree_that_is_not_set_up(self):
        shutil.rmtree(self.root / ".vendor")
        finding = "The tree is not set up: run 'python patchset.py apply'."
        self.assertEqual(self.check(), [finding])

    def test_the_pin(self):
        self.write("patches/5.2/base.txt", f"Django==5.2.0 --hash=sha256:{'0' * 64}\n")
        message = "is not the archive that patches/5.2/base.txt pins"
        with self.assertRaisesMessage(PatchsetError, message):
            self.check()

    def test_a_patch_out_of_the_series(self):
        self.write("patches/6.1/left.patch", HEADER + DIFF)
        self.assertEqual(self.check(), ["patches/6.1/left.patch: not in the series."])

    def test_a_patch_twice_in_the_series(self):
        self.write("patches/5.2/series", "hook.patch\nhook.patch\n")
        self.assertIn("patches/5.2/series: names hook.patch 2 times.", self.check())

    def test_two_patches_of_one_file(self):
        self.add_patch("more.patch")
        finding = f"patches/5.2: 2 patches of {HOOKED}, make them one."
        self.assertIn(finding, self.check())

    def test_a_patch_that_does_not_apply(self):
        """Of the other base too, without switching the tree."""
        self.add_patch(text=HEADER + DIFF.replace("line 8", "line"), base="6.1")
        findings = self.check("6.1")
        self.assertIn("patches/6.1/hook.patch does not apply", findings[0])

    def test_a_header_with_a_template_word(self):
        self.write("patches/5.2/hook.patch", TEMPLATE + DIFF)
        finding = "patches/5.2/hook.patch: its header still has a TODO."
        self.assertIn(finding, self.check())

    def test_a_header_that_is_incomplete(self):
        finding = (
            "patches/5.2/hook.patch: its header must have Subject, Problem, "
            "Why a patch, Forwarded: no."
        )
        for old, new in [
            ("Forwarded: no", "Forwarded: yes"),
            ("Forwarded: no", ""),
            ("Problem: Nothing calls it.", ""),
            ("Why a patch: Nothing\ndiscovers it.", "Why a patch:"),
        ]:
            with self.subTest(new=new):
                text = HEADER.replace(old, new)
                self.write("patches/5.2/hook.patch", text + DIFF)
                self.assertIn(finding, self.check())

    def test_the_budget_of_lines(self):
        added = "".join(f"{number}\n" for number in range(61))
        self.write(HOOKED, HOOKED_LINES.replace("hook()\n", added))
        self.refresh()
        finding = "patches/5.2: 61 added lines under django/, over 60."
        self.assertEqual(self.check(), [finding])
        self.write(HOOKED, "".join(HOOKED_LINES.splitlines(True)[12:]))
        self.refresh()
        finding = "patches/5.2: 11 removed lines under django/, over 10."
        self.assertEqual(self.check(), [finding])

    def test_the_budget_of_files(self):
        """Files outside of django/ aren't counted."""
        names = [f"django/{number}.py" for number in range(11)]
        files = {**RELEASES["6.1"], **dict.fromkeys([*names, "tests/a.py"], "a\n")}
        self.make_base("6.1", files)
        for number, path in enumerate([*names, "tests/a.py"]):
            diff = f"--- a/{path}\n+++ b/{path}\n@@ -1 +1,2 @@\n a\n+b\n"
            self.add_patch(f"{number}.patch", HEADER + diff, "6.1")
        with captured_stdout():
            write_table(self.root)
        finding = "patches/6.1: 11 files under django/, over 10."
        self.assertEqual(self.check(), [finding])

    def test_a_file_of_upstreams_in_git(self):
        self.git("add", "--force", HOOKED)
        self.assertIn(f"{HOOKED}: held by git, yet it is Django's.", self.check("5.2"))

    def test_a_file_of_upstreams_that_is_not_ignored(self):
        self.write(".gitignore", IGNORED.replace("/docs/\n", ""))
        finding = "docs/releases/old.txt: Django's, yet not ignored by .gitignore."
        self.assertEqual(self.check("5.2"), [finding])

    def test_a_file_of_ours_that_is_ignored(self):
        self.write("docs/ours.txt", "Ours.\n")
        self.git("add", "--force", "docs/ours.txt")
        finding = "docs/ours.txt: held by git, yet ignored by .gitignore."
        self.assertEqual(self.check("5.2"), [finding])

    def test_a_release_named_beside_the_pin(self):
        """Measurements and patches may quote it; a longer number is another."""
        self.write("benchmarks/results/old.md", "Django 5.2.0\n")
        self.write("README.md", "Django 5.2.01, 15.2.0\n")
        self.git("add", "benchmarks", "README.md")
        self.assertEqual(self.check(), [])
        self.write("README.md", "Django 5.2.0.\n")
        finding = "README.md: names 5.2.0, which only patches/5.2/base.txt should."
        self.assertEqual(self.check(), [finding])

    def test_an_edited_file(self):
        """Even one whose size and time are as recorded."""
        tree = Tree(self.root)
        self.write(HOOKED, COMMON[HOOKED])
        stat = (self.root / HOOKED).stat()
        recorded = tree.state["files"][HOOKED]
        tree.state["files"][HOOKED] = [recorded[0], stat.st_size, stat.st_mtime_ns]
        tree.save()
        finding = f"{HOOKED}: is not what Django and the series make it."
        self.assertEqual(self.check(), [finding])

    def test_a_file_of_nobodys(self):
        self.write("tests/left/over.py", "")
        self.write("tests/left/__pycache__/over.pyc", "")
        finding = "tests/left/over.py: neither Django's nor held by git."
        self.assertEqual(self.check(), [finding])

    def test_a_folder_that_is_no_clone(self):
        """What git holds isn't taken for left over."""
        shutil.rmtree(self.root / ".git")
        finding = "What git holds is unknown: run this in a clone, and with git."
        self.assertEqual(self.check(), [finding])

    def test_the_table(self):
        self.write("patches/README.md", "<!-- table -->\n<!-- end of table -->\n")
        finding = "patches/README.md: its table is not the patches': run refresh."
        self.assertEqual(self.check(), [finding])


class MainTests(ProjectTestCase):
    """The exit status and where the lines go."""

    def main(self, *arguments):
        with captured_stdout() as stdout, captured_stderr() as stderr:
            status = patchset.main(arguments, self.root)
        return status, stdout.getvalue(), stderr.getvalue()

    def test_an_error_is_one_line(self):
        for archive in self.mirror.iterdir():
            shutil.copy(archive, self.root)
        self.write("patches/5.2/base.txt", "")
        self.write("patches/6.1/base.txt", "")
        status, _, stderr = self.main("apply")
        self.assertEqual(status, 1)
        self.assertRegex(stderr, r"\Aerror: patches/.*\n\Z")

    def test_without_docstrings(self):
        """As python -OO has it."""
        with mock.patch.object(patchset, "check", return_value=[]):
            with mock.patch.object(patchset, "__doc__", None):
                self.assertEqual(self.main("check")[0], 0)

    def test_a_file_of_another_folder(self):
        status, _, stderr = self.main("refresh", str(self.mirror))
        self.assertEqual(status, 1)
        self.assertEqual(stderr, f"error: {self.mirror} isn't in {self.root}.\n")

    def test_upgrade(self):
        """What must hold is checked at its end, and not after a dry run."""
        with mock.patch.object(patchset, "upgrade") as upgrade:
            with mock.patch.object(patchset, "check", return_value=["one"]):
                self.assertEqual(self.main("upgrade", "5.2.1"), (1, "one\n", ""))
                dry = self.main("upgrade", "5.2.1", "--dry-run")
        self.assertEqual(dry, (0, "", ""))
        upgrade.assert_called_with(self.root, "5.2.1", True)

    def test_findings(self):
        with mock.patch.object(patchset, "check", return_value=["one", "two"]):
            self.assertEqual(self.main("check"), (1, "one\ntwo\n", ""))

    def test_no_findings(self):
        with mock.patch.object(patchset, "check", return_value=[]) as check:
            output = "The patch set holds: 6.1.\n"
            self.assertEqual(self.main("check", "--base", "6.1"), (0, output, ""))
        check.assert_called_once_with(self.root, ["6.1"])
