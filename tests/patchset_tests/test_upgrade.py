import os
import shutil
import unittest
from unittest import mock

from django.test.utils import captured_stdout
from vendoring.base import Base
from vendoring.exceptions import PatchsetError
from vendoring.index import explain_missing, find_sha256
from vendoring.table import write_table
from vendoring.upgrade import pythons, upgrade

from .project import (
    DIFF,
    HEADER,
    HOOKED,
    HOOKED_LINES,
    LINES,
    RELEASES,
    ProjectTestCase,
    make_archive,
)

REFRESH = "run 'python patchset.py refresh', which finds the patch's header."


class UpgradeTestCase(ProjectTestCase):
    """Base 5.2 is at 5.2.0 with a hook, and 5.2.1 is released."""

    def setUp(self):
        super().setUp()
        self.add_patch()
        write_table(self.root)
        self.hashes = {}

    def release(self, hooked, version="5.2.1", **files):
        """Release Django, whose patched file now has these lines."""
        archive = self.mirror / f"django-{version}.tar.gz"
        contents = {**RELEASES["5.2"], HOOKED: "".join(hooked), **files}
        self.hashes[version] = make_archive(archive, version, contents)

    def upgrade(self, version="5.2.1", **options):
        options = {"find": self.hashes.__getitem__, "fetch": self.fetch, **options}
        with captured_stdout() as stdout:
            self.output = stdout
            upgrade(self.root, version, **options)
        return stdout.getvalue()

    def patches(self):
        """Return what an upgrade writes, but for the tree."""
        files = (self.root / "patches").rglob("*")
        return {file: file.read_bytes() for file in files if file.is_file()}

    def assertRefused(self, message, version="5.2.1", **options):
        """Nothing is written then."""
        patches, tree = self.patches(), self.files()
        with self.assertRaisesMessage(PatchsetError, message):
            self.upgrade(version, **options)
        self.assertEqual(self.patches(), patches)
        self.assertEqual(self.files(), tree)
        return self.output.getvalue()

    def assertReported(self, upstream, patch, output):
        self.assertRegex(output, rf"(?m)^{HOOKED} +\{upstream}  {patch}$")


@unittest.skipUnless(shutil.which("git"), "git is needed.")
class MergedTests(UpgradeTestCase):
    def test_an_unchanged_file(self):
        self.release(LINES, **{"django/new.py": "new\n"})
        output = self.upgrade()
        self.assertReported("+0 -0", "unchanged", output)
        self.assertEqual(self.read("patches/5.2/hook.patch"), HEADER + DIFF)
        self.assertEqual(self.read("django/new.py"), "new\n")
        self.assertEqual(self.read(HOOKED), HOOKED_LINES)

    def test_the_pin(self):
        self.release(LINES)
        output = self.upgrade()
        pin = f"Django==5.2.1 --hash=sha256:{self.hashes['5.2.1']}\n"
        self.assertEqual(self.read("patches/5.2/base.txt"), pin)
        self.assertIn(f"5.2.0 to 5.2.1, sha256 {self.hashes['5.2.1']}", output)
        self.assertIn("Django 5.2.1, 1 patches: applied.", output)

    def test_lines_that_moved(self):
        self.release(["new\n", "new\n", *LINES])
        self.assertReported(r"+2 -0", "moved: line 8 to 10", self.upgrade())
        moved = DIFF.replace("-8,6 +8,7", "-10,6 +10,7")
        self.assertEqual(self.read("patches/5.2/hook.patch"), HEADER + moved)

    def test_a_context_that_changed(self):
        lines = [line.replace("line 9\n", "line nine\n") for line in LINES]
        self.release(lines)
        output = self.upgrade()
        self.assertReported(r"+1 -1", "merged: its context changed, look at it", output)
        merged = DIFF.replace("line 9\n", "line nine\n")
        self.assertEqual(self.read("patches/5.2/hook.patch"), HEADER + merged)
        self.assertEqual(self.read(HOOKED), HOOKED_LINES.replace("line 9\n", lines[8]))

    def test_there_and_back(self):
        """The patches are what they were, byte for byte."""
        self.release(["new\n", *LINES])
        before = self.patches()
        self.upgrade()
        self.assertNotEqual(self.patches(), before)
        self.release(LINES, "5.2.2")
        self.upgrade("5.2.2")
        pin = self.root / "patches/5.2/base.txt"
        self.assertEqual({**self.patches(), pin: before[pin]}, before)

    def test_what_must_hold_holds(self):
        self.release(["new\n", *LINES])
        self.upgrade()
        self.assertEqual(self.check(), [])

    def test_a_tree_of_the_other_base(self):
        """It becomes one of the base that moved."""
        self.apply("6.1")
        self.release(LINES)
        self.upgrade()
        self.assertNotIn("django/tasks/base.py", self.files())

    def test_dry_run(self):
        self.release(["new\n", *LINES])
        patches, tree = self.patches(), self.files()
        output = self.upgrade(dry_run=True)
        self.assertReported(r"+1 -0", "moved: line 8 to 9", output)
        self.assertIn("Nothing was written.\n", output)
        self.assertEqual((self.patches(), self.files()), (patches, tree))

    def test_what_to_do_next(self):
        self.release(LINES)
        output = self.upgrade()
        self.assertIn("with Python 3.10 or later, below 3.12:\n", output)
        self.assertIn("python runtests.py channels_tests.contract", output)
        self.assertEqual(pythons((3, 12), (4, 0)), "3.12 or later")


