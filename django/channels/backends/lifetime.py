"""What shared backends do when their process is forked, and when it ends."""

import atexit
import logging
import os
import weakref

logger = logging.getLogger("django.channels")

_backends = weakref.WeakSet()


def look_after(backend):
    """
    Have a SharedChannelBackend begin anew in a child process, and delete its
    inbox when the process ends.
    """
    _backends.add(backend)


def _after_fork():
    for backend in list(_backends):
        # The parent's sockets and threads aren't this process's.
        backend._begin()
        backend._forked()


@atexit.register
def _close_inboxes():
    """Say goodbye, so that nobody waits for the lease to end."""
    for backend in list(_backends):
        if backend._open:
            try:
                backend.close()
            except Exception:
                logger.debug("%s could not be closed.", backend, exc_info=True)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
