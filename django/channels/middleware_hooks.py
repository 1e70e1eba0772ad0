"""Middleware that is but its hooks, found in a handler's chain."""

from asgiref.sync import iscoroutinefunction

from django.utils.deprecation import MiddlewareMixin

from .originals import original

_call = original(MiddlewareMixin, MiddlewareMixin.__call__)
_acall = original(MiddlewareMixin, MiddlewareMixin.__acall__)


def outer_middleware(handler):
    """
    Return the middleware outside of any other kind of middleware, as a list,
    and the handler inside of it.
    """
    found = []
    while has_plain_hooks(middleware := getattr(handler, "__wrapped__", None)):
        found.append(middleware)
        handler = middleware.get_response
    return found, handler


def has_plain_hooks(middleware):
    """Tell whether its hooks are all there is to the middleware."""
    kind = type(middleware)
    return (
        isinstance(middleware, MiddlewareMixin)
        and kind.__call__ is _call
        and kind.__acall__ is _acall
        and not any(
            iscoroutinefunction(getattr(middleware, name, None))
            for name in ("process_request", "process_response")
        )
    )