@unittest.skipUnless(shutil.which("git"), "git is needed.")
class ConflictTests(UpgradeTestCase):
    def test_the_very_lines(self):
        """The conflict is shown, with all three sides."""
        self.release([line.replace("line 10\n", "line ten\n") for line in LINES])
        output = self.assertRefused("In conflict: hook.patch. Nothing was written. ")
        self.assertReported(
            r"+1 -1", "conflict: upstream changed the very lines", output
        )
        self.assertIn("<<<<<<< Django 5.2.1\nline ten\n||||||| Django 5.2.0\n", output)
        self.assertIn("hook()\n>>>>>>> patches/5.2/hook.patch\n", output)

    def test_the_file_is_gone(self):
        self.release([], **{HOOKED: ""})
        contents = {**RELEASES["5.2"]}
        del contents[HOOKED]
        archive = self.mirror / "django-5.2.1.tar.gz"
        self.hashes["5.2.1"] = make_archive(archive, "5.2.1", contents)
        output = self.assertRefused("In conflict: hook.patch.")
        self.assertReported(r"+0 -30", "conflict: upstream's file is gone", output)

    def test_upstream_has_the_hook(self):
        self.release([HOOKED_LINES])
        output = self.assertRefused("In conflict: hook.patch.")
        self.assertReported(
            r"+1 -0", "conflict: upstream has the patch's lines itself", output
        )

    def test_a_patch_taken_out_of_the_series(self):
        """This is the way out: its header is found when it's refreshed."""
        lines = [line.replace("line 10\n", "line ten\n") for line in LINES]
        self.apply()
        self.release(lines)
        self.assertRefused(REFRESH)
        self.write("patches/5.2/series", "")
        self.upgrade()
        self.write(HOOKED, HOOKED_LINES.replace("line 10\n", "line ten\n"))
        self.refresh()
        text = self.read("patches/5.2/hook.patch")
        self.assertEqual(text, HEADER + DIFF.replace("line 10\n", "line ten\n"))
        self.assertEqual(self.check(), [])

    def test_no_git(self):
        self.release(LINES)
        with mock.patch(
            "vendoring.merge.subprocess.run", side_effect=FileNotFoundError
        ):
            self.assertRefused("git is missing: install it.")

    def test_git_fails(self):
        failed = mock.Mock(returncode=255, stderr=b"error: no")
        self.release(LINES)
        with mock.patch("vendoring.merge.subprocess.run", return_value=failed):
            self.assertRefused(f"git could not merge {HOOKED}: error: no.")

    def test_no_newline_at_the_end(self):
        self.release([*LINES, "end"])
        self.assertRefused(f"{HOOKED} of Django 5.2.1: end its last line with a newl")


