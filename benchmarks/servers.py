"""The servers that are compared: a row each, and how it is started."""

import sys
from dataclasses import dataclass

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Server:
    """
    A server as one would run it for speed: one process, no access log.

    ``arguments`` are Python's; {port} and {threads} are filled in. Where
    ``channels`` is true, it runs on the patched tree.
    """

    name: str
    arguments: str
    channels: bool = False

    def command(self, port, threads):
        filled = self.arguments.format(host=HOST, port=port, threads=threads)
        return [sys.executable, *filled.split()]


OURS = "runwsserver"
SERVERS = [
    Server(
        OURS,
        "manage.py runwsserver {host}:{port} --threads {threads}",
        channels=True,
    ),
    Server(
        "granian",
        "-m granian --interface wsgi --host {host} --port {port} --workers 1 "
        "--blocking-threads {threads} --log-level warning hello.wsgi:application",
    ),
    Server(
        "gunicorn",
        "-m gunicorn --worker-class gthread --workers 1 --threads {threads} "
        "--bind {host}:{port} --log-level warning hello.wsgi:application",
    ),
    Server(
        "uvicorn",
        "-m uvicorn --host {host} --port {port} --loop uvloop --http httptools "
        "--lifespan off --no-access-log --log-level warning hello.asgi:application",
    ),
    Server(
        "daphne",
        "-m daphne --bind {host} --port {port} --verbosity 0 hello.asgi:application",
    ),
]
