"""Telling the service manager that the service is ready, or that it stops."""

import logging
import os
import socket

logger = logging.getLogger("django.channels")

VARIABLE = "NOTIFY_SOCKET"

READY = "READY=1"
STOPPING = "STOPPING=1"


def notify(state):
    """
    Send the state to the service manager, if one asked for it: a datagram to
    the Unix socket that NOTIFY_SOCKET names, as sd_notify(3) describes.
    """
    address = os.environ.get(VARIABLE)
    if not address or not hasattr(socket, "AF_UNIX"):
        return
    if address.startswith("@"):
        # In Linux's abstract namespace, which is written with a zero.
        address = f"\0{address[1:]}"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            # Rather than wait for a manager that doesn't read.
            sender.setblocking(False)
            sender.connect(address)
            sender.send(state.encode())
    except OSError as error:
        logger.warning("%s could not be sent to %s: %s", state, VARIABLE, error)