@unittest.skipUnless(shutil.which("git"), "git is needed.")
class RefusedTests(UpgradeTestCase):
    def setUp(self):
        super().setUp()
        self.release(LINES)

    def test_versions(self):
        for version, message in [
            ("5.2.0", "'5.2.0' is not a release: name one as 5.2.1"),
            ("5.2rc1", "'5.2rc1' is not a release"),
            ("latest", "'latest' is not a release"),
            ("6.0.1", "Django 6.0.1 is of none of the bases, 5.2, 6.1"),
        ]:
            with self.subTest(version):
                self.assertRefused(message, version)

    def test_the_same_version(self):
        self.upgrade()
        self.assertRefused("patches/5.2/base.txt pins 5.2.1 already.")

    def test_an_edited_tree(self):
        self.apply()
        self.write(HOOKED, HOOKED_LINES + "edit\n")
        self.assertRefused(f"Edited by hand: {HOOKED}.")
        self.assertEqual(self.read(HOOKED), HOOKED_LINES + "edit\n")

    def test_a_file_of_gits(self):
        """Upstream may have come to one of this project's paths."""
        self.release(LINES, **{"django/ours.py": "theirs\n"})
        self.git("init", "--quiet")
        self.write("django/ours.py", "ours\n")
        self.git("add", "django/ours.py")
        self.assertRefused("Git holds files of Django's, remove django/ours.py.")

    def test_another_archive_than_the_index_says(self):
        self.assertRefused(
            ".vendor/django-5.2.1.tar.gz is not the archive that patches/5.2/base.txt "
            "pins",
            find=lambda version: "0" * 64,
        )

    def test_a_patch_that_does_not_apply(self):
        self.write("patches/5.2/hook.patch", HEADER + DIFF.replace("line 8", "line"))
        self.assertRefused("patches/5.2/hook.patch does not apply")


class IndexTests(ProjectTestCase):
    def test_no_network(self):
        """The real pip is asked, and it has no index."""
        settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1"}
        message = "pip could not ask the package index for Django 5.2.1 ("
        with mock.patch.dict(os.environ, settings):
            with self.assertRaisesMessage(PatchsetError, message):
                find_sha256("5.2.1")

    def test_an_unknown_release(self):
        stderr = (
            "ERROR: Could not find a version that satisfies the requirement "
            "Django==5.2.99 (from versions: 5.1, 5.2)\n"
            "ERROR: No matching distribution found for Django==5.2.99\n"
        )
        message = "Django 5.2.99 is not on the package index: 'python -m pip index"
        self.assertIn(message, explain_missing("5.2.99", stderr))

    def test_no_pip(self):
        explained = explain_missing("5.2.1", "python: No module named pip")
        self.assertIn("pip is missing: run 'python -m ensurepip'", explained)

    def report(self, **found):
        info = {"archive_info": {"hashes": {"sha256": "abc"}}}
        install = [{"download_info": info, **found}]
        run = mock.Mock(returncode=0, stdout=f'{{"install": {install}}}')
        run.stdout = run.stdout.replace("'", '"').replace("True", "true")
        return mock.patch("vendoring.index.pip", return_value=run)

    def test_what_pip_says(self):
        with self.report():
            self.assertEqual(find_sha256("5.2.1"), "abc")

    def test_a_release_that_was_withdrawn(self):
        message = "Django 5.2.1 was withdrawn from the package index"
        with self.report(is_yanked=True):
            with self.assertRaisesMessage(PatchsetError, message):
                find_sha256("5.2.1")

    def test_a_pin_is_as_written(self):
        base = Base(self.root, "5.2")
        self.assertEqual(base.pin, self.read("patches/5.2/base.txt"))
