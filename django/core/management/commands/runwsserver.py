import errno
import logging
import re
import socket
from functools import partial
from math import inf

from django.channels.exceptions import InvalidChannelBackend
from django.channels.interfaces.development import missing_package
from django.channels.interfaces.options import (
    add_arguments,
    check_sharing,
    check_workers,
)
from django.channels.processes import readiness
from django.channels.processes.child import occupy_standard_files
from django.channels.processes.exits import IN_ORDER, leave, leave_late
from django.channels.processes.parent import Parent
from django.channels.processes.supervisor import Supervisor
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.core.management.commands.runserver import naiveip_re
from django.core.servers.basehttp import get_internal_wsgi_application
from django.utils.autoreload import get_child_arguments

BIND_ERRORS = {
    errno.EACCES: "You don't have permission to access port %(port)s.",
    errno.EADDRINUSE: "Port %(port)s is already in use.",
    errno.EADDRNOTAVAIL: "The address %(addr)s can't be assigned to.",
}

# How many seconds the process has beyond the grace, for what Python does at its
# end. It's less than a supervisor's.
MARGIN = 2


class Command(BaseCommand):
    help = (
        "Serves HTTP and WebSockets on one port, with worker threads in the "
        "same process: everything a small production site needs."
    )
    # The logger that access lines go to, when they are asked for.
    access_logger = "django.channels.server"

    default_addr = "127.0.0.1"
    default_addr_ipv6 = "::1"
    default_port = 9000

    def add_arguments(self, parser):
        add_arguments(parser, self.access_logger)

    def handle(self, *args, **options):
        missing = missing_package()
        if missing is not None:
            raise CommandError(
                "%s is not installed, and this server needs it. Install it with: "
                "python -m pip install twisted autobahn httptools" % missing
            )
        if not settings.DEBUG and not settings.ALLOWED_HOSTS:
            raise CommandError("You must set settings.ALLOWED_HOSTS if DEBUG is False.")
        if settings.CHANNEL_HTTP_BACKEND is None:
            raise CommandError(
                "CHANNEL_HTTP_BACKEND is None, which keeps requests out of "
                "channels; this server has no other way for them. Set it to 'local', "
                "or use a WSGI or ASGI server."
            )
        if not 0 <= options["grace"] < inf:
            raise CommandError("--grace must be at least 0, and finite.")
        check_workers(**options)
        check_sharing(**options)
        addr, port, ipv6 = self.parse_address(options["addrport"], options["use_ipv6"])
        status = self.run(addr, port, ipv6, **options)
        if status:
            leave(status)

    def parse_address(self, addrport, use_ipv6=False):
        """Return the address, the port and whether the address is IPv6."""
        if not addrport:
            default = self.default_addr_ipv6 if use_ipv6 else self.default_addr
            return default, self.default_port, use_ipv6
        match = re.match(naiveip_re, addrport)
        if match is None or int(match["port"]) > 65535:
            raise CommandError(
                '"%s" is not a valid port number or address:port pair.' % addrport
            )
        addr, _, ipv6, fqdn, port = match.groups()
        if addr and use_ipv6 and not ipv6 and not fqdn:
            raise CommandError('"%s" is not a valid IPv6 address.' % addr)
        use_ipv6 = use_ipv6 or bool(ipv6)
        if use_ipv6 and not socket.has_ipv6:
            raise CommandError("Your Python does not support IPv6.")
        if not addr:
            addr = self.default_addr_ipv6 if use_ipv6 else self.default_addr
        return addr.strip("[]"), int(port), use_ipv6

    def bind(self, listeners, addr, port, ipv6, *, addrport, endpoints, **options):
        """
        Listen everywhere, with a server or with Listeners alone; raise
        CommandError where that's impossible.
        """
        from django.channels.interfaces.listeners import InvalidEndpoint

        try:
            if addrport or not endpoints:
                listeners.bind(addr, port, ipv6=ipv6, reuse_port=options["reuse_port"])
            for description in endpoints:
                listeners.bind_endpoint(description)
        except OSError as error:
            text = BIND_ERRORS.get(error.errno)
            if text is None:
                raise CommandError(str(error)) from error
            raise CommandError(text % {"addr": addr, "port": port}) from error
        except InvalidEndpoint as error:
            listeners.stop()
            raise CommandError(f"--endpoint: {error}") from error

    def proxies(self, *, proxy_headers, trusted_proxies, **options):
        """Return the Proxies to trust, or None."""
        from django.channels.interfaces.proxies import LOCAL, Proxies

        if proxy_headers is None:
            if trusted_proxies:
                raise CommandError("--trusted-proxies needs --proxy-headers.")
            return None
        trusted = LOCAL
        if trusted_proxies is not None:
            trusted = [t.strip() for t in trusted_proxies.split(",") if t.strip()]
        try:
            return Proxies(trusted, forwarded=proxy_headers == "forwarded")
        except ValueError as error:
            raise CommandError(f"--trusted-proxies: {error}") from error

    def protocols(self, *, http, websocket, **options):
        return " and ".join(["HTTP"] * http + ["WebSocket"] * websocket)

    def access(self, *, access_log, verbosity, **options):
        from django.channels.interfaces.access import AccessLog, NoAccessLog

        if access_log or verbosity >= 2:
            # An error is mailed to ADMINS, and the server would wait for that.
            return AccessLog(logging.getLogger(self.access_logger), logging.INFO)
        return NoAccessLog()

    def run(self, addr, port, ipv6, **options):
        """Return the status to exit with, when all has ended."""
        from django.channels.interfaces.listeners import Listeners

        proxies = self.proxies(**options)
        parent = Parent.find("server")
        listeners = Listeners() if parent is None else Listeners(parent.descriptors)
        if parent is None and options["processes"] > 1:
            occupy_standard_files()
            self.bind(listeners, addr, port, ipv6, **options)
            return self.supervise(listeners, **options)
        server = self.make_server(listeners, proxies, **options)
        self.bind(server, addr, port, ipv6, **options)
        on_ready = partial(self.announce, server.urls, **options)
        if parent is not None:
            on_ready = parent.tell_ready
        try:
            server.serve(options["grace"], on_ready, parent)
        except InvalidChannelBackend as error:
            # Such as a database without its tables.
            raise CommandError(str(error)) from error
        leave_late(server.time_left + MARGIN, 0 if parent is None else IN_ORDER)
        if parent is not None:
            parent.end()

    def supervise(self, listeners, **options):
        # The application isn't loaded here, and no reactor runs.
        supervisor = Supervisor(
            get_child_arguments(),
            "server",
            options["processes"],
            options["grace"],
            listeners.descriptors,
        )
        on_ready = partial(self.announce, listeners.urls, **options)
        return supervisor.run(on_ready, on_stop=listeners.stop)

    def make_server(self, listeners, proxies, **options):
        from django.channels.interfaces.server import InterfaceServer

        return InterfaceServer(
            get_internal_wsgi_application(),
            threads=options["threads"],
            access=self.access(**options),
            http=options["http"],
            websocket=options["websocket"],
            worker=options["worker"] and options["threads"] > 0,
            proxies=proxies,
            listeners=listeners,
            compress=options["compress"],
        )

    def announce(self, urls, *, processes, threads, verbosity, **options):
        if verbosity >= 1:
            self.stdout.write(
                "Serving %s on %s with %s%d worker threads."
                % (
                    self.protocols(**options),
                    " and ".join(urls),
                    "%d processes of " % processes if processes > 1 else "",
                    threads,
                )
            )
            self.stdout.flush()
        readiness.notify(readiness.READY)
