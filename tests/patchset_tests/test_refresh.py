from vendoring.exceptions import PatchsetError
from vendoring.patch import TEMPLATE

from .project import COMMON, DIFF, HEADER, HOOKED, HOOKED_LINES, ProjectTestCase

EDITED = HOOKED_LINES.replace("hook()", "hook(1)")
ROW = f"| `{HOOKED}` | +1 -0 |  | Nothing discovers it. |\n"


class RefreshTests(ProjectTestCase):
    def test_a_new_patch(self):
        self.apply()
        self.write(HOOKED, HOOKED_LINES)
        self.assertIn(
            "Added to the series: patches/5.2/core-hooked.patch (replace each TODO",
            self.refresh(),
        )
        text = self.read("patches/5.2/core-hooked.patch")
        self.assertEqual(text, TEMPLATE + DIFF)
        self.assertEqual(self.read("patches/5.2/series"), "core-hooked.patch\n")
        self.assertIn("up to date", self.apply())

    def test_an_edited_hook(self):
        """The header and the place in the series stay."""
        self.add_patch()
        self.apply()
        self.write(HOOKED, EDITED)
        self.assertIn("Refreshed: patches/5.2/hook.patch.\n", self.refresh())
        text = self.read("patches/5.2/hook.patch")
        self.assertEqual(text, HEADER + DIFF.replace("hook()", "hook(1)"))
        self.assertEqual(self.read(HOOKED), EDITED)
        self.assertIn("up to date", self.apply())

    def test_a_hook_taken_out(self):
        self.add_patch()
        self.apply()
        self.write(HOOKED, COMMON[HOOKED])
        self.assertIn("Removed: patches/5.2/hook.patch.\n", self.refresh())
        self.assertIs((self.root / "patches/5.2/hook.patch").exists(), False)
        self.assertEqual(self.read("patches/5.2/series"), "")

    def test_a_patch_out_of_the_series_comes_back(self):
        """This is how a patch is made to fit after upstream changed."""
        self.write("patches/5.2/hook.patch", HEADER + DIFF.replace("line 8", "8"))
        self.apply()
        self.write(HOOKED, EDITED)
        self.refresh()
        text = self.read("patches/5.2/hook.patch")
        self.assertEqual(text, HEADER + DIFF.replace("hook()", "hook(1)"))
        self.assertEqual(self.read("patches/5.2/series"), "hook.patch\n")

    def test_nothing_edited(self):
        """Every patch comes out as it is."""
        self.add_patch()
        self.apply()
        self.assertEqual(self.refresh(), "Django 5.2.0, 1 patches: up to date.\n")
        self.refresh(HOOKED)
        self.assertEqual(self.read("patches/5.2/hook.patch"), HEADER + DIFF)

    def test_a_file_that_is_upstreams_still(self):
        """No patch of it is spoken of."""
        self.apply()
        output = f"Not edited: {HOOKED}.\nDjango 5.2.0, 0 patches: up to date.\n"
        self.assertEqual(self.refresh(HOOKED), output)
        self.assertIs((self.root / "patches/5.2/core-hooked.patch").exists(), False)

    def test_a_changed_header(self):
        """It is no change of the tree, and comes into the table."""
        self.add_patch()
        self.apply()
        header = HEADER.replace("discovers", "knows")
        self.write("patches/5.2/hook.patch", header + DIFF)
        self.refresh()
        self.assertIn(ROW.replace("discovers", "knows"), self.read("patches/README.md"))

    def test_a_tree_unpacked_by_hand(self):
        """A tree that was never set up is compared with upstream's files."""
        for path, text in {**COMMON, HOOKED: HOOKED_LINES}.items():
            self.write(path, text)
        self.refresh()
        self.assertIn(DIFF, self.read("patches/5.2/core-hooked.patch"))

    def test_the_trees_base_is_meant(self):
        self.apply("6.1")
        self.write(HOOKED, HOOKED_LINES)
        self.refresh(base="5.2")
        self.assertEqual(self.read("patches/6.1/series"), "core-hooked.patch\n")
        self.assertEqual(self.read("patches/5.2/series"), "")

    def test_patches_and_tree_both_changed(self):
        """A patch that came in isn't undone, unless its file is named."""
        self.apply()
        self.add_patch()
        self.write(HOOKED, EDITED)
        message = f"Both the patches and the tree have changed ({HOOKED})"
        with self.assertRaisesMessage(PatchsetError, message):
            self.refresh()
        self.assertEqual(self.read("patches/5.2/hook.patch"), HEADER + DIFF)
        self.refresh(HOOKED)
        self.assertIn("+hook(1)\n", self.read("patches/5.2/hook.patch"))

    def test_a_file_of_our_own(self):
        self.apply()
        message = "django/channels.py: not of Django 5.2.0; new files are committed"
        with self.assertRaisesMessage(PatchsetError, message):
            self.refresh("django/channels.py")

    def test_no_newline_at_the_end(self):
        self.apply()
        self.write(HOOKED, HOOKED_LINES.rstrip("\n"))
        message = f"{HOOKED}: end its last line with a newline."
        with self.assertRaisesMessage(PatchsetError, message):
            self.refresh()

    def test_one_of_two_can_be_no_patch(self):
        """Then nothing is written."""
        self.apply()
        self.write(HOOKED, HOOKED_LINES)
        self.write("tests/runtests.py", "#!python")
        with self.assertRaisesMessage(PatchsetError, "tests/runtests.py: end its"):
            self.refresh()
        self.assertEqual(self.read("patches/5.2/series"), "")

    def test_what_no_patch_can_say(self):
        self.apply()
        (self.root / HOOKED).write_bytes(b"\xff\n")
        with self.assertRaisesMessage(PatchsetError, "only text in UTF-8"):
            self.refresh()
        (self.root / HOOKED).unlink()
        with self.assertRaisesMessage(PatchsetError, "a patch can't remove a file"):
            self.refresh(HOOKED)

    def test_the_table(self):
        self.add_patch()
        self.refresh()
        self.assertEqual(
            self.read("patches/README.md"),
            "<!-- table -->\n"
            "| File | 5.2 | 6.1 | Why it must be a patch |\n"
            "| --- | --- | --- | --- |\n"
            f"{ROW}<!-- end of table -->\n",
        )
