"""
HTTP/1.1 on one connection (RFC 9112).

What a connection is at, in ``stage``:

    stage      waits for                  then
    BETWEEN    the first byte of a        HEAD
               request
    HEAD       the end of its headers     BODY, or a refusal: ENDING
    BODY       the end of its body        BETWEEN; the request goes on its way
    UPGRADE    the end of the requests    another protocol has the connection,
               before it                  or BETWEEN
    LAST       the last response          ENDING
    ENDING     the end of the connection

One request of a connection is with the workers at a time (``current``), so
that answers go out in order; those that a client sends ahead wait in
``queue``, and past a few of them the connection is read no further. Answers
arrive through the mailbox; one to a request that is no longer current has no
reader and is dropped.
"""

import logging
from collections import deque

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserInvalidURLError,
    HttpParserUpgrade,
    HttpRequestParser,
)
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Protocol

from django.channels.exceptions import (
    BackendUnavailable,
    ChannelFull,
    MessageTooLarge,
)

from . import head
from .body import Body
from .exchange import Exchange
from .outlet import Outlet
from .request import Refused, RequestHead

logger = logging.getLogger("django.channels.server")

BETWEEN, HEAD, BODY, UPGRADE, LAST, ENDING = range(6)


class UpgradeRequired(Exception):
    """Raised for a request where only WebSockets are served."""


