import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path

from django.test import SimpleTestCase

from .interpreters import Interpreter
from .running import PATIENCE, environment

TELL = """
import json, os, sys
from django.conf import settings
print(json.dumps({
    "arguments": sys.argv[1:],
    "first": sys.path[0],
    "folder": os.getcwd(),
    "given": os.environ.get("GIVEN"),
    "id": os.getpid(),
    "passed": os.read(int(sys.argv[1]), 10).decode(),
    "session": os.getsid(0),
    "settings": settings.configured,
    "reactor": "twisted.internet.reactor" in sys.modules,
}))
sys.exit(7)
"""


class InterpreterTests(SimpleTestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = os.path.realpath(folder.name)

    def start(self, code, *arguments, **options):
        script = Path(self.folder, "script.py")
        script.write_text(code)
        options = {"stdout": subprocess.PIPE, "text": True, **options}
        return Interpreter(["script.py", *arguments], cwd=self.folder, **options)

    def test_process(self):
        """It has what it was given, and nothing of a project or a server."""
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        os.write(writing, b"through")
        os.close(writing)
        options = {"pass_fds": [reading], "start_new_session": True}
        env = environment(GIVEN="this")
        with self.start(TELL, reading, env=env, **options) as process:
            told = json.loads(process.communicate(timeout=PATIENCE)[0])
        self.assertEqual(process.returncode, 7)
        self.assertEqual(
            told,
            {
                "arguments": [str(reading)],
                "first": self.folder,
                "folder": self.folder,
                "given": "this",
                "id": process.pid,
                "passed": "through",
                "session": process.pid,
                "settings": False,
                "reactor": False,
            },
        )

    def test_module(self):
        arguments = ["-m", "json.tool", "--compact"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with Interpreter(arguments, env=environment(), **pipes) as process:
            printed, _ = process.communicate(b"[1, 2]", timeout=PATIENCE)
        self.assertEqual((process.returncode, printed), (0, b"[1,2]\n"))

    def test_error(self):
        errors = {"stderr": subprocess.PIPE, "env": environment()}
        with self.start("1 / 0", **errors) as process:
            _, printed = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 1)
        self.assertIn("ZeroDivisionError", printed)

    def test_killed(self):
        code = "import time; print('begun', flush=True); time.sleep(600)"
        with self.start(code, env=environment()) as process:
            self.assertEqual(process.stdout.readline(), "begun\n")
            self.assertIsNone(process.poll())
            with self.assertRaises(subprocess.TimeoutExpired):
                process.wait(0.01)
            process.kill()
            self.assertEqual(process.wait(PATIENCE), -signal.SIGKILL)
        self.assertEqual(process.poll(), -signal.SIGKILL)
