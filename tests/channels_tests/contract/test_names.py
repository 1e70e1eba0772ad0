from importlib import import_module
from pathlib import Path

from asgiref.sync import async_to_sync

from django.channels.interfaces import framing  # NOQA: F401
from django.test import SimpleTestCase

from . import sources
from .names import NAMES, PRIVATE
from .relying import broken, relied_on, relying


def find(name):
    """Return what a dotted name stands for: a module, or what is in one."""
    try:
        return import_module(name)
    except ImportError:
        parent, _, attribute = name.rpartition(".")
        if not parent:
            raise
        return getattr(find(parent), attribute)


class NameTests(SimpleTestCase):
    def test_each_is_there(self):
        for name, users in sources.used_names().items():
            with self.subTest(name):
                try:
                    find(name)
                except Exception as error:
                    why = f"there is {name}, for: {NAMES.get(name, 'see there')}."
                    self.fail(broken(" ".join(sorted(users)), why, error))

    def test_each_is_listed_with_its_purpose(self):
        """Upstream's names that came into a source, and those that left."""
        used = sources.used_names()
        for name in sorted(used.keys() ^ NAMES.keys()):
            with self.subTest(name):
                users = ", ".join(sorted(used.get(name, ())))
                self.assertIn(name, NAMES, f"Used by {users}: add it to names.py.")
                self.assertTrue(
                    name in used, "Nothing uses it: remove it from names.py."
                )

    def test_each_private_attribute_is_listed_with_its_purpose(self):
        used = sources.private_names()
        for name in sorted(used.keys() ^ PRIVATE.keys()):
            with self.subTest(name):
                users = ", ".join(sorted(used.get(name, ())))
                self.assertIn(
                    name,
                    PRIVATE,
                    f"Used by {users}, defined by none of them: add it to names.py, "
                    f"and a test of what it does.",
                )
                self.assertTrue(
                    name in used, "Nothing uses it: remove it from names.py."
                )

    def test_the_sources(self):
        """Who relies is a file that is there."""
        # The tests tell who relies when they're imported.
        for file in Path(__file__).parent.glob("test_*.py"):
            import_module(f".{file.stem}", __package__)
        for path in sorted(relying):
            with self.subTest(path):
                self.assertIs((sources.ROOT / path).is_file(), True)

    def test_a_failure_says_who_relies_on_what(self):
        def test(self):
            raise AttributeError("_gone")

        async def async_test(self):
            raise AttributeError("_gone")

        message = (
            "this doesn't hold any more: all is well. Relied on by "
            "django/channels/loop.py, django/channels/flow.py. (AttributeError: _gone)"
        )
        by = relied_on(
            "django/channels/loop.py django/channels/flow.py", "all is well."
        )
        with self.assertRaisesMessage(AssertionError, message):
            by(test)(self)
        with self.assertRaisesMessage(AssertionError, message):
            async_to_sync(by(async_test))(self)
