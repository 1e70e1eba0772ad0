"""A Unix socket that another process listens on, too."""

from twisted.internet import unix

from .reactor import reactor


class AdoptedUnixPort(unix.Port):
    """
    On a socket that another process has made. Its file is left as it is, where
    Twisted's own port would change its mode, and delete it in the end.
    """

    def __init__(self, listener, factory, backlog):
        # A name that is in no folder, so that there is no file to see to.
        super().__init__("\0", factory, backlog, reactor=reactor)
        self._preexistingSocket = listener
