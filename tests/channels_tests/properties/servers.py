"""What a server has made of a client's bytes: this project's, and h11."""

import h11
from channels_tests.interfaces.wires import HTTPWire, lose

from django.channels.interfaces.request import split_target
from django.http import HttpResponse

# More seconds than a connection may stay without an end.
LONG = 150

# An upgrade that's ignored is as if it hadn't been asked for.
ABOUT_UPGRADES = {b"upgrade", b"connection"}


class Understood:
    """
    ``requests``, each as (method, target, headers, body), the ``answers`` as
    bytes, and whether the connection was closed, or made a WebSocket.
    """

    def __init__(self, **limits):
        self.http = HTTPWire(**limits)
        self.requests = []
        self.answers = b""

    def feed(self, data):
        if not self.closed and not self.is_websocket:
            self.http.receive(data)
            self.answer()

    def answer(self):
        while len(self.http.requests) > len(self.requests):
            exchange = self.http.requests[len(self.requests)]
            self.requests.append(request_of(exchange))
            exchange.respond(HttpResponse(b"hello"))
            self.http.reactor.spin()
        self.answers += self.http.wire.take()

    def end(self, seconds=LONG):
        """Let time pass, then let the client go."""
        if not self.is_websocket:
            self.http.advance(seconds)
            self.answer()
        lose(self.http.connection)
        return self

    @property
    def closed(self):
        return self.http.wire.ended != ""

    @property
    def is_websocket(self):
        return bool(self.http.sockets.taken)


def understood(*pieces, **limits):
    """Return what this project's server understands."""
    server = Understood(**limits)
    for piece in pieces:
        server.feed(piece)
    return server


def request_of(exchange):
    """Return the request as (method, target, headers, body), in bytes."""
    method, target, _ = exchange.request_line.split(" ", 2)
    content = exchange.content
    headers = [
        (name.encode("latin-1"), value.strip(" \t").encode("latin-1"))
        for name, value in content["headers"]
    ]
    body = content["body"]
    if exchange.body_file is not None:
        body = exchange.body_file.read()
    return method.encode(), target.encode("latin-1"), comparable(headers), body


def split(target):
    """Return path and query; an absolute form is its path (RFC 9112 3.2.2)."""
    return [part.encode("latin-1") for part in split_target(target.decode("latin-1"))]


def comparable(headers):
    # h11 writes the name of the coding in lower case.
    return sorted(
        (name, value.lower() if name == b"transfer-encoding" else value)
        for name, value in headers
        if name not in ABOUT_UPGRADES
    )


def understood_by_h11(data):
    """
    Return the requests that h11 reads, and whether it refuses what follows,
    rather than waiting for more or being at the connection's end.
    """
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=10**6)
    connection.receive_data(data)
    requests = []
    try:
        while True:
            event = connection.next_event()
            if type(event) is h11.Request:
                request, body = event, b""
            elif type(event) is h11.Data:
                body += event.data
            elif type(event) is h11.EndOfMessage:
                headers = [
                    (name, value) for name, value in request.headers if b"_" not in name
                ]
                target = b"?".join(filter(None, split(request.target)))
                host = request.target.partition(b"://")[2].partition(b"/")[0]
                if host:
                    # It counts, whatever the header says (RFC 9112 3.2.2).
                    headers = [pair for pair in headers if pair[0] != b"host"]
                    headers.append((b"host", host))
                requests.append((request.method, target, comparable(headers), body))
                answer = h11.Response(
                    status_code=200, headers=[("content-length", "0")]
                )
                connection.send(answer)
                connection.send(h11.EndOfMessage())
                if connection.our_state is not h11.DONE:
                    return requests, False
                connection.start_next_cycle()
            else:
                return requests, False
    except h11.RemoteProtocolError:
        return requests, True
