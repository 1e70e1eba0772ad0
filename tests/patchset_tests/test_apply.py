import os
import shutil
from unittest import mock

from vendoring.archive import File
from vendoring.base import Base
from vendoring.exceptions import PatchsetError
from vendoring.index import download, explain
from vendoring.patch import Patch, export
from vendoring.tree import Tree

from .project import COMMON, DIFF, HEADER, HOOKED, HOOKED_LINES, ProjectTestCase

SET_UP = [
    "django/__init__.py",
    "django/core/hooked.py",
    "docs/releases/old.txt",
    "tests/runtests.py",
    "upstream/AUTHORS",
    "upstream/LICENSE",
    "upstream/LICENSE.python",
    "upstream/PKG-INFO",
]
FORCE = "'python patchset.py apply --force' to discard it."


class ApplyTests(ProjectTestCase):
    def test_upstream_is_unpacked_and_patched(self):
        self.add_patch()
        output = self.apply()
        self.assertEqual(self.files(), SET_UP)
        self.assertEqual(self.read(HOOKED), HOOKED_LINES)
        self.assertTrue(os.access(self.root / "tests/runtests.py", os.X_OK))
        self.assertIn("Unpacking Django 5.2.0: 8 of 8 files\n", output)
        self.assertIn("Django 5.2.0, 1 patches: applied.\n", output)

    def test_nothing_is_read_or_written_when_nothing_changed(self):
        """Neither the network nor the archive is needed again."""
        self.apply()
        self.base().archive.unlink()
        before = (self.root / HOOKED).stat().st_mtime_ns
        self.assertEqual(self.apply(), "Django 5.2.0, 0 patches: up to date.\n")
        self.assertEqual((self.root / HOOKED).stat().st_mtime_ns, before)
        self.assertEqual(self.fetched, ["5.2"])

    def test_a_touched_file_is_no_edit(self):
        self.apply()
        os.utime(self.root / HOOKED, (1, 1))
        self.assertIn("up to date", self.apply())

    def test_a_missing_file_is_restored(self):
        self.apply()
        (self.root / HOOKED).unlink()
        self.assertIn("Unpacking Django 5.2.0: 1 of 1 files", self.apply())
        self.assertEqual(self.files(), SET_UP)

    def test_a_changed_series_is_applied(self):
        """A patch that came in or went changes its own file only."""
        self.apply()
        self.add_patch()
        self.assertIn("Unpacking Django 5.2.0: 1 of 1 files", self.apply())
        self.assertEqual(self.read(HOOKED), HOOKED_LINES)
        self.write("patches/5.2/series", "")
        self.apply()
        self.assertEqual(self.read(HOOKED), COMMON[HOOKED])

    def test_a_tree_unpacked_by_hand_is_taken_over(self):
        self.add_patch()
        for path, text in COMMON.items():
            self.write(path, text)
        self.apply()
        self.assertEqual(self.read(HOOKED), HOOKED_LINES)

    def test_the_other_base_replaces_upstreams_files_only(self):
        self.add_patch()
        self.write("django/channels/__init__.py", "Ours.\n")
        self.apply("5.2")
        (self.root / "docs/releases/__pycache__").mkdir()
        self.apply("6.1")
        self.assertEqual(self.read("django/__init__.py"), "6.1\n")
        self.assertEqual(self.read(HOOKED), COMMON[HOOKED])
        self.assertIs((self.root / "docs").exists(), False)
        self.apply("5.2")
        self.assertEqual(self.read("django/channels/__init__.py"), "Ours.\n")
        self.assertEqual(
            self.files(),
            ["django/__init__.py", "django/channels/__init__.py", *SET_UP[1:]],
        )


class InterruptedApplyTests(ProjectTestCase):
    def interrupt(self, base, method="write", after=3):
        """Have the set-up stop after some files were written or removed."""
        original, calls = getattr(Tree, method), []

        def stop(tree, path, *args):
            calls.append(path)
            if len(calls) > after:
                raise KeyboardInterrupt
            original(tree, path, *args)

        with mock.patch.object(Tree, method, stop):
            with self.assertRaises(KeyboardInterrupt):
                self.apply(base)

    def test_the_first_run(self):
        self.add_patch()
        for after in range(1, 9):
            with self.subTest(after=after):
                self.interrupt("5.2", after=after)
                self.apply()
                self.assertEqual(self.files(), SET_UP)
                self.assertEqual(self.read(HOOKED), HOOKED_LINES)
                for folder in (".vendor", "django", "docs", "tests", "upstream"):
                    shutil.rmtree(self.root / folder)

    def test_a_switch_of_the_base(self):
        """It may be taken up again for either base."""
        self.apply("5.2")
        self.interrupt("6.1", after=2)
        self.apply("5.2")
        self.assertEqual(self.files(), SET_UP)
        self.interrupt("6.1", method="remove", after=0)
        self.apply("6.1")
        self.assertNotIn("docs/releases/old.txt", self.files())

    def test_twice_with_different_bases(self):
        """What the first interrupted run wrote is no edit either."""
        self.interrupt("6.1", after=8)
        self.assertEqual(self.read("django/__init__.py"), "6.1\n")
        self.interrupt("5.2", after=1)
        self.apply("5.2")
        self.assertEqual(self.files(), SET_UP)

    def test_before_the_patch_changed(self):
        """What the interrupted run wrote is not taken for an edit."""
        self.add_patch()
        self.interrupt("5.2", after=8)
        self.assertEqual(self.read(HOOKED), HOOKED_LINES)
        self.write("patches/5.2/series", "")
        self.apply()
        self.assertEqual(self.read(HOOKED), COMMON[HOOKED])


