"""``run()``, the server behind ``runserver``. Importing this is cheap."""

import logging
import os
import signal
import sys
from importlib.util import find_spec

from django.channels import channel_backends
from django.channels.exceptions import InvalidChannelBackend
from django.conf import settings
from django.core.servers import basehttp
from django.core.servers.basehttp import WSGIServer

logger = logging.getLogger("django.channels.server")

# How many seconds requests and sockets have when the server is interrupted.
GRACE = 1.0

# How many worker threads runserver has. It's more than make a server fast, since
# a few views that wait, such as for a debugger, shall not hold up all others.
THREADS = 32

# What the server needs: the modules, and what people call them.
PACKAGES = {"twisted": "Twisted", "autobahn": "Autobahn", "httptools": "httptools"}


def run(
    addr,
    port,
    wsgi_handler,
    ipv6=False,
    threading=False,
    on_bind=None,
    server_cls=WSGIServer,
):
    """
    Serve HTTP and WebSockets until interrupted; what
    ``django.core.servers.basehttp.run()`` does, with the same arguments.

    Where the project brings a server class of its own, where requests are
    kept out of channels (CHANNEL_HTTP_BACKEND = None), or where Twisted,
    Autobahn or httptools are missing, that function is called instead.
    """
    reason = why_not(server_cls)
    if reason is not None:
        start_worker(default_threads() if threading else 1)
        basehttp.run(
            addr,
            port,
            wsgi_handler,
            ipv6=ipv6,
            threading=threading,
            on_bind=on_bind,
            server_cls=server_cls,
        )
        return

    from .access import AccessLog
    from .server import InterfaceServer

    server = InterfaceServer(
        wsgi_handler,
        threads=THREADS if threading else 1,
        access=AccessLog(logging.getLogger("django.server")),
    )
    server.bind(addr, port, ipv6=ipv6)
    if on_bind is not None:
        on_bind(server.port)
    try:
        if server.serve(grace=GRACE) == signal.SIGINT:
            raise KeyboardInterrupt
    except InvalidChannelBackend as error:
        # Such as a database without its tables. Of an OSError, runserver shows its
        # text, and ends.
        raise OSError(str(error)) from error


def start_worker(threads):
    """
    Run the consumers of the project's own channels, which go on where requests
    go by no channel. What is wrong with them is none of the requests' business.
    """
    from django.channels.worker import Worker

    try:
        Worker(channel_backends["default"], threads).start()
    except Exception:
        logger.exception("Requests are served, but no consumers run:")


def why_not(server_cls=WSGIServer):
    """
    Return why Django's WSGI server is to be used, or None for the interface
    server; and say so.
    """
    if not issubclass(WSGIServer, server_cls):
        logger.info("%s serves HTTP; WebSockets are off.", server_cls.__qualname__)
        return "server_cls"
    if settings.CHANNEL_HTTP_BACKEND is None:
        logger.info("CHANNEL_HTTP_BACKEND is None; WebSockets are off.")
        return "CHANNEL_HTTP_BACKEND"
    missing = missing_package()
    if missing is not None:
        sys.stderr.write(
            f"{missing} is not installed: WebSockets are off. To have them: "
            f"python -m pip install twisted autobahn httptools\n"
        )
        return "missing"
    return None


def missing_package():
    """Return the name of a package the server needs and can't have, or None."""
    # They aren't imported: a process that only supervises others needs none.
    for module, name in PACKAGES.items():
        spec = find_spec(module)
        # Without Twisted, Autobahn's plugins for it are still in a directory
        # of its name, which has no origin.
        if spec is None or spec.origin is None:
            return name
    return None


def default_threads():
    """Return how many worker threads there are where nobody says."""
    return min(32, (os.cpu_count() or 1) + 4)
