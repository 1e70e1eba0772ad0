"""
Every request is answered with the same bytes, with nothing around it but what
`runwsserver` stands on: Twisted's reactor and connections, and httptools.
python twisted_alone.py HOST PORT
"""

import sys

from httptools import HttpRequestParser
from twisted.internet import reactor
from twisted.internet.protocol import Factory, Protocol

# What startproject's middleware makes of the view 'hello'.
ANSWER = (
    b"HTTP/1.1 200 OK\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n"
    b"X-Frame-Options: DENY\r\n"
    b"Content-Length: 13\r\n"
    b"X-Content-Type-Options: nosniff\r\n"
    b"Referrer-Policy: same-origin\r\n"
    b"Cross-Origin-Opener-Policy: same-origin\r\n"
    b"\r\n"
    b"Hello, world!"
)


class Answerer(Protocol):
    def connectionMade(self):
        self.transport.setTcpNoDelay(True)
        self.parser = HttpRequestParser(self)
        # As our server does: it's a third of the system calls of write().
        self.send = self.transport.getHandle().send

    def dataReceived(self, data):
        self.parser.feed_data(data)

    def on_message_complete(self):
        self.send(ANSWER)


if __name__ == "__main__":
    host, port = sys.argv[1:]
    reactor.listenTCP(int(port), Factory.forProtocol(Answerer), interface=host)
    reactor.run()
