"""Which handshakes a server takes to its consumers, and its log of the others."""

import logging

from django.channels import consumers, names
from django.channels.lines import shown

from .handshake import HostNotAllowed, OriginNotAllowed, check_handshake
from .request import Refused

logger = logging.getLogger("django.channels.server")
security_logger = logging.getLogger("django.security.DisallowedHost")

WEBSOCKET_CHANNELS = (
    names.WEBSOCKET_CONNECT,
    names.WEBSOCKET_RECEIVE,
    names.WEBSOCKET_DISCONNECT,
)


class Admission:
    def __init__(self):
        self._warned = False

    def check(self, head, content):
        """Raise Refused, and log it, if nobody is to hear of the handshake."""
        try:
            check_handshake(head, secure=content["scheme"] == "wss")
        except HostNotAllowed as error:
            security_logger.error("Invalid HTTP_HOST header: %r.", error.host)
            raise
        except OriginNotAllowed as error:
            security_logger.error(
                "WebSocket %s refused: its Origin %r isn't in ALLOWED_HOSTS, or isn't "
                "secure and the socket is.",
                shown(content["path"]),
                error.origin,
            )
            raise
        if not any(consumers.get(name) for name in WEBSOCKET_CHANNELS):
            if not self._warned:
                self._warned = True
                logger.warning(
                    "A WebSocket was refused: no consumer for websocket.connect, "
                    "websocket.receive or websocket.disconnect is registered."
                )
            raise Refused(404)
