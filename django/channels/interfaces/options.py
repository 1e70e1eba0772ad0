"""The options of runwsserver: what they are, and which go together."""

import os
import socket

from django.channels import channel_backends
from django.channels.route import http_backend
from django.core.management.base import CommandError

from .development import default_threads

# How many seconds requests and sockets have when the server is told to stop,
# where nobody says.
GRACE = 10.0


def add_arguments(parser, logger):
    """Add them; ``logger`` is the name of the one that has the access lines."""
    parser.add_argument(
        "addrport", nargs="?", help="Optional port number, or ipaddr:port"
    )
    parser.add_argument(
        "--ipv6",
        "-6",
        action="store_true",
        dest="use_ipv6",
        help="Tells Django to use an IPv6 address.",
    )
    parser.add_argument(
        "--endpoint",
        action="append",
        default=[],
        dest="endpoints",
        metavar="ENDPOINT",
        help=(
            "Where to listen, in place of addrport or besides it, as Twisted "
            "describes it: ssl:8443:privateKey=key.pem:certKey=cert.pem, "
            "unix:/run/site.sock:mode=660, systemd:domain=INET:index=0, "
            "fd:fileno=3. May be given more than once."
        ),
    )
    parser.add_argument(
        "--reuse-port",
        action="store_true",
        help=(
            "Shares the port of addrport with other processes that are started "
            "with this option. The system spreads connections over them."
        ),
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=1,
        help=(
            "How many processes serve, all of them at the same addresses. With "
            "more than 1, a further one watches over them. Default: %(default)s."
        ),
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=default_threads(),
        help=(
            "How many worker threads run views and consumers, in each process; "
            "those with async def need none. 0 where other processes run them "
            "all. Default: %(default)s."
        ),
    )
    parser.add_argument(
        "--no-worker",
        action="store_false",
        dest="worker",
        help=(
            "Receives no messages from the backends that processes share: "
            "runworker processes do. Requests that stay in this process are "
            "still answered here."
        ),
    )
    parser.add_argument(
        "--proxy-headers",
        nargs="?",
        const="x-forwarded",
        choices=["x-forwarded", "forwarded"],
        help=(
            "Takes a client's address and scheme from what trusted proxies "
            "write: X-Forwarded-For and X-Forwarded-Proto, or the header "
            "Forwarded. Default: from the connection."
        ),
    )
    parser.add_argument(
        "--trusted-proxies",
        metavar="ADDRESSES",
        help=(
            "Addresses and networks of the proxies, separated by commas. "
            "Default: this machine's own. Unix sockets are always trusted."
        ),
    )
    protocols = parser.add_mutually_exclusive_group()
    protocols.add_argument(
        "--http-only",
        action="store_false",
        dest="websocket",
        help="Serves HTTP, and treats a WebSocket's handshake as a request.",
    )
    protocols.add_argument(
        "--websocket-only",
        action="store_false",
        dest="http",
        help="Serves WebSockets, and answers other requests with a 426.",
    )
    parser.add_argument(
        "--grace",
        type=float,
        default=GRACE,
        metavar="SECONDS",
        help=(
            "How long requests and sockets have to end when the server is told "
            "to stop. Sockets are told to go during the first half. Default: "
            "%(default)g."
        ),
    )
    parser.add_argument(
        "--compress",
        action="store_true",
        help=(
            "Compresses the messages of WebSockets whose clients offer that "
            "(permessage-deflate). Default: no."
        ),
    )
    parser.add_argument(
        "--access-log",
        action="store_true",
        help=(
            "Logs a line for each request and each WebSocket, at level info "
            "on the logger %s. Also done with --verbosity 2." % logger
        ),
    )


def check_workers(*, threads, worker, http, **options):
    """Raise CommandError where nobody would answer."""
    if threads < 0:
        raise CommandError("--threads must be at least 0.")
    default, requests = channel_backends["default"], http_backend()
    if default.process_local and not (worker and threads):
        raise CommandError(
            "%s leaves the consumers to other processes, and the default channel "
            "backend holds its messages in the memory of this one. Set the BACKEND "
            "of CHANNEL_BACKENDS['default'] to one that processes share."
            % ("--threads 0" if not threads else "--no-worker")
        )
    if http and requests.process_local and not threads:
        raise CommandError(
            "--threads 0 leaves nobody to answer HTTP, which stays in this "
            "process. To leave only the sockets' messages to runworker "
            "processes, use --no-worker; to serve no HTTP, --websocket-only; to "
            "have runworker processes run the views, set CHANNEL_HTTP_BACKEND to "
            "the alias of a backend that processes share."
        )


def check_sharing(*, processes, reuse_port, websocket, **options):
    """Raise CommandError where processes can't share an address."""
    if processes < 1:
        raise CommandError("--processes must be at least 1.")
    if processes > 1 and os.name == "nt":
        raise CommandError("--processes: this system passes no sockets on.")
    if reuse_port and not hasattr(socket, "SO_REUSEPORT"):
        raise CommandError("--reuse-port: this system doesn't have it.")
    if processes == 1 and not reuse_port:
        return
    if websocket and channel_backends["default"].process_local:
        raise CommandError(
            "%s is for several processes, and the default channel "
            "backend holds its messages in the memory of one: a group would "
            "reach the sockets of one process alone. Set the BACKEND of "
            "CHANNEL_BACKENDS['default'] to one that processes share, or use "
            "--http-only." % ("--processes" if processes > 1 else "--reuse-port")
        )