class EditedTreeTests(ProjectTestCase):
    def assertEditIsRefused(self, base="5.2"):
        message = (
            f"Edited by hand: {HOOKED}. Run 'python patchset.py refresh' to keep the "
            f"edit as a patch, or {FORCE}"
        )
        before = self.read(HOOKED)
        with self.assertRaisesMessage(PatchsetError, message):
            self.apply(base)
        self.assertEqual(self.read(HOOKED), before)

    def test_an_edited_hook(self):
        self.add_patch()
        self.apply()
        self.write(HOOKED, HOOKED_LINES.replace("hook()", "hook(1)"))
        self.assertEditIsRefused()

    def test_a_hook_taken_out_by_hand(self):
        self.add_patch()
        self.apply()
        self.write(HOOKED, COMMON[HOOKED])
        self.assertEditIsRefused()

    def test_an_edit_when_the_base_is_switched(self):
        self.apply("5.2")
        self.write(HOOKED, "edit\n")
        self.assertEditIsRefused("6.1")

    def test_an_edit_of_a_file_that_the_other_base_lacks(self):
        self.apply("5.2")
        self.write("docs/releases/old.txt", "edit\n")
        message = "Edited by hand: docs/releases/old.txt."
        with self.assertRaisesMessage(PatchsetError, message):
            self.apply("6.1")

    def test_an_edit_in_a_tree_that_was_never_set_up(self):
        self.write(HOOKED, "edit\n")
        self.assertEditIsRefused()

    def test_force_discards_an_edit(self):
        self.apply()
        self.write(HOOKED, "edit\n")
        self.apply(force=True)
        self.assertEqual(self.read(HOOKED), COMMON[HOOKED])

    def test_a_file_of_gits_is_never_overwritten(self):
        self.write(HOOKED, "ours\n")
        with mock.patch("vendoring.apply.git_files", return_value={HOOKED}):
            message = f"Git holds files of Django's, remove {HOOKED}."
            with self.assertRaisesMessage(PatchsetError, message):
                self.apply(force=True)
        self.assertEqual(self.read(HOOKED), "ours\n")

    def test_a_clone_that_git_can_not_read(self):
        """As in a container's image, to which a worktree's .git was copied."""
        self.write(".git", "gitdir: /nowhere\n")
        self.assertIn("applied.", self.apply())

    def test_a_clone_on_a_machine_without_git(self):
        (self.root / ".git").mkdir()
        with mock.patch.dict(os.environ, {"PATH": ""}):
            self.assertIn("applied.", self.apply())


class ArchiveTests(ProjectTestCase):
    def download(self, **environment):
        """Have the real pip fetch from the mirror, and from nowhere else."""
        settings = {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_FIND_LINKS": str(self.mirror),
            "PIP_NO_INDEX": "1",
        }
        with mock.patch.dict(os.environ, {**settings, **environment}):
            self.base().archive.parent.mkdir()
            download(self.base())

    def test_a_wrong_hash_in_the_cache(self):
        self.write(".vendor/django-5.2.0.tar.gz", "something else")
        message = (
            ".vendor/django-5.2.0.tar.gz is not the archive that patches/5.2/base.txt "
            "pins, its sha256 is "
        )
        with self.assertRaisesMessage(PatchsetError, message):
            self.apply()
        self.assertEqual(self.files(), [])

    def test_a_wrong_hash_from_the_index(self):
        (self.mirror / "django-5.2.0.tar.gz").write_text("something else")
        message = "The Django 5.2.0 that pip found is not the archive that"
        with self.assertRaisesMessage(PatchsetError, message):
            self.download()
        self.assertIs(self.base().archive.exists(), False)

    def test_no_network_and_no_archive(self):
        (self.mirror / "django-5.2.0.tar.gz").unlink()
        message = "connect to the network, or put django-5.2.0.tar.gz into .vendor/"
        with self.assertRaisesMessage(PatchsetError, message):
            self.download()

    def test_no_pip(self):
        message = "pip is missing: run 'python -m ensurepip'"
        explained = explain(self.base(), "python: No module named pip")
        self.assertIn(message, explained)

    def test_no_network_but_an_archive(self):
        """An archive in .vendor/ is all that set-up needs."""
        self.base().archive.parent.mkdir()
        self.fetch(self.base())
        self.apply()
        self.assertEqual(self.fetched, ["5.2"])

    def test_a_malformed_pin(self):
        self.write("patches/5.2/base.txt", "Django==5.2.0\n")
        message = "patches/5.2/base.txt must hold one line"
        with self.assertRaisesMessage(PatchsetError, message):
            self.base()


