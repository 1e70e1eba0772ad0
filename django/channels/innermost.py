"""What is inside of a handler's middleware: the view, and the hooks around it."""

from copy import copy
from operator import attrgetter

from asgiref.sync import async_to_sync, iscoroutinefunction

from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import (
    convert_exception_to_response,
    response_for_exception,
)

from .async_views import is_async_view


class Innermost:
    """
    The innermost part of an async handler whose ``middleware``, all of it, is
    but its hooks. ``run()``, in the request's thread, does all that need not be
    on the event loop; ``on_loop()`` does the rest.
    """

    def __init__(self, handler, middleware):
        self._resolve = handler.resolve_request
        self._plain = plain = after_resolving(handler)
        # The same as load_middleware() has them without an event loop.
        plain._view_middleware = hooks(plain, middleware, "process_view")
        plain._template_response_middleware = hooks(
            plain, reversed(middleware), "process_template_response"
        )
        plain.check_response = check_and_adapt(handler.check_response)
        self._call_plain = convert_exception_to_response(plain._get_response)
        on_loop = after_resolving(handler)
        on_loop._view_middleware = []
        self.on_loop = convert_exception_to_response(on_loop._get_response_async)

    def run(self, request):
        """Return the response, or None where an async view is to make it."""
        try:
            match = self._resolve(request)
            if not is_async_view(match.func):
                return self._call_plain(request)
            for process_view in self._plain._view_middleware:
                response = process_view(request, *match)
                if response:
                    return self._answered(request, response)
        except Exception as error:
            return response_for_exception(request, error)

    def _answered(self, request, response):
        """Do what comes after a process_view() that returned a response."""
        plain = copy(self._plain)
        plain._view_middleware = [lambda *args: response]
        return convert_exception_to_response(plain._get_response)(request)


def is_innermost(handler):
    """Tell whether it's the end of an async chain of middleware."""
    method = getattr(handler, "__wrapped__", None)
    return getattr(method, "__func__", None) is BaseHandler._get_response_async


def after_resolving(handler):
    """Return a copy of the handler for requests that were resolved."""
    handler = copy(handler)
    handler.resolve_request = attrgetter("resolver_match")
    return handler


def hooks(handler, middleware, name):
    """Return the middleware's methods of that name, in their plain form."""
    methods = [getattr(each, name) for each in middleware if hasattr(each, name)]
    return [handler.adapt_method_mode(False, method) for method in methods]


def check_and_adapt(check_response):
    """Return a check_response() after which render() isn't async."""

    def check(response, callback, name=None):
        check_response(response, callback, name)
        if hasattr(response, "render") and iscoroutinefunction(response.render):
            response.render = async_to_sync(response.render)

    return check
