"""Lines of the access log, in the form of Django's development server."""

import logging
import re
import time

from django.channels.lines import shown

# What a request's line begins with: anything else may be a part of a body.
_LINE = re.compile(rb"[A-Z_-]+ [^\r\n]*")

_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


class AccessLog:
    """
    Writes a line per answered request and per opened and closed WebSocket. A
    request's has text for arguments, as Django's has.

    ``logger`` is where to; a line has this ``level``, or without one that which
    follows from its status as in ``django.core.servers.basehttp``. Its record
    has the attributes that Django's ServerFormatter and handlers look at:
    ``request`` (the exchange or the socket), ``status_code`` and
    ``server_time``.
    """

    def __init__(self, logger, level=None):
        self.logger = logger
        self._level = level

    def http(self, exchange, status, size):
        """``size`` is the length of the body that was sent, in bytes."""
        level = self._level or _level(status)
        if self.logger.isEnabledFor(level):
            args = (exchange.request_line, str(status), str(size))
            self._line(level, '"%s" %s %s', args, exchange, status)

    def refused(self, connection, status, data):
        """
        ``data`` is what the server could not take for a request, from its
        beginning on. Only a first line that looks like a request's is logged:
        all else may be a cookie, or a form.
        """
        if data.startswith(b"\x16\x03"):
            # 0x16 = Handshake, 0x03 = SSL 3.0 or TLS 1.x
            text = "You're accessing the server over HTTPS, but it only supports HTTP."
            self._line(logging.ERROR, text, (), connection, 500)
            return
        line = _LINE.match(data)
        line = line[0][:200].decode("latin-1") if line else ""
        args = (shown(line), str(status))
        self._line(_level(status), '"%s" %s -', args, connection, status)

    def connect(self, path, status, socket):
        """``status`` answered the handshake: 101, or why it was refused."""
        args = (shown(path), status)
        self._line(_level(status), '"WebSocket CONNECT %s" %s', args, socket)

    def disconnect(self, path, code, socket):
        """``code`` is the close code (RFC 6455 section 7.4)."""
        args = (shown(path), code)
        self._line(logging.INFO, '"WebSocket DISCONNECT %s" %s', args, socket, 101)

    def _line(self, level, text, args, request, status=None):
        extra = {
            "request": request,
            "server_time": _now(),
            "status_code": args[1] if status is None else status,
        }
        self.logger.log(self._level or level, text, *args, extra=extra)


class NoAccessLog:
    """Writes nothing."""

    def http(self, exchange, status, size):
        pass

    def refused(self, connection, status, data):
        pass

    def connect(self, path, status, socket):
        pass

    def disconnect(self, path, code, socket):
        pass


def _level(status):
    if status >= 500:
        return logging.ERROR
    return logging.WARNING if status >= 400 else logging.INFO


def _now():
    year, month, day, hour, minute, second, *_ = time.localtime()
    return f"{day:02}/{_MONTHS[month - 1]}/{year} {hour:02}:{minute:02}:{second:02}"
