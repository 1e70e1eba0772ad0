"""
What the benchmarks need, installed once under .env/, which git ignores.

This module runs before anything is installed: the standard library only.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PROJECT = HERE / "project"
PEERS = HERE / "peers"


class EnvironmentFailed(Exception):
    """Raised when a step of the set-up fails; says what to do about it."""


class Environment:
    """The virtual environment of one interpreter and one pristine Django."""

    def __init__(self, django):
        version = "{}.{}".format(*sys.version_info)
        self.folder = HERE / ".env" / f"python{version}"
        self.python = self.folder / "bin" / "python"
        self.stamp = self.folder / "installed.txt"
        self.requirements = (HERE / "requirements.txt").read_text()
        self.requirements += f"Django=={django}\n"

    @property
    def is_active(self):
        return Path(sys.prefix).resolve() == self.folder.resolve()

    @property
    def is_ready(self):
        """Whether all is installed that pip installs."""
        return self.stamp.exists() and self.stamp.read_text() == self.requirements

    def prepare(self, with_wrk, with_redis=False, with_valgrind=False):
        """Install what is missing; at once where nothing is."""
        if not self.is_ready:
            self.create()
            self.install()
        if with_wrk and not shutil.which("wrk"):
            install_wrk()
        if with_redis and not shutil.which("redis-server"):
            install_redis()
        if with_valgrind and not shutil.which("valgrind"):
            install_valgrind()

    def create(self):
        print(f"Creating the environment {self.folder.relative_to(ROOT)}.", flush=True)
        command = [sys.executable, "-m", "venv", "--clear", self.folder]
        if subprocess.run(command).returncode:
            raise EnvironmentFailed(
                "Python can't create virtual environments: install its venv module "
                "(python3-venv on Debian) and run this again."
            )

    def install(self):
        print("Installing the servers to compare, with pip.", flush=True)
        file = self.folder / "requirements.txt"
        file.write_text(self.requirements)
        command = [self.python, "-m", "pip", "install", "-r", file]
        command += ["--disable-pip-version-check"]
        command += [] if sys.stdout.isatty() else ["--quiet"]
        if subprocess.run(command).returncode:
            raise EnvironmentFailed(
                "pip could not install benchmarks/requirements.txt, it says why "
                "above: connect to the network and run this again."
            )
        self.stamp.write_text(self.requirements)

    def enter(self, arguments):
        """Go on as this environment's interpreter; does not return."""
        command = [str(self.python), "-m", "benchmarks", *arguments]
        sys.stdout.flush()
        os.execv(command[0], command)


def install_wrk():
    """Install the load generator, where this may install packages."""
    install_package("wrk")
    if not shutil.which("wrk"):
        raise EnvironmentFailed(
            "wrk, the load generator, is missing: install it with the system's "
            "package manager ('sudo apt-get install wrk') and run this again, or "
            "measure what needs none: '--only inprocess'."
        )


def install_redis():
    install_package("redis-server")
    if not shutil.which("redis-server"):
        raise EnvironmentFailed(
            "redis-server is missing: install it with the system's package manager "
            "('sudo apt-get install redis-server') and run this again, or measure "
            "what needs none: '--only websocket'."
        )


def install_valgrind():
    install_package("valgrind")
    if not shutil.which("valgrind"):
        raise EnvironmentFailed(
            "valgrind, which counts instructions, is missing: install it with the "
            "system's package manager ('sudo apt-get install valgrind') and run this "
            "again, or measure what needs none: '--only inprocess start'."
        )


def install_package(name):
    """Install one of the system's packages, where this may do so."""
    if shutil.which("apt-get") and os.geteuid() == 0:
        print(f"Installing {name} with apt-get.", flush=True)
        for arguments in (["update"], ["install", "--yes", name]):
            command = ["apt-get", "-qq", "--no-install-recommends", *arguments]
            subprocess.run(command, stdout=subprocess.DEVNULL)
