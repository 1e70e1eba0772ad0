"""Projects as the tests start them: under runserver."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from .interpreters import Interpreter
from .running import Server, environment, free_port


class Project(Server):
    """
    A copy of the project in ``source``, after the ``commands`` of its own
    manage.py, served by ``manage.py runserver --noreload``.
    """

    launch = Interpreter

    def __init__(self, source, commands=(), **variables):
        self.commands = commands
        self.folder = Path(tempfile.mkdtemp())
        shutil.copytree(
            source,
            self.folder,
            dirs_exist_ok=True,
            ignore=shutil.ignore_patterns("*.sqlite3*", "__pycache__"),
        )
        self.environment = environment(**variables)
        self.port = free_port()

    def __enter__(self):
        try:
            for command in self.commands:
                self.manage(*command)
            self.serve()
        except BaseException:
            shutil.rmtree(self.folder)
            raise
        return self

    def __exit__(self, *exc_info):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder)

    def serve(self):
        """Start it, on the same port if it's not the first time."""
        command = ["manage.py", "runserver", "--noreload", f"127.0.0.1:{self.port}"]
        self.start(command, "runserver", **self.place)

    def manage(self, *arguments):
        with Interpreter(["manage.py", *arguments], **self.place) as process:
            if process.wait():
                raise subprocess.CalledProcessError(process.returncode, process.args)

    @property
    def place(self):
        return {"cwd": self.folder, "env": self.environment}

    def url(self, path, scheme="http"):
        return f"{scheme}://127.0.0.1:{self.port}{path}"
