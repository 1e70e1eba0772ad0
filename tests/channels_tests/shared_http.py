"""
Requests that are answered in other processes: the tests' views, and the
settings of a worker process, python -m django runworker.
"""

import asyncio
import hashlib
import io
import json
import os
import subprocess
import threading

from django.channels import Channel, channel_backends
from django.channels.remote import WORKERS
from django.channels.watch import Watch
from django.channels.worker import Worker
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory, SimpleTestCase, override_settings
from django.urls import path, reverse

from .backends.redis_servers import Node, redis_executable
from .interpreters import Interpreter
from .running import PATIENCE, ROOT, enter_for_class, environment, wait_for

PIECE = 256 * 1024

# What a view and its test tell each other within a process.
notes = {}


def hello(request):
    return HttpResponse("hello")


def echo(request):
    files = {name: file.read() for name, file in request.FILES.items()}
    response = HttpResponse(
        repr((request.method, request.POST.dict(), files, request.META["QUERY_STRING"]))
    )
    response.set_cookie("seen", request.COOKIES.get("seen", "no"), max_age=5)
    response.set_cookie("other", "1")
    response.reason_phrase = "Quite Fine"
    return response


def digest(request):
    body = hashlib.sha256()
    while data := request.read(65536):
        body.update(data)
    return HttpResponse(body.hexdigest())


async def adigest(request):
    return digest(request)


def large(request, size):
    return HttpResponse(b"l" * size)


def pieces(number):
    try:
        for n in range(number):
            notes["made"] = n + 1
            yield b"%d" % (n % 10) * PIECE
    finally:
        if "closed" in notes:
            notes["closed"].set()


async def apieces(number):
    for data in pieces(number):
        yield data


def stream(request, number):
    return StreamingHttpResponse(pieces(number))


async def astream(request, number):
    return StreamingHttpResponse(apieces(number))


def mixed(request, number):
    """A plain view with an async body."""
    return StreamingHttpResponse(apieces(number))


def broken(request):
    def parts():
        yield b"1"
        raise ValueError("why")

    return StreamingHttpResponse(parts())


def file(request):
    return FileResponse(open(__file__, "rb"))


def error(request):
    raise ValueError("why")


async def sleeps(request):
    notes["begun"].set()
    try:
        await asyncio.sleep(PATIENCE)
    except asyncio.CancelledError:
        notes["cancelled"].set()
        raise


def hold(request):
    notes["begun"].set()
    notes["held"].wait(PATIENCE)
    return HttpResponse("held")


def hang(request):
    """Tell another process that it's here."""
    Channel("begun").send()
    threading.Event().wait(PATIENCE)


def link(request):
    return HttpResponse(reverse(hello))


async def forward(request, number):
    # Not made in the URLs: this module is settings, too.
    return await Channel("forwarded").as_view()(request, number=number)


urlpatterns = [
    path("", hello),
    path("echo/", echo),
    path("digest/", digest),
    path("adigest/", adigest),
    path("large/<int:size>/", large),
    path("stream/<int:number>/", stream),
    path("astream/<int:number>/", astream),
    path("mixed/<int:number>/", mixed),
    path("broken/", broken),
    path("file/", file),
    path("error/", error),
    path("sleeps/", sleeps),
    path("hold/", hold),
    path("hang/", hang),
    path("link/", link),
    path("forward/<int:number>/", forward),
]


def backends(url, **options):
    return {
        "default": {
            "BACKEND": "django.channels.backends.redis.RedisChannelBackend",
            "LOCATION": url,
            "OPTIONS": options,
        }
    }


if "SHARED_HTTP" in os.environ:
    # The settings of a worker process.
    ALLOWED_HOSTS = ["*"]
    CHANNEL_HTTP_BACKEND = "default"
    ROOT_URLCONF = __name__
    SECRET_KEY = "secret"
    globals().update(json.loads(os.environ["SHARED_HTTP"]))


