"""The error that ends a command."""


class PatchsetError(Exception):
    """Raised when a step can't be done; says what to do about it."""
