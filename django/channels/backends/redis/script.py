"""Scripts for the server, and the texts that it answers with."""

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

    def command(self, keys, args):
        """Return the parts of the command that calls it."""
        return (b"EVALSHA", self.sha, len(keys), *keys, *args)


def unpack(data):
    """Return stored bytes as a text. Whoever reaches the server may store any."""
    return data.decode(errors="replace")
