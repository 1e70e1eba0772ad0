"""Encryption of what is stored, for stores that others can read."""


class Cipher:
    """
    Encrypts with the first of ``keys``, and decrypts with any of them, so that
    keys can be changed without a break. Without keys, None, it does nothing.

    The keys are those of the package cryptography's Fernet (AES in CBC mode,
    authenticated with HMAC); ``Fernet.generate_key()`` makes one. Raise
    ValueError if they aren't, or the package isn't installed.

    What is encrypted is bound to its ``place``, a text without NUL: who can
    write to the store, but has no key, can't pass what a client has sent to
    one channel off as a message of another; save what is sent to a group, whose
    members aren't encrypted.
    """

    def __init__(self, keys):
        self._fernet = None
        if keys is None:
            return
        if not isinstance(keys, (list, tuple)):
            raise ValueError("must be a list of keys.")
        if not keys:
            # Perhaps one that was to be filled from the environment.
            raise ValueError(
                "must have at least one key. To send messages unencrypted, leave it "
                "out."
            )
        try:
            from cryptography.fernet import Fernet, MultiFernet
        except ImportError as error:
            raise ValueError(
                "the package cryptography isn't installed: pip install "
                "'Django[encryption]'."
            ) from error
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except (TypeError, ValueError, AttributeError) as error:
            # Without the error's text, which may have part of a key in it.
            raise ValueError(
                "each key must be one that cryptography.fernet.Fernet.generate_key() "
                "made."
            ) from error

    def encrypt(self, data, place):
        if self._fernet is None:
            return data
        return self._fernet.encrypt(place.encode() + b"\0" + data)

    def decrypt(self, data, place):
        """
        Raise ValueError for what was encrypted with no key or another, or for
        another place.
        """
        if self._fernet is None:
            return data
        from cryptography.fernet import InvalidToken

        try:
            found, _, data = self._fernet.decrypt(bytes(data)).partition(b"\0")
        except InvalidToken as error:
            raise ValueError("Encrypted with another key.") from error
        if found != place.encode():
            raise ValueError("Encrypted for another place.")
        return data
