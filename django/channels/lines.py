"""Text from elsewhere in lines of a log or a terminal."""


def shown(text):
    """Return ``text`` as one line of a log that can't be forged or garbled."""
    return text if text.isprintable() else ascii(text)[1:-1]
