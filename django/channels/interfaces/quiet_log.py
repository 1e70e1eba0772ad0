"""What Autobahn and Twisted have to say, in Django's log."""

import logging

logger = logging.getLogger("django.channels.server")


class QuietLog:
    """
    Autobahn's and Twisted's logger interface over ``django.channels.server``.

    What Autobahn warns of is mostly a client's doing: a lost connection, a
    broken frame. It is of interest while debugging.
    """

    def debug(self, text=None, **values):
        pass

    trace = debug

    def info(self, text=None, **values):
        logger.debug("%s", text.format(**values) if text else values)

    warn = info

    def error(self, text=None, **values):
        logger.error("%s", text.format(**values) if text else values)

    critical = error

    def failure(self, text=None, failure=None, **values):
        logger.error("%s %s", text, failure)
