"""The same server on TLS, on Unix sockets, and on what it inherits."""

import datetime
import http.client
import io
import os
import socket
import ssl
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.sync.client import connect, unix_connect

from django.channels import Channel, consumers
from django.channels.interfaces.listeners import InvalidEndpoint
from django.channels.interfaces.server import InterfaceServer
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.test import SimpleTestCase, ignore_warnings, override_settings
from django.urls import path

from ..running import printed_by

PATIENCE = 60


def meta(request):
    meta = request.META
    keys = ("REMOTE_ADDR", "REMOTE_PORT", "SERVER_NAME", "SERVER_PORT")
    values = [request.scheme, request.get_host(), *(meta[key] for key in keys)]
    return HttpResponse("|".join(values))


urlpatterns = [path("", meta)]


def write_certificate(folder):
    """Write key.pem and cert.pem for 127.0.0.1 into the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    Path(folder, "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    Path(folder, "cert.pem").write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
    )


class UnixConnection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.host)


@override_settings(
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["127.0.0.1", "example.com"],
    MIDDLEWARE=[],
    CHANNEL_BACKENDS={
        "default": {
            "BACKEND": "django.channels.backends.memory.MemoryChannelBackend",
            "LOCATION": "test_endpoints",
        }
    },
)
class EndpointTests(SimpleTestCase):
    def setUp(self):
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        consumers.register("websocket.connect", self.ws_connect)
        consumers.register("websocket.receive", self.ws_receive)

    def ws_connect(self, scheme, client):
        self.connected = scheme, client

    def ws_receive(self, reply_channel, content):
        Channel(reply_channel).send(content=content)

    def serve(self, *descriptions):
        server = InterfaceServer(WSGIHandler(), threads=2)
        self.addCleanup(server.stop, grace=5)
        for description in descriptions:
            server.bind_endpoint(description)
        server.start()
        return server

    def serve_tls(self):
        """Return the server, its port, and a client's context."""
        write_certificate(self.folder)
        server = self.serve(
            f"ssl:0:interface=127.0.0.1:privateKey={self.folder}/key.pem"
            f":certKey={self.folder}/cert.pem"
        )
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return server, int(server.urls[0].rpartition(":")[2].strip("/")), context

    def get(self, client, headers={}):
        client.timeout = PATIENCE
        try:
            client.request("GET", "/", headers=headers)
            response = client.getresponse()
            return response.status, response.read().decode()
        finally:
            client.close()

    def assertEcho(self, ws):
        with ws:
            for content in ("hello", b"\xff" * 300_000):
                ws.send(content)
                self.assertEqual(ws.recv(PATIENCE), content)

    def test_tcp(self):
        first, second = "tcp:0:interface=127.0.0.1", "tcp:0:interface=127.0.0.1"
        server = self.serve(first, second)
        self.assertEqual(len(set(server.urls)), 2)
        for url in server.urls:
            port = int(url.rpartition(":")[2].strip("/"))
            status, text = self.get(http.client.HTTPConnection("127.0.0.1", port))
            self.assertEqual(text[:22], f"http|127.0.0.1:{port}|1"[:22])
            self.assertEqual(status, 200)

    # What Twisted asks of pyOpenSSL, from release to release.
    @ignore_warnings(category=DeprecationWarning)
    def test_tls(self):
        server, port, context = self.serve_tls()
        self.assertRegex(server.urls[0], r"^https://127\.0\.0\.1:\d+/$")
        # As browsers and curl do. Without it, see test_server_processes.
        context.set_alpn_protocols(["h2", "http/1.1"])
        client = http.client.HTTPSConnection("127.0.0.1", port, context=context)
        status, text = self.get(client)
        self.assertEqual(status, 200)
        self.assertEqual(text.split("|")[:2], ["https", f"127.0.0.1:{port}"])
        self.assertEcho(
            connect(
                f"wss://127.0.0.1:{port}/",
                ssl=context,
                max_size=None,
                open_timeout=PATIENCE,
            )
        )
        self.assertEqual(self.connected[0], "wss")

    @ignore_warnings(category=DeprecationWarning)
    def test_stop_with_an_idle_client_of_tls(self):
        """One that doesn't end its side doesn't hold up the stop for the grace."""
        server, port, context = self.serve_tls()
        client = http.client.HTTPSConnection(
            "127.0.0.1", port, context=context, timeout=PATIENCE
        )
        self.addCleanup(client.close)
        client.request("GET", "/")
        self.assertEqual(client.getresponse().read()[:6], b"https|")
        server.stop(grace=PATIENCE)
        self.assertGreater(server.time_left, 0)
        # It was told, too.
        self.assertEqual(client.sock.recv(1), b"")

    def test_unix(self):
        """A client of a Unix socket has no address."""
        place = f"{self.folder}/socket"
        server = self.serve(f"unix:{place}:mode=660")
        self.assertEqual(server.urls, [f"unix:{place}"])
        self.assertEqual(os.stat(place).st_mode & 0o777, 0o660)
        status, text = self.get(UnixConnection(place), {"Host": "example.com"})
        self.assertEqual((status, text), (200, "http|example.com||0||0"))
        self.assertEcho(
            unix_connect(
                place,
                "ws://example.com/",
                max_size=None,
                open_timeout=PATIENCE,
            )
        )
        self.assertEqual(self.connected, ("ws", ["", 0]))
        server.stop()
        self.assertIs(os.path.exists(place), False)

    def test_unix_file_that_is_gone(self):
        """It doesn't keep the server from stopping."""
        place = f"{self.folder}/socket"
        server = self.serve(f"unix:{place}")
        os.unlink(place)
        with self.assertLogs("django.channels.server", "WARNING") as logs:
            server.stop()
        self.assertIn("couldn't be removed", logs.output[0])
        self.serve(f"unix:{place}").stop()

    def test_unix_after_a_kill(self):
        """In a container, the process before had the number of this one."""
        place = f"{self.folder}/socket"
        with socket.socket(socket.AF_UNIX) as killed:
            killed.bind(place)
        os.symlink(str(os.getpid()), f"{place}.lock")
        server = self.serve(f"unix:{place}")
        status, _ = self.get(UnixConnection(place), {"Host": "example.com"})
        self.assertEqual(status, 200)
        # This lock isn't one that was left.
        with self.assertRaisesMessage(InvalidEndpoint, "lock"):
            InterfaceServer(WSGIHandler()).bind_endpoint(f"unix:{place}")
        server.stop()
        self.assertEqual(os.listdir(self.folder), [])

    def test_inherited(self):
        """A socket that another process listens on already, as systemd's."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        self.serve(f"fd:fileno={listener.fileno()}")
        port = listener.getsockname()[1]
        self.assertEqual(
            self.get(http.client.HTTPConnection("127.0.0.1", port))[0], 200
        )

    def test_inherited_unix_socket(self):
        """Its file belongs to the process that made it."""
        place = f"{self.folder}/socket"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(place)
            listener.listen()
            os.chmod(place, 0o600)
            for _ in range(2):
                server = self.serve(f"fd:fileno={listener.fileno()}")
                status, _ = self.get(UnixConnection(place), {"Host": "example.com"})
                self.assertEqual(status, 200)
                self.assertEqual(os.stat(place).st_mode & 0o777, 0o600)
                server.stop()

    def test_never_started(self):
        place = f"{self.folder}/socket"
        server = InterfaceServer(WSGIHandler())
        server.bind_endpoint(f"unix:{place}")
        server.stop()

    def test_invalid(self):
        server = InterfaceServer(WSGIHandler())
        with socket.socket() as other:
            for description, text in (
                ("nonsense:1", "nonsense"),
                ("tcp:port", "port"),
                ("tcp:80:colour=red", "colour"),
                ("unix:/nowhere/at/all", "nowhere"),
                ("ssl:0:privateKey=/nowhere.pem", "/nowhere.pem"),
                ("systemd:domain=INET:index=0", "was passed on with LISTEN_FDS"),
                ("systemd:domain=INET:name=web", "was passed on with LISTEN_FDS"),
                ("haproxy:tcp:0", "use --proxy-headers"),
                ("fd:3", "fd:fileno=3"),
                ("fd:fileno=9999", "Bad file descriptor"),
                (f"fd:fileno={other.fileno()}", "isn't a listening socket"),
            ):
                with self.subTest(description):
                    with self.assertRaisesMessage(InvalidEndpoint, text):
                        server.bind_endpoint(description)

    def test_openssl_is_missing(self):
        server = InterfaceServer(WSGIHandler())
        hidden = {"OpenSSL": None, "twisted.internet.ssl": None}
        with mock.patch.dict(sys.modules, hidden):
            with self.assertRaisesMessage(InvalidEndpoint, "install 'Django[tls]'"):
                server.bind_endpoint("ssl:0:privateKey=key.pem")

    def test_server_needs_no_openssl(self):
        """It's for those who ask for TLS; the default install hasn't got it."""
        code = (
            "import sys\n"
            "sys.modules['OpenSSL'] = None\n"
            "from django.conf import settings\n"
            "settings.configure()\n"
            "from django.channels.interfaces import server\n"
            "print(server.InterfaceServer.__name__)"
        )
        self.assertEqual(printed_by(code), "InterfaceServer\n")

    def test_command(self):
        """A bad description is an error of the command's, not a traceback."""
        with self.assertRaisesMessage(CommandError, "--endpoint: 'nonsense:1' can't"):
            call_command("runwsserver", endpoints=["nonsense:1"], stdout=io.StringIO())
