"""The stock test runner in parallel, with each way to start a process."""

import multiprocessing
import subprocess
import sys
import tempfile
from pathlib import Path

from django.test import SimpleTestCase

from .running import environment

SETTINGS = """
SECRET_KEY = "parallel"
INSTALLED_APPS = ["letters"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""

MANAGE = """
import multiprocessing
import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["START_METHOD"])
    os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
    execute_from_command_line(sys.argv)
"""

MODELS = """
from django.db import models


class Letter(models.Model):
    text = models.TextField()
"""

CONSUMERS = """
from django.channels import Channel

from .models import Letter


@Channel.consumer("letters")
def keep(text, **kwargs):
    Letter.objects.create(text=text)
"""

# Each leaves a message behind that no other may see, and has one consumed
# inside its transaction.
TESTS = """
import os
from multiprocessing import parent_process

from django.channels import Channel
from django.test import TestCase

from .models import Letter


class Letters:
    def test_isolated(self):
        self.assertNothingSent()
        Channel("letters").send(text=type(self).__name__)
        self.run_messages("letters")
        self.assertEqual(Letter.objects.get().text, type(self).__name__)
        Channel("letters").send(text="left behind")
        with open(os.environ["PROCESSES"], "a") as file:
            file.write("here " if parent_process() is None else "apart ")


class First(Letters, TestCase):
    pass


class Second(Letters, TestCase):
    pass


class Third(Letters, TestCase):
    pass
"""


class ParallelTests(SimpleTestCase):
    def run_with(self, start_method):
        if start_method not in multiprocessing.get_all_start_methods():
            self.skipTest(f"This platform can't {start_method} a process.")
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            app = folder / "letters"
            app.mkdir()
            for path, text in [
                (folder / "settings.py", SETTINGS),
                (folder / "manage.py", MANAGE),
                (app / "__init__.py", ""),
                (app / "models.py", MODELS),
                (app / "consumers.py", CONSUMERS),
                (app / "tests.py", TESTS),
            ]:
                path.write_text(text)
            processes = folder / "processes"
            done = subprocess.run(
                [sys.executable, "manage.py", "test", "--parallel=2"],
                cwd=folder,
                env=environment(PROCESSES=str(processes), START_METHOD=start_method),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertIn("Ran 3 tests", done.stdout)
            self.assertEqual(processes.read_text(), "apart " * 3)

    def test_fork(self):
        self.run_with("fork")

    def test_spawn(self):
        self.run_with("spawn")
