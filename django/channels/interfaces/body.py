"""A request's body while it comes in."""

import logging
import tempfile
from contextlib import contextmanager, suppress
from io import BytesIO

from django.conf import settings

from .request import Refused

logger = logging.getLogger("django.channels.server")


class Body:
    """
    Collects a body's pieces, in memory up to FILE_UPLOAD_MAX_MEMORY_SIZE bytes
    and past it in a temporary file. Refuses, with 413, more than ``limit``, and with
    503 what can't be written to the file: the disk may be full.
    """

    def __init__(self, limit):
        self._limit = limit
        self._memory = settings.FILE_UPLOAD_MAX_MEMORY_SIZE
        # Not a list: two bytes in a chunk of their own would take forty in it.
        self._pieces = BytesIO()
        self.size = 0
        self._file = None

    def add(self, data):
        self.size += len(data)
        if self.size > self._limit:
            raise Refused(413)
        if self._file is not None:
            with self._storing():
                self._file.write(data)
            return
        self._pieces.write(data)
        if self.size > self._memory:
            with self._storing():
                self._file = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)
                self._file.write(self._pieces.getvalue())
            self._pieces = None

    def finish(self):
        """Return the body's bytes and None, or b"" and the file, at its start."""
        if self._file is None:
            return self._pieces.getvalue(), None
        with self._storing():
            # What is in its buffer is written.
            self._file.seek(0)
        file, self._file = self._file, None
        return b"", file

    def close(self):
        """Drop what has come in."""
        self._pieces = None
        if self._file is not None:
            # It writes its buffer, and is closed even if it can't.
            with suppress(OSError):
                self._file.close()

    @contextmanager
    def _storing(self):
        try:
            yield
        except OSError as error:
            logger.error(
                "A request's body could not be written to a temporary file, and was "
                "refused with 503. Make room there, or set FILE_UPLOAD_TEMP_DIR to "
                "another directory: %s",
                error,
            )
            self.close()
            raise Refused(503) from None
