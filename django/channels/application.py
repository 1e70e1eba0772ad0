"""The WSGI application behind an interface server, whatever its kind."""

import inspect
from functools import lru_cache
from types import FunctionType, MethodType

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.http import StreamingHttpResponse

# The methods of a WSGIHandler that a request of an async view passes by.
METHODS = (
    "get_response",
    "get_response_async",
    "load_middleware",
    "resolve_request",
    "_get_response",
    "_get_response_async",
)


def is_core_handler(application):
    """
    Tell whether the application is Django's own, so that its get_response()
    is all there is to it. What wraps it in WSGI middleware isn't, nor is one
    whose __call__() a tool has replaced.
    """
    return isinstance(application, WSGIHandler) and _is_called_as_ever(application)


def has_async_twin(application):
    """
    Tell whether an AsyncHandler does what the application does: whether it is
    Django's own, with nothing of a subclass's or a tool's.
    """
    # First: what is none of Django's may have no hash.
    return isinstance(application, WSGIHandler) and _has_async_twin(application)


@lru_cache(maxsize=64)
def _has_async_twin(application):
    return (
        is_core_handler(application)
        and application.request_class is WSGIRequest
        and has_only_djangos(application, METHODS)
    )


def has_only_djangos(handler, names):
    """
    Tell whether the handler's methods, where it has them, are those that
    Django's handlers have in common; that of static files has others.
    """
    methods = [getattr(handler, name) for name in names if hasattr(handler, name)]
    # By their very types: a tool's proxy looks like what it has replaced.
    return all(
        type(method) is MethodType and _file(method.__func__) in _files()
        for method in methods
    )


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
def _is_called_as_ever(application):
    from django.contrib.staticfiles.handlers import StaticFilesHandler

    file = _file(type(application).__call__)
    return file in _files() or file == inspect.getfile(StaticFilesHandler)


def _file(function):
    """Return where the function is from, or None if it's a tool's."""
    return function.__code__.co_filename if type(function) is FunctionType else None


@lru_cache(maxsize=None)
def _files():
    return {inspect.getfile(each) for each in (BaseHandler, WSGIHandler, ASGIHandler)}


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
    def run(cls, application, environ, begin=lambda: None):
        """
        Call the application and return its response. ``begin()`` is called when
        it says that there is one, which it makes from then on.
        """
        started, written, sent = [], [], []

        def start_response(status, headers, exc_info=None):
            if exc_info and (sent or any(written)):
                raise exc_info[1].with_traceback(exc_info[2])
            begin()
            started[:] = [status, headers]
            return written.append

        result = application(environ, start_response)
        try:
            response = cls._begin(started, written, result)
        except BaseException:
            if hasattr(result, "close"):
                result.close()
            raise
        sent.append(True)
        return response

    @classmethod
    def _begin(cls, started, written, result):
        chunks = iter(result)
        # Until there is a part of the body, an application may call
        # start_response(), or take its word back.
        first = b"" if written else next((chunk for chunk in chunks if chunk), b"")
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
