"""The servers that are compared: a row each, and how it is started."""

import sys
from dataclasses import dataclass, field

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Server:
    """
    A server as one would run it for speed: one process, no access log.

    ``arguments`` are Python's; {port}, {threads} and others are filled in. Where
    ``channels`` is true, it runs on the patched tree. ``variables`` are those of
    its environment. What isn't Django's can't say what it is at /about/.
    """

    name: str
    arguments: str
    channels: bool = False
    variables: dict = field(default_factory=dict)
    is_django: bool = True

    def command(self, port, threads):
        values = {"host": HOST, "port": port, "threads": threads, "peers": "../peers"}
        return [sys.executable, *self.arguments.format(**values).split()]


OURS = "runwsserver"
RUNWSSERVER = "manage.py runwsserver {host}:{port} --threads {threads}"
UVICORN = (
    "-m uvicorn --host {host} --port {port} --loop uvloop --http httptools "
    "--lifespan off --no-access-log --log-level warning "
)
DAPHNE = "-m daphne --bind {host} --port {port} --verbosity 0 "
SERVERS = [
    Server(OURS, RUNWSSERVER, channels=True),
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
    Server("uvicorn", UVICORN + "hello.asgi:application"),
    Server("daphne", DAPHNE + "hello.asgi:application"),
]

# What serves WebSockets. Whatever listens is told where Redis is.
LIVE = {"DJANGO_SETTINGS_MODULE": "live.settings"}
CHANNELS4 = {"DJANGO_SETTINGS_MODULE": "channels4.settings"}


def ours(name=OURS, arguments="", **variables):
    """Return the row of our server, with the project's consumers."""
    command = f"{RUNWSSERVER} {arguments}"
    return Server(name, command, channels=True, variables={**LIVE, **variables})


def channels4(name, server=UVICORN, layer="memory"):
    """Return the row of a server that runs Channels 4."""
    variables = {**CHANNELS4, "BENCHMARK_LAYER": layer}
    return Server(name, server + "channels4.asgi:application", variables=variables)