class HTTPTestCase(SimpleTestCase):
    """
    ``self.edge`` is the backend of the process. Workers have one of their own
    each, as if they were in another process.
    """

    configured_channel_backends = "__all__"
    options = {}

    def setUp(self):
        notes.clear()
        settings = override_settings(
            CHANNEL_BACKENDS=self.channel_backends(**self.options),
            CHANNEL_HTTP_BACKEND="default",
            CHANNEL_HTTP_TIMEOUT=PATIENCE,
            MIDDLEWARE=[],
            ROOT_URLCONF=__name__,
        )
        settings.enable()
        self.addCleanup(settings.disable)
        self.edge = channel_backends["default"]
        self.handler = WSGIHandler()

    def channel_backends(self, **options):
        """Return the setting CHANNEL_BACKENDS with such options."""
        raise NotImplementedError

    def worker_settings(self):
        """Return the settings of a worker process, save the usual ones."""
        return {"CHANNEL_BACKENDS": self.channel_backends(LEASE=1)}

    def make_backend(self):
        """Return a backend as another process would have it."""
        params = self.channel_backends(**self.options)["default"]
        backend = type(self.edge)("default", params)
        self.addCleanup(backend.close)
        return backend

    def start_worker(self, threads=1, channel="http.request"):
        """Start a Worker, and return it."""
        worker = Worker(self.make_backend(), threads, [channel])
        worker.start()
        self.addCleanup(worker.stop, PATIENCE)
        return worker

    def start_process(self):
        """Start a worker process, and return it when it's ready."""
        process = Interpreter(
            ["-m", "django", "runworker"],
            stdout=subprocess.PIPE,
            env=environment(
                ROOT / "tests",
                DJANGO_SETTINGS_MODULE=__name__,
                SHARED_HTTP=json.dumps(self.worker_settings()),
            ),
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait, PATIENCE)
        self.addCleanup(process.kill)
        self.assertIn(b"Worker ready", process.stdout.readline())
        return process

    def begin(self, path, method="get", body=None, **kwargs):
        """Return the response to a request, open yet."""
        environ = {**getattr(RequestFactory(), method)(path, **kwargs).environ}
        if body is not None:
            environ["wsgi.input"] = body
        return self.handler(environ, lambda *started: notes.update(started=started))

    def call(self, *args, **kwargs):
        """Return the response and its body."""
        response = self.begin(*args, **kwargs)
        try:
            return response, b"".join(response)
        finally:
            response.close()

    def assertStatus(self, status, path="/", **kwargs):
        with self.assertLogs("django.request", "ERROR"):
            response, body = self.call(path, **kwargs)
        self.assertEqual(response.status_code, status)
        if status == 503:
            self.assertEqual(response.headers["Retry-After"], "1")
        return response

    def assertKilled(self, process):
        """Kill the only worker in a request: a 502, and it's forgotten soon."""
        begun = self.edge.receiver(["begun"])
        self.addCleanup(begun.close)
        asking = Asking(lambda: self.call("/hang/"))
        self.assertIsNotNone(begun.receive(PATIENCE))
        wait_for(lambda: self.edge.part(Watch)._ticker.items(), "the request")
        pending = self.edge.part(Watch)._ticker.items()[0]
        wait_for(lambda: pending.worker, "the worker to tell who it is")
        with self.assertLogs("django.request", "ERROR"):
            process.kill()
            self.assertEqual(asking.join(), 502)
        # Once its lease is over.
        wait_for(lambda: not self.edge.processes_in(WORKERS), "the worker to be gone")


class SharedHTTPTestCase(HTTPTestCase):
    """With a Redis server."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = enter_for_class(cls, Node(redis_executable()))

    def setUp(self):
        self.server.flush()
        super().setUp()

    def channel_backends(self, **options):
        return backends(self.server.url, **options)


class Asking(threading.Thread):
    """A thread that makes a request; join() returns the response's status."""

    def __init__(self, call):
        super().__init__()
        self.call = call
        self.start()

    def run(self):
        try:
            self.response, _ = self.call()
        finally:
            # The backend may be in a database.
            connections.close_all()

    def join(self):
        super().join()
        return self.response.status_code


class Body(io.BytesIO):
    """A request's body that counts how much of it was read."""

    def __init__(self, data):
        super().__init__(data)
        self.taken = 0

    def read(self, size=-1):
        data = super().read(size)
        self.taken += len(data)
        return data
