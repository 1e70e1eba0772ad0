"""Running a server for a while, and the environment its process has."""

import json
import os
import socket
import subprocess
import time
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

from .environment import PEERS, PROJECT
from .load import LoadFailed
from .process import DEVNULL, log_file, started, tail
from .servers import HOST

START_SECONDS = 120
POLL_SECONDS = 0.1


class ServerFailed(Exception):
    """Raised when a server does not start, or is not the one meant."""


def environ(tree=None, **variables):
    """Return a child's environment: the projects, and before them the tree."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    kept.pop("DJANGO_SETTINGS_MODULE", None)
    paths = [str(path) for path in (tree, PROJECT, PEERS) if path]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), **variables}


def printed(command, variables, complaint, timeout=None):
    """
    Return what the command prints, as JSON. Raise ServerFailed, which begins
    with the complaint, if it fails.
    """
    run = subprocess.run(
        command,
        cwd=PROJECT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    if run.returncode:
        raise ServerFailed(f"{complaint}\n{run.stderr}")
    return json.loads(run.stdout)


def free_port():
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


def check_about(name, about, django, channels):
    """Refuse to measure one Django for another."""
    if about != {"django": django, "channels": channels}:
        raise ServerFailed(
            f"{name} should run Django {django} {'with' if channels else 'without'} "
            f"channels, but the project says {about}"
        )


@contextmanager
def serving(server, cores, options, **variables):
    """
    Yield (process, url) of the server, once it answers as it should. Its
    environment has these variables, too.
    """
    port = free_port()
    command = cores.pin(server.command(port, options.threads), cores.server)
    variables = environ(
        options.tree if server.channels else None, **server.variables, **variables
    )
    url = f"http://{HOST}:{port}"
    with (
        log_file() as log,
        started(
            command, log, stdout=DEVNULL, stdin=DEVNULL, cwd=PROJECT, env=variables
        ) as process,
    ):
        try:
            if server.is_django:
                about = wait_until_ready(process, f"{url}/about/")
                check_about(server.name, about, options.django, server.channels)
            else:
                wait_until_listening(process, port)
            yield process, url
        except (ServerFailed, LoadFailed) as error:
            raise ServerFailed(f"{server.name}: {error}\n{tail(log)}") from error


def wait_until_ready(process, url):
    """Return what the project says about itself, as soon as it answers."""

    def ask():
        with urlopen(url, timeout=START_SECONDS) as response:
            return json.load(response)

    return wait_until_done(process, ask, URLError)


def wait_until_listening(process, port):
    """Return when the port takes connections."""
    wait_until_done(
        process, lambda: socket.create_connection((HOST, port)).close(), OSError
    )


def wait_until_done(process, do, error):
    """Return what ``do()`` returns as soon as it doesn't raise the error."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerFailed(f"ended with status {process.returncode}.")
        try:
            return do()
        except error:
            time.sleep(POLL_SECONDS)
    raise ServerFailed(f"does not answer within {START_SECONDS} seconds.")
