import os
import subprocess
import sys
from unittest import mock

from django.channels.processes.exits import IN_ORDER
from django.channels.processes.parent import VARIABLE, Parent
from django.test import SimpleTestCase

from ..running import PATIENCE, environment

CHILD = """
import multiprocessing, os, subprocess, sys, threading
from django.channels.processes.parent import Parent
parent = Parent.find("worker")
assert Parent.find("worker") is None
assert parent.descriptors == [1, 2]
assert not os.get_inheritable(2)
gone = threading.Event()
parent.watch(gone.set)
assert sys.stdin.read() == ""
parent.tell_ready()
parent.tell_ready()
gone.wait()
print("gone", parent.number, multiprocessing.current_process().name)
parent.end()
"""


class ParentTests(SimpleTestCase):
    def test_none(self):
        with mock.patch.dict(os.environ):
            os.environ.pop(VARIABLE, None)
            self.assertIsNone(Parent.find("worker"))

    def test_child(self):
        """It tells that it's ready, and notices the parent's end."""
        ready, theirs = os.pipe()
        with subprocess.Popen(
            [sys.executable, "-c", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(**{VARIABLE: f"7:{theirs}:1,2"}),
            pass_fds=[theirs],
            text=True,
        ) as process:
            os.close(theirs)
            with open(ready, "rb") as pipe:
                # To the end: it's closed, too.
                self.assertEqual(pipe.read(), b"1")
            # Which closes its standard input.
            printed, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(printed, "gone 7 worker-7\n")
        self.assertEqual(process.returncode, IN_ORDER)
