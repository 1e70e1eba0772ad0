"""The WSGI application behind an interface server, whatever its kind."""

from functools import lru_cache

from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.http import StreamingHttpResponse


def is_core_handler(application):
    """
    Tell whether the application is Django's own, so that its get_response()
    is all there is to it. What wraps it in WSGI middleware isn't.
    """
    return _is_core_class(type(application))


def static_part(application, path):
    """
    Return the application that answers ``path``, and whether that is the
    handler of static files that stands before the other in development.
    """
    while hasattr(application, "_should_handle") and is_core_handler(application):
        if application._should_handle(path):
            return application, True
        application = application.application
    return application, False


@lru_cache(maxsize=64)
def _is_core_class(cls):
    from django.contrib.staticfiles.handlers import StaticFilesHandler

    known = {WSGIHandler.__call__, StaticFilesHandler.__call__}
    return issubclass(cls, WSGIHandler) and cls.__call__ in known


class SyncHandler(BaseHandler):
    """Middleware and views, for a worker's threads."""

    request_class = WSGIRequest
    is_async = False

    def __init__(self):
        super().__init__()
        self.load_middleware(is_async=self.is_async)

    @classmethod
    @lru_cache(maxsize=None)
    def shared(cls):
        """Return the process's handler."""
        return cls()


@receiver(setting_changed)
def forget_shared_handlers(**kwargs):
    # Any setting: middleware reads its own when it is made.
    SyncHandler.shared.cache_clear()


class WSGIResponse(StreamingHttpResponse):
    """What a WSGI application (PEP 3333) answers, as a response."""

    @classmethod
    def run(cls, application, environ):
        """Call the application and return its response."""
        started = []
        written = []

        def start_response(status, headers, exc_info=None):
            started[:] = [status, headers]
            return written.append

        result = application(environ, start_response)
        chunks = iter(result)
        # An application may wait with start_response() for the first chunk.
        first = next(chunks, b"") if not started else b""
        if not started:
            raise RuntimeError("The WSGI application never called start_response().")
        response = cls(cls._join(written, first, chunks))
        response._result = result
        status, headers = started
        code, _, reason = status.partition(" ")
        response.status_code = int(code)
        response.reason_phrase = reason
        del response.headers["Content-Type"]
        response.raw_headers = headers
        return response

    @staticmethod
    def _join(written, first, chunks):
        yield from written
        if first:
            yield first
        yield from chunks

    def items(self):
        """As they came: a header may be there more than once."""
        return self.raw_headers

    def close(self):
        # The application sends request_finished itself.
        self.closed = True
        if hasattr(self._result, "close"):
            self._result.close()
