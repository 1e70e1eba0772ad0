"""Telling which requests belong on an event loop: those of async views."""

from functools import lru_cache

from asgiref.sync import iscoroutinefunction

from django.urls import get_resolver


def leads_to_async_view(path, urlconf=None):
    """Tell whether the view of ``path`` is async; None means ROOT_URLCONF."""
    try:
        resolver = get_resolver(urlconf)
        return has_async_views(resolver) and is_async(resolver, path)
    except Exception:
        # Not found, or a broken URLconf: the handler makes a page of it.
        return False


@lru_cache(maxsize=4096)
def is_async(resolver, path):
    """
    Tell whether the view of ``path`` is async. A cached answer that is no
    longer true costs time but is no error: both ways run both kinds of views.
    """
    return iscoroutinefunction(resolver.resolve(path).func)


def is_async_view(view):
    """Tell whether a view is async, as iscoroutinefunction() does in 5 µs."""
    try:
        return _is_coroutine_function(view)
    except TypeError:
        # It can't be hashed.
        return iscoroutinefunction(view)


_is_coroutine_function = lru_cache(maxsize=1024)(iscoroutinefunction)


@lru_cache(maxsize=1024)
def has_async_views(resolver):
    """Tell whether any view below the URLResolver is async; found out once."""
    return any(
        (
            has_async_views(pattern)
            if hasattr(pattern, "url_patterns")
            else iscoroutinefunction(pattern.callback)
        )
        for pattern in resolver.url_patterns
    )