class HTTPConnection(Protocol):
    def __init__(self, factory):
        self.factory = factory
        self.limits = factory.limits
        self.access = factory.access
        self.post = factory.mailbox.post
        self.stage = BETWEEN
        self.current = None
        self.queue = deque()
        self.deadline = None
        self.outlet = None
        self.reading = True
        self._parser = HttpRequestParser(self)
        self._body = None
        self._owed = 0
        self._seen = b""
        self._upgrade = None
        # The protocol that has taken the connection over.
        self.successor = None

    # The transport's side.

    def connectionMade(self):
        self.client = address(self.transport.getPeer())
        self.server = address(self.transport.getHost())
        secure = ISSLTransport.providedBy(self.transport)
        self.scheme = "https" if secure else self.factory.scheme
        set_no_delay(self.transport)
        self.outlet = Outlet(self.transport, self._blocked, self._drained)
        self.factory.opened(self)
        self._wait(self.limits.idle_time)

    def dataReceived(self, data):
        if self.stage >= UPGRADE:
            if self._upgrade is not None:
                self._upgrade_more(data)
            return
        self._feed(data)
        if self.stage == HEAD:
            # Counted here, since an endless line never reaches a callback.
            self._head_size += len(data)
            if self._head_size > self.limits.head:
                too_long = self._target is None or len(self._target) > len(data)
                self.refuse(414 if too_long else 431)
        elif self.stage == BODY:
            self._wait(self.limits.body_time)

    def connectionLost(self, reason):
        self.stage = ENDING
        if self.successor is not None:
            self.successor.connectionLost(reason)
        self.factory.closed(self)
        if self._body is not None:
            self._body.close()
        if self.current is not None:
            self.current.abandon()
            self.current = None
        self._drop_queue()

    def _blocked(self):
        self._wait(self.limits.write_time)

    def _drained(self):
        self.deadline = None
        owed, self._owed = self._owed, 0
        if self.current is None:
            self._go_on()
        elif self.current.flow is not None:
            self.current.flow.give(owed)

    # The parser's side.

    def on_message_begin(self):
        self.stage = HEAD
        self._target = None
        self._headers = []
        self._head_size = 0
        if self.current is None:
            self._wait(self.limits.head_time)

    def on_url(self, part):
        self._target = part if self._target is None else self._target + part
        if len(self._target) > self.limits.target:
            raise Refused(414)

    def on_header(self, name, value):
        if self.stage == HEAD:
            self._headers.append((name, value))
            if len(self._headers) > self.limits.headers:
                raise Refused(431)

    def on_headers_complete(self):
        parser = self._parser
        self._head = request = RequestHead(
            parser.get_method().decode("ascii"),
            self._target.decode("latin-1"),
            parser.get_http_version(),
            self._headers,
        )
        if request.method == "CONNECT":
            raise Refused(501)
        if parser.should_upgrade():
            self.stage = UPGRADE
            return
        self.stage = BODY
        if request.chunked or request.length:
            if request.length and request.length > self.limits.body:
                raise Refused(413)
            self._body = Body(self.limits.body)
            if request.expects and self.current is None:
                self.outlet.write(head.CONTINUE)

    def on_body(self, data):
        self._body.add(data)

    def on_message_complete(self):
        if self.stage == UPGRADE:
            return
        keep_alive = self._parser.should_keep_alive()
        self.stage = BETWEEN if keep_alive else LAST
        body, file = b"", None
        if self._body is not None:
            body, file = self._body.finish()
            self._body = None
        client, scheme = self.seen(self._head)
        content = self._head.content(scheme, client, self.server, body)
        exchange = Exchange(self, content, keep_alive, file)
        if self.current is None and not self.queue and not self.outlet.blocked:
            self._start(exchange)
            if self.current is None:
                self._go_on()
        else:
            self.queue.append(exchange)
            if len(self.queue) >= self.limits.pipelined:
                self._read_no_further()

    # Another protocol's side.

    def seen(self, request):
        """Return the request's client and scheme, as trusted proxies say."""
        proxies = self.factory.proxies
        if proxies is None:
            return self.client, self.scheme
        return proxies.seen(request, self.client, self.scheme)

    def hand_over(self, successor, data):
        """Let ``successor`` have the connection; ``data`` came last."""
        self.outlet.close()
        self.successor = successor
        # The transport goes on calling this object.
        self.dataReceived = successor.dataReceived
        successor.makeConnection(self.transport)
        successor.dataReceived(data)

    def refuse_upgrade(self, status):
        self._write_error(status, close=True)
        self.finish(linger=True)

    # The workers' side: called in the reactor's thread, through the mailbox.

    def not_sent(self, exchange, error):
        """Answer for a request that its channel's backend didn't take."""
        if exchange is self.current:
            self._refuse_exchange(exchange, error)
            self._go_on()

    def answer(self, exchange, data, close):
        """Write the last bytes of the response, and go on to the next request."""
        if exchange is not self.current:
            return
        self.current = None
        self.outlet.write(data)
        if close:
            self.stage = LAST
            self._drop_queue()
        if not self.outlet.blocked:
            self._go_on()

    def write_part(self, exchange, data):
        """Write some of a streamed response."""
        if exchange is not self.current:
            return
        exchange.begun = True
        exchange.deadline = None
        self.outlet.write(data)
        if self.outlet.blocked:
            self._owed += len(data)
        else:
            exchange.flow.give(len(data))

    def break_off(self, exchange):
        """End a response that can't be finished, so that the client sees it."""
        if exchange is not self.current:
            return
        if exchange.begun and exchange.ends_by_close:
            # An orderly end would tell the client that it has everything.
            self.transport.abortConnection()
            return
        self.current = None
        if exchange.begun:
            self.stage = LAST
        else:
            self._send_error(exchange, 500, close=True)
        if not self.outlet.blocked:
            self._go_on()

    # Time.

    def check(self, now):
        """Act on deadlines that have passed. Called about once a second."""
        exchange = self.current
        if exchange is not None and exchange.deadline is not None:
            if now >= exchange.deadline and not exchange.begun:
                self.current = None
                self._send_error(exchange, 504, close=True)
                exchange.abandon()
                self._go_on()
        if self.deadline is None or now < self.deadline:
            return
        self.deadline = None
        if self.outlet.blocked or self.stage == ENDING:
            self.transport.abortConnection()
        elif self.current is None and self.stage in (HEAD, BODY):
            self.refuse(408)
        elif self.current is None and self.stage == BETWEEN:
            self.finish()

    def shut_down(self):
        """End the connection as soon as the request at hand is answered."""
        if self.successor is not None:
            self.successor.shut_down()
        elif self.current is None and self.stage == BETWEEN:
            self.finish()
        elif self.current is not None:
            self.stage = LAST
            self.current.keep_alive = False
            self._drop_queue()

    def refuse(self, status, headers=()):
        """Answer by a status, when the requests before are, and end."""
        if self.stage >= LAST:
            return
        if self.current is not None or self.queue or self.outlet.blocked:
            # Out of turn: what comes before is answered, then the end tells.
            self.stage = LAST
            return
        self.access.refused(self, status, self._seen)
        self._write_error(status, close=True, headers=headers)
        self.finish(linger=True)

    def finish(self, linger=False):
        """
        End the connection when all is written. With ``linger``, go on reading
        for a moment: ending the connection with something unread could take
        from the client what was sent last (RFC 9112 section 9.6).
        """
        self.stage = ENDING
        self.outlet.close()
        if self._body is not None:
            self._body.close()
        if linger and hasattr(self.transport, "loseWriteConnection"):
            self._wait(self.limits.linger_time)
            self._read_on()
            self.transport.loseWriteConnection()
        else:
            self._wait(self.limits.write_time)
            self.transport.loseConnection()

    # Requests on their way.

    def _feed(self, data):
        self._seen = data
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._upgrade_asked(data[upgrade.args[0] :])
        except HttpParserCallbackError as error:
            cause = error.__context__
            if not isinstance(cause, Refused):
                raise
            self.refuse(cause.status)
        except HttpParserError as error:
            if self.stage != LAST:
                self._feed_failed(error, data)

    def _feed_failed(self, error, data):
        if isinstance(error, HttpParserInvalidURLError):
            escaped = escape_target(data)
            if escaped is not None and self.current is None and not self.queue:
                self._parser = HttpRequestParser(self)
                return self._feed(escaped)
        if isinstance(error, HttpParserInvalidMethodError):
            word = data.partition(b" ")[0]
            self.refuse(501 if word.isalpha() and word.isupper() else 400)
        elif "version" in str(error):
            self.refuse(505)
        else:
            self.refuse(400)

    def _start(self, exchange):
        factory = self.factory
        self.current = exchange
        self.deadline = None
        if factory.timeout is not None:
            exchange.deadline = factory.seconds() + factory.timeout
        if factory.send is None:
            self._refuse_exchange(exchange, UpgradeRequired())
            return
        try:
            factory.send(exchange)
        except Exception as error:
            self._refuse_exchange(exchange, error)

    def _refuse_exchange(self, exchange, error):
        self.current = None
        exchange.close_body()
        exchange.abandon()
        close = not exchange.keep_alive
        if isinstance(error, ChannelFull) or getattr(error, "unsent", False):
            again = [("Retry-After", "1")]
            self._send_error(exchange, 503, close=close, headers=again)
        elif isinstance(error, BackendUnavailable):
            self._send_error(exchange, 504, close=close)
        elif isinstance(error, UpgradeRequired):
            # RFC 9110 section 15.5.22.
            upgrade = [("Upgrade", "websocket")]
            self._send_error(exchange, 426, close=True, headers=upgrade)
        elif isinstance(error, MessageTooLarge):
            self._send_error(exchange, 413, close=close)
        else:
            self._send_error(exchange, 500, close=True)
        if not isinstance(error, (ChannelFull, UpgradeRequired)):
            logger.error("A request could not be sent to its channel.", exc_info=error)

    def _go_on(self):
        """Start what waits: nothing is with the workers or to be written."""
        while self.queue and self.current is None and not self.outlet.blocked:
            self._start(self.queue.popleft())
        if not self.reading and len(self.queue) < self.limits.pipelined:
            self._read_on()
        if self.queue or self.current is not None or self.outlet.blocked:
            return
        if self.stage == LAST or (self.stage == BETWEEN and self.factory.stopping):
            self.finish()
        elif self._upgrade is not None:
            self._do_upgrade()
        elif self.stage == BETWEEN:
            self._wait(self.limits.idle_time)
        elif self.stage == BODY:
            self._wait(self.limits.body_time)
            if self._head.expects:
                self.outlet.write(head.CONTINUE)
        elif self.stage == HEAD:
            self._wait(self.limits.head_time)

    def _drop_queue(self):
        while self.queue:
            self.queue.popleft().close_body()

    def _read_on(self):
        if not self.reading:
            self.reading = True
            self.transport.resumeProducing()

    def _read_no_further(self):
        if self.reading:
            self.reading = False
            self.transport.pauseProducing()

    def _send_error(self, exchange, status, close, headers=()):
        self._write_error(
            status, close, headers, no_body=exchange.content["method"] == "HEAD"
        )
        self.access.http(exchange, status, 0)
        if close:
            self.stage = LAST
            self._drop_queue()

    def _write_error(self, status, close, headers=(), no_body=False):
        self.outlet.write(
            head.error_response(status, close=close, headers=headers, head=no_body)
        )

    # Another protocol.

    def _upgrade_asked(self, rest):
        self._upgrade = rest
        self._parser = HttpRequestParser(self)
        if self.current is None and not self.queue:
            self._do_upgrade()

    def _upgrade_more(self, data):
        self._upgrade += data
        if len(self._upgrade) > self.limits.head:
            self._read_no_further()

    def _do_upgrade(self):
        rest, self._upgrade = self._upgrade, None
        self._read_on()
        if self._head.wants_websocket and self.factory.sockets is not None:
            self.deadline = None
            self.factory.sockets.take_over(self, self._head, rest)
        else:
            # A server may ignore an upgrade (RFC 9110 section 7.8).
            plain = self._head.serialize(without={"upgrade", "connection", "host"})
            line, _, others = plain.partition(b"\r\n")
            host = (self._head.get("host") or "").encode("latin-1")
            self.stage = BETWEEN
            self._feed(b"%b\r\nhost: %b\r\n%b%b" % (line, host, others, rest))

    def _wait(self, seconds):
        self.deadline = self.factory.seconds() + seconds


def address(addr):
    """Return a Twisted address as [host, port]."""
    return [getattr(addr, "host", ""), getattr(addr, "port", 0)]


def set_no_delay(transport):
    """Send small responses at once, where the transport is TCP."""
    try:
        transport.setTcpNoDelay(True)
    except (AttributeError, OSError):
        pass


def escape_target(data):
    """
    Return ``data``, which begins with a request line, with the line's bytes
    above 127 percent-encoded, or None if there are none. Browsers encode them;
    clients that send a path as it was typed exist, and Django's development
    server understands them.
    """
    line, end, rest = data.partition(b"\r\n")
    if not end or line.isascii():
        return None
    line = b"".join(b"%%%02X" % b if b > 127 else b"%c" % b for b in line)
    return line + end + rest
