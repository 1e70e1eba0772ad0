"""The stock asgi.py of startproject behind real ASGI servers."""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from channels_tests.running import Redis, Server, environment, free_port, missing

from django.core.management import call_command
from django.test import SimpleTestCase

try:
    from websockets.exceptions import ConnectionClosed, InvalidStatus
    from websockets.sync.client import connect
except ImportError:
    connect = None

PATIENCE = 60

CONSUMERS = """
from django.channels import Channel, Group


@Channel.consumer("websocket.connect")
def connect(reply_channel, path):
    if path == "/refused":
        Channel(reply_channel).send(status=401)
    else:
        Group("all").add(reply_channel)


@Channel.consumer("websocket.receive")
async def receive(reply_channel, content):
    if content == "close":
        await Channel(reply_channel).asend(close=4000, reason="asked")
    else:
        await Group("all").asend(content=content)


@Channel.consumer("websocket.disconnect")
def disconnect(code):
    print("disconnected", flush=True)
"""

REDIS = """
CHANNEL_BACKENDS = {
    "default": {
        "BACKEND": "django.channels.backends.redis.RedisChannelBackend",
        "LOCATION": %r,
    }
}
"""

LIMITS = """
CHANNEL_SERVER_LIMITS = {"HANDSHAKE_TIMEOUT": 1, "CLOSE_TIMEOUT": 1}
"""

COMMANDS = {
    "uvicorn": ["--host", "127.0.0.1", "--port", "{port}", "mysite.asgi:application"],
    "hypercorn": ["--bind", "127.0.0.1:{port}", "mysite.asgi:application"],
    "daphne": ["-b", "127.0.0.1", "-p", "{port}", "mysite.asgi:application"],
    "granian": (
        "--interface asgi --host 127.0.0.1 --port {port} mysite.asgi:application"
    ).split(),
}


class Site(Server):
    """A project as startproject makes it, with one app of consumers."""

    def __init__(self, folder, name, settings=""):
        self.folder = Path(folder)
        self.name = name
        self.port = free_port()
        self.environment = environment(*sys.path, PYTHONUNBUFFERED="1")
        call_command("startproject", "mysite", directory=folder)
        app = self.folder / "echo"
        app.mkdir()
        (app / "__init__.py").touch()
        (app / "consumers.py").write_text(CONSUMERS)
        with open(self.folder / "mysite" / "settings.py", "a") as file:
            file.write(f'\nINSTALLED_APPS += ["echo"]\n{settings}')

    def __enter__(self):
        arguments = [a.format(port=self.port) for a in COMMANDS[self.name]]
        self.start(
            [sys.executable, "-m", self.name, *arguments], self.name, **self.place
        )
        return self

    def __exit__(self, *exc_info):
        if self.process.poll() is None:
            self.stop()

    @property
    def place(self):
        return {"cwd": self.folder, "env": self.environment}

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} did not stop:\n{self.printed()}")
        finally:
            self.last_words = self.printed()
            self.output.close()

    def connect(self, path="/"):
        return connect(
            f"ws://127.0.0.1:{self.port}{path}",
            open_timeout=PATIENCE,
            close_timeout=PATIENCE,
            ping_interval=None,
        )


class ServerTests(SimpleTestCase):
    # The status of a refusal with 401: of a server without the extension, 403.
    def check(self, name, refused=401, reason="asked", leave=False, settings=""):
        if connect is None:
            missing("websockets")
        if importlib.util.find_spec(name) is None:
            missing(name)
        with ExitStack() as stack:
            folder = tempfile.mkdtemp()
            stack.callback(shutil.rmtree, folder)
            site = stack.enter_context(Site(folder, name, settings))
            if settings:
                stack.enter_context(RunWorker(site))
            one, other, left = (stack.enter_context(site.connect()) for _ in range(3))
            for text in ("first", "second", b"\0"):
                one.send(text)
            for socket in (one, other):
                got = [socket.recv(PATIENCE) for _ in range(3)]
                self.assertEqual(got, ["first", "second", b"\0"])
            one.send("close")
            with self.assertRaises(ConnectionClosed) as closed:
                one.recv(PATIENCE)
            self.assertEqual(closed.exception.rcvd.code, 4000)
            self.assertEqual(closed.exception.rcvd.reason, reason)
            other.close()
            with self.assertRaises(InvalidStatus) as answer:
                stack.enter_context(site.connect("/refused"))
            self.assertEqual(answer.exception.response.status_code, refused)
            if leave:
                left.close()
            # With a socket open: its consumer hears that it's over.
            site.stop()
            self.assertNotIn("Traceback", site.last_words)
            self.assertNotIn("Task was destroyed", site.last_words)
            if not settings:
                # The refused one was asked about, too.
                self.assertEqual(site.last_words.count("disconnected"), 4)
                self.assertIn("in its memory", site.last_words)

    def test_uvicorn(self):
        self.check("uvicorn")

    def test_hypercorn(self):
        # On Python 3.12 and later it waits for its clients to leave; on older
        # ones it logs the traceback of each task that it cancels.
        self.check("hypercorn", leave=True)

    def test_daphne(self):
        # Its spec_version is older than the reason of a close.
        self.check("daphne", refused=403, reason="")

    def test_granian(self):
        # Its process may abort when it's stopped with a socket open.
        self.check("granian", leave=True)

    def test_redis(self):
        """A runworker process has the consumers; the server has no worker."""
        with Redis() as redis:
            # The worker may begin later than the client asks.
            patience = f"CHANNEL_SERVER_LIMITS = {{'HANDSHAKE_TIMEOUT': {PATIENCE}}}"
            self.check("uvicorn", settings=f"{REDIS % redis.url}\n{patience}\n")

    def test_no_worker(self):
        """A server that stops doesn't wait for workers that aren't there."""
        if connect is None:
            missing("websockets")
        if importlib.util.find_spec("uvicorn") is None:
            missing("uvicorn")
        with ExitStack() as stack:
            settings = REDIS % stack.enter_context(Redis()).url + LIMITS
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            site = stack.enter_context(Site(folder, "uvicorn", settings))
            with self.assertRaises(InvalidStatus) as answer:
                stack.enter_context(site.connect())
            self.assertEqual(answer.exception.response.status_code, 504)
            site.stop()
            self.assertNotIn("Traceback", site.last_words)


class RunWorker:
    """A runworker of the site, which may become ready after its server."""

    def __init__(self, site):
        self.site = site

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "runworker"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self.site.place,
        )

    def __exit__(self, *exc_info):
        self.process.terminate()
        self.process.wait(PATIENCE)
