"""A request that asks for another protocol (RFC 9110 section 7.8)."""


class Upgrade:
    """
    The request, and ``rest``, what came after its head, while the requests
    before it are answered. ``limit`` is how many bytes may come meanwhile.
    """

    def __init__(self, head, rest, limit):
        self.head = head
        self.rest = rest
        self._limit = limit

    def add(self, data):
        """Keep what has come. Return whether more may come."""
        self.rest += data
        return len(self.rest) <= self._limit

    def ignored(self):
        """
        Return the bytes of the request without the offer, and of what comes
        after it: a server may ignore it, but not what else the client says of
        the connection.
        """
        head = self.head
        plain = head.serialize(without={"upgrade", "connection"})
        line, _, others = plain.partition(b"\r\n")
        options = {"close", "keep-alive"}.intersection(head.tokens("connection"))
        said = "".join(f"connection: {option}\r\n" for option in sorted(options))
        return b"%b\r\n%b%b%b" % (line, said.encode(), others, self.rest)
