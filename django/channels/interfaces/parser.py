"""
The bytes of one connection as requests (RFC 9112).

What the parser is at, in ``stage``:

    stage      waits for                  then
    BETWEEN    the first byte of a        HEAD
               request
    HEAD       the end of its headers     BODY, or UPGRADE
    BODY       the end of its body        BETWEEN; the request goes on its way
    UPGRADE    another protocol, or that  BETWEEN
               the connection says no
"""

import re

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserInvalidURLError,
    HttpParserUpgrade,
    HttpRequestParser,
)

from .body import Body
from .request import Refused, RequestHead

BETWEEN, HEAD, BODY, UPGRADE = range(4)

# What a 426 asks for (RFC 9110 sections 15.5.22 and 7.8).
WEBSOCKET = [("Upgrade", "websocket"), ("Connection", "upgrade")]

# How many bytes a chunked body may take for each of its content.
OVERHEAD = 16

# What may be a method, as far as it's there: a token (RFC 9110 section 5.6.2). In
# lower case it's rather a body that is longer than it was said to be.
_METHOD = re.compile(rb"[A-Z0-9!#$%&'*+.^_`|~-]+( |\Z)")


class RequestParser:
    """
    Tells ``connection`` of requests: ``continue_expected()`` where the client
    waits for 100 Continue, and ``request_complete(head, body, file,
    keep_alive)``, with the body's bytes, or with the file that it's in. Without
    ``http``, a request that doesn't ask for another protocol is refused as soon
    as its head is read.

    ``begun`` is set where a request begins, for the connection to unset.
    """

    def __init__(self, connection, limits, http=True):
        self.stage = BETWEEN
        self.begun = False
        self.head = None
        self._connection = connection
        self._limits = limits
        self._http = http
        # A head with no more bytes than that is within both limits.
        self._least = min(limits.request_line_size, limits.header_size)
        self._parser = HttpRequestParser(self)
        self._body = None
        # Whether the data at hand held the end of another request.
        self._shared = False
        self._fed = 0

    def feed(self, data):
        """
        Take what the client sent. Return what came after a request that asks
        for another protocol, otherwise None. Raise Refused for what can't be
        served; nothing may be fed then.
        """
        begins, in_body = self.stage == BETWEEN, self.stage == BODY
        self._fed = len(data)
        self._shared = False
        failure = None
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            self._parser = HttpRequestParser(self)
            return data[upgrade.args[0] :]
        except HttpParserCallbackError as error:
            cause = error.__context__
            if not isinstance(cause, Refused):
                raise
            raise cause from None
        except HttpParserError as error:
            failure = error
        if failure is not None:
            # Out of the handler: the data may be fed again, and an error's
            # context is then what a callback has raised, and not this failure.
            if begins and not self._shared:
                escaped = self._escaped(failure, data)
                if escaped is not None:
                    return self.feed(escaped)
            raise Refused(status_of(failure, data)) from failure
        if in_body and self.stage == BODY and self.head.chunked and not self._shared:
            self._check_overhead(len(data))
        if self.stage == HEAD and not self._shared:
            # Counted here, since an endless line never reaches a callback.
            self._head_size += len(data)
            if self._head_size > self._limits.header_size:
                too_long = self._target is None or len(self._target) > len(data)
                raise Refused(414 if too_long else 431)

    def at_once(self, data, start, least):
        """
        Return how many bytes of ``data`` from ``start`` on to feed at once, for
        few requests to end in them: ``least``, about, or more of a large body,
        or a head's rest.
        """
        if self.stage != BODY:
            end = data.find(b"\r\n\r\n", start)
            return len(data) if end < 0 else max(least, end + 4 - start)
        if self.head.length is not None:
            return max(least, self.head.length - self._body.size)
        # Its end isn't looked for: that would take as long as to parse it. A
        # request after it has this in its line, and mostly there is none.
        line = data.find(b" HTTP/1.", start)
        return len(data) if line < 0 else max(least, line - start)

    @property
    def line(self):
        """The method and the target of the request at hand, or b"" if unknown."""
        if self.stage == BETWEEN or not self._target:
            return b""
        return self._parser.get_method() + b" " + self._target

    def go_on(self):
        """Take requests again: there is no other protocol."""
        self.stage = BETWEEN

    def close(self):
        """Drop the body that was coming in."""
        if self._body is not None:
            self._body.close()

    def _escaped(self, error, data):
        if isinstance(error, HttpParserInvalidURLError):
            escaped = escape_target(data)
            if escaped is not None:
                self._parser = HttpRequestParser(self)
                self.stage = BETWEEN
            return escaped

    def _check_overhead(self, size):
        """
        Refuse a body that is little but chunk extensions or trailers: nothing
        else would bound them (RFC 9112 section 7.1.1). One byte a chunk takes
        six bytes for each. A trailer is kept until its end, and copied with each
        piece of it: no body is so large that it may have a large one.
        """
        grown, most = self._body.size, self._limits.header_size
        self._unheard = self._unheard + size if grown == self._heard else 0
        self._heard = grown
        self._body_bytes += size
        if self._unheard > most or self._body_bytes > most + OVERHEAD * grown:
            raise Refused(400)

    def _check_size(self):
        """Refuse a head that is too large, not counting blanks around values."""
        line = len(self._parser.get_method()) + len(self._target) + 10
        if line > self._limits.request_line_size:
            raise Refused(414)
        # Each line has an end, and the head an empty one.
        size = sum(len(name) + len(value) + 4 for name, value in self._headers)
        if line + 2 + size + 2 > self._limits.header_size:
            raise Refused(431)

    # httptools' side.

    def on_message_begin(self):
        self.stage = HEAD
        self._target = None
        self._headers = []
        self._head_size = 0
        self.begun = True

    def on_url(self, part):
        self._target = part if self._target is None else self._target + part
        if len(self._target) > self._limits.request_line_size:
            raise Refused(414)

    def on_header(self, name, value):
        if self.stage == HEAD:
            self._headers.append((name, value))
            if len(self._headers) > self._limits.header_count:
                raise Refused(431)

    def on_headers_complete(self):
        parser = self._parser
        if self._head_size + self._fed > self._least:
            self._check_size()
        self.head = head = RequestHead(
            parser.get_method().decode("ascii"),
            self._target.decode("latin-1"),
            parser.get_http_version(),
            self._headers,
        )
        if parser.should_upgrade():
            self.stage = UPGRADE
            return
        if not self._http:
            raise Refused(426, WEBSOCKET)
        self.stage = BODY
        if head.chunked or head.length:
            if head.length and head.length > self._limits.body_size:
                raise Refused(413)
            self._body = Body(self._limits.body_size)
            self._body_bytes = self._heard = self._unheard = 0
            if head.expects:
                self._connection.continue_expected()

    def on_body(self, data):
        self._body.add(data)

    def on_message_complete(self):
        if self.stage == UPGRADE:
            return
        keep_alive = self._parser.should_keep_alive()
        self.stage = BETWEEN
        self._shared = True
        body, file = b"", None
        if self._body is not None:
            body, file = self._body.finish()
            self._body = None
        self._connection.request_complete(self.head, body, file, keep_alive)


def status_of(error, data):
    """Return the status that answers what the parser couldn't read."""
    if isinstance(error, HttpParserInvalidMethodError):
        return 501 if _METHOD.match(data) else 400
    if "Invalid method" in str(error):
        return 501
    return 505 if "Invalid HTTP version" in str(error) else 400


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
