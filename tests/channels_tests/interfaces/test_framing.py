import copyreg
import subprocess
import sys
import types

from channels_tests.running import environment

from django.channels.interfaces import server  # NOQA: F401
from django.test import SimpleTestCase

SCRIPT = """
import copyreg
from django.conf import settings
settings.configure()
from django.channels.interfaces import server
print(*[
    kind
    for kind, reduce in copyreg.dispatch_table.items()
    if reduce.__module__.startswith(("twisted", "autobahn"))
])
"""


class ImportTests(SimpleTestCase):
    def test_pickling_is_left_alone(self):
        """The server's import changes nothing for the rest of the process."""
        self.assertNotIn(types.MethodType, copyreg.dispatch_table)
        result = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertEqual(result.stdout, "\n")
