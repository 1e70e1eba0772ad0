"""A request's body on its way to another process: both ends."""

from io import BytesIO
from tempfile import SpooledTemporaryFile

from django.conf import settings

from .exceptions import InvalidMessage


class BodyParts:
    """
    What is left to send of a body that ``read(size)`` reads, in parts of
    ``size`` bytes. ``more`` tells whether there are any.
    """

    def __init__(self, read, size):
        self._read = read
        self._size = size
        self.more = True

    @classmethod
    def of(cls, request, size):
        """
        Return the first part of the HttpRequest's body, and the BodyParts that
        are left. A body that is small enough stays with the request, too.
        """
        if hasattr(request, "_body"):
            parts = cls(BytesIO(request._body).read, size)
            return parts.next(), parts
        if request._read_started:
            raise InvalidMessage(
                "The request's body was already read, and can't be sent. Let only "
                "the view and the middleware read it."
            )
        parts = cls(request.read, size)
        first = parts.next()
        if not parts.more:
            request._body = first
            request._stream = BytesIO(first)
        return first, parts

    def next(self):
        """Return the next part; an empty one can be the last."""
        data = self._read(self._size)
        while 0 < len(data) < self._size and (
            rest := self._read(self._size - len(data))
        ):
            data += rest
        self.more = len(data) == self._size
        return data


class BodyFile:
    """
    Collects a body that comes in parts, as an upload's: in memory up to
    FILE_UPLOAD_MAX_MEMORY_SIZE bytes, past it in a temporary file. ``whole``
    tells that all of it has come.
    """

    def __init__(self, first):
        self.file = SpooledTemporaryFile(
            max_size=settings.FILE_UPLOAD_MAX_MEMORY_SIZE,
            dir=settings.FILE_UPLOAD_TEMP_DIR,
        )
        self.file.write(first)
        self.whole = False
        self._asked = 0

    def ask(self, window):
        """
        Return how many more parts to ask for now, so that up to ``window`` of
        them are on their way: not always, to save messages.
        """
        if self.whole or self._asked > window // 2:
            return 0
        number, self._asked = window - self._asked, window
        return number

    def add(self, content):
        self.file.write(content["body"])
        self._asked -= 1
        if not content.get("more_body"):
            self.whole = True
            self.file.seek(0)

    def close(self):
        self.file.close()
