"""A request's body while it comes in."""

import tempfile

from django.conf import settings

from .request import Refused


class Body:
    """
    Collects a body's pieces, in memory up to FILE_UPLOAD_MAX_MEMORY_SIZE bytes
    and past it in a temporary file. Refuses, with 413, more than ``limit``.
    """

    def __init__(self, limit):
        self._limit = limit
        self._memory = settings.FILE_UPLOAD_MAX_MEMORY_SIZE
        self._pieces = []
        self.size = 0
        self._file = None

    def add(self, data):
        self.size += len(data)
        if self.size > self._limit:
            raise Refused(413)
        if self._file is not None:
            self._file.write(data)
            return
        self._pieces.append(data)
        if self.size > self._memory:
            self._file = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)
            self._file.writelines(self._pieces)
            self._pieces = []

    def finish(self):
        """Return the body's bytes and None, or b"" and the file, at its start."""
        if self._file is None:
            return b"".join(self._pieces), None
        file, self._file = self._file, None
        file.seek(0)
        return b"", file

    def close(self):
        """Drop what has come in."""
        if self._file is not None:
            self._file.close()
