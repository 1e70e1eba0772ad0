"""
Measure what it costs to parse a request's head: python -m benchmarks.parsers

Needs the packages that are compared: httptools, h11 and twisted.
"""

import timeit

import h11
import httptools
from twisted.internet.testing import StringTransport
from twisted.web.http import HTTPChannel, HTTPFactory, Request

# What a browser sends: a line and eight headers, 346 bytes.
REQUEST = (
    b"GET /rooms/kitchen/?page=2 HTTP/1.1\r\n"
    b"Host: localhost:8000\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101\r\n"
    b"Accept: text/html,application/xhtml+xml\r\n"
    b"Accept-Language: en-US,en;q=0.5\r\n"
    b"Accept-Encoding: gzip, deflate\r\n"
    b"Connection: keep-alive\r\n"
    b"Referer: http://localhost:8000/\r\n"
    b"Cookie: sessionid=0123456789abcdef0123456789abcdef\r\n"
    b"\r\n"
)
NUMBER, ROUNDS = 3000, 7


class Head:
    def __init__(self):
        self.headers = []
        self.done = False

    def on_url(self, url):
        self.url = url

    def on_header(self, name, value):
        self.headers.append((name, value))

    def on_message_complete(self):
        self.done = True


def parse_with_httptools():
    head = Head()
    httptools.HttpRequestParser(head).feed_data(REQUEST)
    assert head.done


def parse_with_h11():
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(REQUEST)
    assert type(connection.next_event()) is h11.Request
    assert type(connection.next_event()) is h11.EndOfMessage


class Unanswered(Request):
    def process(self):
        parsed.append(self)


class Transport(StringTransport):
    def registerProducer(self, producer, streaming):
        pass


def parse_with_twisted_web():
    parsed.clear()
    channel = HTTPChannel()
    channel.requestFactory = Unanswered
    channel.factory = factory
    channel.timeOut = None
    channel.makeConnection(Transport())
    channel.dataReceived(REQUEST)
    assert parsed


parsed = []
factory = HTTPFactory()


def main():
    for function in (parse_with_httptools, parse_with_twisted_web, parse_with_h11):
        best = min(timeit.repeat(function, number=NUMBER, repeat=ROUNDS)) / NUMBER
        name = function.__name__.removeprefix("parse_with_")
        print(f"{name:12} {best * 1e6:6.1f} µs")


if __name__ == "__main__":
    main()
