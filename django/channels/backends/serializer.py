"""What is stored of messages, as bytes."""

import logging

from django.channels import codec
from django.channels.exceptions import InvalidMessage, MessageTooLarge

from .encryption import Cipher

logger = logging.getLogger("django.channels")

# Places that aren't channels: no channel's name begins like these.
INBOX = "!inbox"
RESULT = "!result "
ERROR = "!error "


# How many bytes a message may come to by default.
LARGEST_MESSAGE = 1024 * 1024


def too_large(size, largest, owner):
    """Return the MessageTooLarge of a message with ``size`` bytes."""
    return MessageTooLarge(
        f"The message has {size} bytes; at most {largest} are sent. Send a reference "
        f"to what is large, such as a key or a path, or raise "
        f"OPTIONS['MAX_MESSAGE_BYTES'] in {owner}."
    )


class Serializer:
    """
    Makes bytes of plain dicts and back, encrypted if there are ``keys``: see
    Cipher, whose ValueError it raises. ``largest`` is how many bytes a dict
    may come to, before it's encrypted. ``owner`` is the backend, as texts for
    people name it. ``place`` is where the bytes are stored, such as a channel's
    name: what is encrypted is only read from there.
    """

    def __init__(self, owner, largest, keys):
        self.owner = owner
        self.largest = largest
        self._cipher = Cipher(keys)

    def dumps(self, content, place):
        """Raise InvalidMessage, or MessageTooLarge."""
        try:
            data = codec.encode(content)
        except RecursionError as error:
            raise InvalidMessage("The message is nested too deeply.") from error
        except (AttributeError, TypeError, ValueError) as error:
            # Which key it is, plain() finds out.
            codec.plain(content)
            raise InvalidMessage(f"The message can't be sent: {error}") from error
        if len(data) > self.largest:
            raise too_large(len(data), self.largest, self.owner)
        return self._cipher.encrypt(data, place)

    def loads(self, data, place):
        """Return the dict, or None, which is logged, for what is none."""
        try:
            return codec.decode(self._cipher.decrypt(data, place))
        except (ValueError, RecursionError):
            logger.error(
                "%s: data could not be read. Do all processes have the same version "
                "and the same ENCRYPTION_KEYS?",
                self.owner,
            )
            return None

    def dumps_text(self, text, place):
        """Do it with a text, of any length."""
        return self._cipher.encrypt(text.encode(errors="replace"), place)

    def loads_text(self, data, place):
        """Return the text. Raise ValueError for what is none."""
        return self._cipher.decrypt(data, place).decode()
