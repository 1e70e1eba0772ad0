"""The load generator for WebSockets: crowd.py in a process of its own."""

import json
import resource
import sys
from contextlib import contextmanager

from .environment import HERE
from .load import LoadFailed
from .process import PIPE, log_file, started, tail

SCRIPT = HERE / "clients" / "crowd.py"
# How many files a process may have open, where there are thousands of sockets.
OPEN_FILES = 20_000


class Sockets:
    """Sockets in another process, which does what it's asked to."""

    def __init__(self, process, log):
        self.process, self.log = process, log

    def ask(self, *words):
        """Return what a method of crowd.Crowd's returns there."""
        print(json.dumps(words), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise LoadFailed(f"The sockets' process ended.\n{tail(self.log)}")
        result = json.loads(line)
        if "error" in result:
            raise LoadFailed(f"The sockets failed: {result['error']}")
        return result


@contextmanager
def sockets(cores, *urls):
    """Yield a process that opens sockets at the URLs, which take turns."""
    urls = [url.replace("http", "ws", 1) for url in urls]
    command = cores.pin([sys.executable, SCRIPT, *urls], cores.load)
    pipes = {"stdin": PIPE, "stdout": PIPE, "text": True}
    with log_file() as log, started(command, log, **pipes) as process:
        yield Sockets(process, log)


def allow_open_files():
    """Let processes started from now on have OPEN_FILES."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < OPEN_FILES:
        try:
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (OPEN_FILES, max(hard, OPEN_FILES))
            )
        except (OSError, ValueError) as error:
            raise LoadFailed(
                f"A process may have {hard} files open, and {OPEN_FILES:,} are "
                f"needed: raise the limit ('ulimit -Hn') and run this again."
            ) from error