class ChosenBaseTests(ProjectTestCase):
    def test_supported(self):
        for version, name in [
            ((3, 10), "5.2"),
            ((3, 11), "5.2"),
            ((3, 12), "6.1"),
            ((3, 14), "6.1"),
        ]:
            with self.subTest(version=version):
                self.assertEqual(Base.of(self.root, version).name, name)

    def test_unsupported(self):
        message = "Python 3.9 is too old: use Python 3.10 or later."
        with self.assertRaisesMessage(PatchsetError, message):
            Base.of(self.root, (3, 9, 18))


class PatchTests(ProjectTestCase):
    """A patch applies exactly or not at all."""

    def assertMisfit(self, diff, line, hunk=1):
        self.assertNotEqual(diff, DIFF)
        self.add_patch(text=HEADER + diff)
        message = (
            f"patches/5.2/hook.patch does not apply to {HOOKED}: hunk {hunk} is not "
            f"exact at the patch's line {HEADER.count(chr(10)) + line}."
        )
        with self.assertRaisesMessage(PatchsetError, message):
            self.apply()
        self.assertEqual(self.files(), [])

    def test_wrong_context(self):
        self.assertMisfit(DIFF.replace("line 9", "line nine"), 5)

    def test_wrong_last_context(self):
        self.assertMisfit(DIFF.replace("line 13", "line"), 10)

    def test_offset(self):
        self.assertMisfit(DIFF.replace("-8,6 +8,7", "-9,6 +9,7"), 4)

    def test_wrong_place_in_the_result(self):
        self.assertMisfit(DIFF.replace("+8,7", "+9,7"), 3)

    def test_wrong_number_of_lines(self):
        self.assertMisfit(DIFF.replace("-8,6", "-8,7"), 3)

    def test_beyond_the_end(self):
        self.assertMisfit(DIFF.replace("-8,6", "-80,6"), 4)

    def test_no_hunk_header(self):
        self.assertMisfit(DIFF.replace("@@ -8,6 +8,7 @@", "@@"), 4)

    def test_less_context(self):
        self.assertMisfit(DIFF.replace(" line 13\n", ""), 10)

    def test_a_removed_line_that_is_not_there(self):
        self.assertMisfit(DIFF.replace("+hook()", "-hook()"), 7)

    def test_no_newline_at_the_end(self):
        self.assertMisfit(DIFF.rstrip("\n"), 11)

    def test_second_hunk(self):
        second = "@@ -18,1 +19,1 @@\n-line 19\n+line\n"
        self.assertMisfit(DIFF + second, 12, hunk=2)

    def test_a_new_file(self):
        self.add_patch(text=HEADER + DIFF.replace("hooked", "new"))
        message = "'django/core/new.py' is none of Django's files"
        with self.assertRaisesMessage(PatchsetError, message):
            self.apply()

    def test_no_diff(self):
        self.add_patch(text=HEADER)
        message = "patches/5.2/hook.patch: '' is none of Django's files"
        with self.assertRaisesMessage(PatchsetError, message):
            self.apply()

    def test_a_patch_that_is_not_there(self):
        self.write("patches/5.2/series", "gone.patch\n")
        message = "patches/5.2/series names gone.patch, which is not there"
        with self.assertRaisesMessage(PatchsetError, message):
            self.apply()

    def test_an_empty_file(self):
        """The first lines of a file can be added."""
        path = "django/__init__.py"
        diff = f"--- a/{path}\n+++ b/{path}\n@@ -0,0 +1 @@\n+hook()\n"
        self.add_patch(text=HEADER + diff)
        self.apply()
        self.assertEqual(self.read(path), "hook()\n")

    def test_separators_that_are_no_newline(self):
        """Only a newline ends a line."""
        old, new = b"a\x0cb\x1cc\nd\n", b"a\x0cb\x1cc\nd\r\ne\xe2\x80\xa8f\n"
        diff = export("django/x.py", old, new)
        patch = Patch(self.root / "patches/5.2/x.patch", HEADER + diff)
        self.assertEqual(patch.apply({"django/x.py": File.of(old)}), new)
