"""What a request's head says, and whether it may be served."""

import re
from functools import lru_cache
from urllib.parse import unquote_to_bytes

# Headers that decide how a request is read (RFC 9112 sections 3.2 and 6).
_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "expect"})


# A host and perhaps a port (RFC 3986 section 3.2.2), without the comma that two
# Host headers would be joined by.
_HOST = re.compile(r"(?:[\w.~!$&'()*+;=%-]+|\[[0-9A-Fa-fv:.]+\])(?::[0-9]*)?", re.ASCII)

# Of the largest number that llhttp counts to, without zeros in front of it.
_LENGTH = re.compile("[0-9]{1,20}")

# CONNECT, which asks for a proxy, and methods of RTSP and Icecast, which llhttp
# reads as well.
_NOT_SERVED = frozenset(
    "ANNOUNCE CONNECT DESCRIBE FLUSH GET_PARAMETER PAUSE PLAY RECORD REDIRECT SETUP "
    "SET_PARAMETER SOURCE TEARDOWN".split()
)


class Refused(Exception):
    """
    Raised when a request can't be served, mostly by the client's fault.
    ``status`` is what it's answered with, and ``headers``, a sequence of
    (name, value).
    """

    def __init__(self, status, headers=()):
        self.status = status
        self.headers = headers
        super().__init__(status)


class RequestHead:
    """
    A request's line and headers, checked.

    ``headers`` is a list of [name in lower case, value], without names that
    hold an underscore: they can't be told from others in the environment.
    ``length`` is the Content-Length or None, ``chunked`` whether the body is,
    ``expects`` whether the client waits for 100 Continue.
    """

    __slots__ = (
        "method",
        "target",
        "http_version",
        "headers",
        "length",
        "chunked",
        "expects",
    )

    def __init__(self, method, target, http_version, raw_headers):
        self.method = method
        self.target = target
        self.http_version = http_version
        self.headers = headers = []
        self.length = None
        self.chunked = False
        self.expects = False
        special = None
        for raw_name, value in raw_headers:
            name = _names.get(raw_name) or _lower(raw_name)
            # The parser leaves the blanks at its end.
            value = value.decode("latin-1").strip(" \t")
            if name in _FRAMING:
                if special is None:
                    special = {}
                special.setdefault(name, []).append(value)
            elif "_" in name:
                continue
            headers.append([name, value])
        if http_version not in ("1.1", "1.0"):
            raise Refused(505)
        if method in _NOT_SERVED:
            raise Refused(501)
        self._check(special or {})

    def _check(self, special):
        hosts = special.get("host", ())
        if len(hosts) > 1 or (not hosts and self.http_version == "1.1"):
            raise Refused(400)
        # RFC 9112 section 3.2.
        if hosts and not is_host(hosts[0]):
            raise Refused(400)
        if self.target[:1] != "/" or "#" in self.target:
            self._check_target()
        if len(special) > 1 or not hosts:
            self._check_framing(special)

    def _check_target(self):
        """Take the other forms of a target (RFC 9112 sections 3.2.2 to 3.2.4)."""
        target = self.target
        if "#" in target:
            raise Refused(400)
        if target == "*" and self.method == "OPTIONS":
            return
        scheme, sign, rest = target.partition("://")
        host = re.split("[/?]", rest, maxsplit=1)[0]
        if not sign or scheme.lower() not in ("http", "https") or not is_host(host):
            raise Refused(400)
        # The target's host counts, whatever the header says.
        others = [[name, value] for name, value in self.headers if name != "host"]
        self.headers[:] = [["host", host], *others]

    def _check_framing(self, special):
        codings = special.get("transfer-encoding")
        lengths = special.get("content-length")
        if codings:
            # RFC 9112 section 6.1: a request with both may be smuggling.
            if lengths or self.http_version == "1.0":
                raise Refused(400)
            if codings != ["chunked"] and [c.lower() for c in codings] != ["chunked"]:
                raise Refused(501)
            self.chunked = True
        if lengths:
            if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0]):
                raise Refused(400)
            self.length = int(lengths[0])
        expectations = special.get("expect")
        if expectations and self.http_version == "1.1":
            if [e.lower() for e in expectations] != ["100-continue"]:
                raise Refused(417)
            self.expects = True

    def get(self, name, default=None):
        """Return the values of a header, joined by commas."""
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else default

    def tokens(self, name):
        """Return the comma-separated words of a header, in lower case."""
        value = self.get(name)
        return [t.strip().lower() for t in value.split(",")] if value else []

    @property
    def wants_websocket(self):
        return (
            self.method == "GET"
            and self.http_version == "1.1"
            and not self.length
            and not self.chunked
            and "websocket" in self.tokens("upgrade")
            and "upgrade" in self.tokens("connection")
        )

    def content(self, scheme, client, server, body=b""):
        """Return the content of the request's message."""
        raw_path, query = split_target(self.target)
        return {
            "method": self.method,
            "path": decode_path(raw_path),
            "raw_path": raw_path,
            "query_string": query,
            "headers": self.headers,
            "http_version": self.http_version,
            "scheme": scheme,
            "client": client,
            "server": server,
            "body": body,
        }

    def serialize(self, without=(), joined=()):
        """
        Return the head's bytes: ``without`` the headers with these names, and
        those of each name in ``joined`` as one.
        """
        lines = [f"{self.method} {self.target} HTTP/{self.http_version}"]
        omitted = {*without, *joined}
        lines += [f"{name}: {v}" for name, v in self.headers if name not in omitted]
        values = {name: self.get(name) for name in joined}
        lines += [f"{name}: {v}" for name, v in values.items() if v is not None]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


# Header names as they were met, in lower case; bounded, since they come from
# the peer.
_names = {}


def _lower(raw_name):
    name = raw_name.decode("latin-1").lower()
    if len(_names) < 500 and len(raw_name) < 100:
        _names[raw_name] = name
    return name


@lru_cache(maxsize=256)
def is_host(value):
    """Tell whether a Host header's value could be one."""
    return _HOST.fullmatch(value) is not None


def split_target(target):
    """
    Return the path and the query string of a request's target (RFC 9112
    section 3.2) as sent.
    """
    path, _, query = target.partition("?")
    if path[:1] != "/" and path != "*":
        # The absolute form, which a client sends to a proxy.
        _, _, rest = path.partition("://")
        path = "/" + rest.partition("/")[2]
    return path, query


def decode_path(path):
    """
    Return a path without percent-encoding, decoded as UTF-8; bytes that
    aren't UTF-8 become lone surrogates (PEP 383).
    """
    if "%" not in path and path.isascii():
        return path
    return unquote_to_bytes(path.encode("latin-1")).decode("utf-8", "surrogateescape")
