"""Commands and scripts as the server reads them."""

from hashlib import sha1


class Script:
    """A script in Lua, ``text``, which is bytes, for the server behind a Wire."""

    def __init__(self, wire, text):
        self.wire = wire
        self.text = text
        self.sha = sha1(text).hexdigest()

    def __call__(self, keys, args):
        """Return what it returns."""
        return self.wire.call((self, keys, args))[0]

    def packed(self, keys, args):
        """Return the command that calls it."""
        return pack((b"EVALSHA", self.sha, len(keys), *keys, *args))


def pack(args):
    """Return a command, of bytes, texts and ints, as the server reads it."""
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        kind = type(arg)
        if kind is str:
            arg = arg.encode()
        elif kind is not bytes:
            arg = b"%d" % arg if kind is int else str(arg).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(arg), arg))
    return b"".join(parts)


def unpack(data):
    """Return stored bytes as a text. Whoever reaches the server may store any."""
    return data.decode(errors="replace")
