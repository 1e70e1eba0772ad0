"""What answers a request that its channel's backend didn't take."""

import logging

from django.channels.exceptions import (
    BackendUnavailable,
    ChannelFull,
    MessageTooLarge,
)

logger = logging.getLogger("django.channels.server")


def answer_to(error):
    """
    Return a status, headers, and whether the connection must end with them.
    Log what isn't the way of things.
    """
    if not isinstance(error, ChannelFull):
        logger.error("A request could not be sent to its channel.", exc_info=error)
    if isinstance(error, ChannelFull) or getattr(error, "unsent", False):
        return 503, [("Retry-After", "1")], False
    if isinstance(error, BackendUnavailable):
        return 502, (), False
    if isinstance(error, MessageTooLarge):
        return 413, (), False
    return 500, (), True
