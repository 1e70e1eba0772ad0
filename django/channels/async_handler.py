"""Middleware and views in their async form, with few trips to a thread."""

from asgiref.sync import iscoroutinefunction, sync_to_async

from django.conf import settings
from django.core.handlers.exception import response_for_exception
from django.urls import set_urlconf
from django.utils.deprecation import MiddlewareMixin
from django.utils.log import log_response

from .application import SyncHandler


class AsyncHandler(SyncHandler):
    """
    Middleware and views in their async form, over the same requests.

    In Django, each process_request() and process_response() is a trip to the
    request's thread of its own, and these trips are most of what an async
    request costs. Here those of the outermost middleware, as far as it's all
    plain hooks, are called in one trip before the view, ``open()``, and in
    another after it, ``close()``.
    """

    is_async = True

    def load_middleware(self, is_async):
        super().load_middleware(is_async)
        self._hooks, self._inner = outer_hooks(self._middleware_chain)

    async def get_response_async(self, request):
        set_urlconf(settings.ROOT_URLCONF)
        response, level = None, 0
        if self._hooks:
            response, level = await sync_to_async(self.open)(request)
        if response is None:
            response = await self._inner(request)
        if self._hooks or response.status_code >= 400:
            # What is logged may take a while, too.
            return await sync_to_async(self.close)(request, response, level)
        return self.close(request, response, level)

    def open(self, request):
        """
        Do, in the request's thread, what comes before the rest, inner(). Return
        a response that makes it unnecessary, or None, and what close() is told.
        """
        set_urlconf(settings.ROOT_URLCONF)
        for level, (process_request, _) in enumerate(self._hooks):
            if process_request is None:
                continue
            try:
                response = process_request(request)
            except Exception as error:
                return response_for_exception(request, error), level
            if response:
                return response, level + 1
        return None, len(self._hooks)

    async def inner(self, request):
        """Do what comes between open() and close(), on the event loop."""
        return await self._inner(request)

    def close(self, request, response, level):
        """Do, in the request's thread, what comes last. Return the response."""
        for _, process_response in reversed(self._hooks[:level]):
            if process_response is None:
                continue
            try:
                response = process_response(request, response)
            except Exception as error:
                response = response_for_exception(request, error)
        response._resource_closers.append(request.close)
        if response.status_code >= 400:
            log_response(
                "%s: %s",
                response.reason_phrase,
                request.path,
                response=response,
                request=request,
            )
        return response


def outer_hooks(handler):
    """
    Return the hooks of the middleware outside of any other kind of middleware,
    as (process_request, process_response) with None for what isn't there; and
    the handler inside of it.
    """
    found = []
    while has_plain_hooks(middleware := getattr(handler, "__wrapped__", None)):
        found.append(hooks_of(middleware))
        handler = middleware.get_response
    return found, handler


def has_plain_hooks(middleware):
    """Tell whether its hooks are all there is to the middleware."""
    kind = type(middleware)
    return (
        isinstance(middleware, MiddlewareMixin)
        and kind.__call__ is MiddlewareMixin.__call__
        and kind.__acall__ is MiddlewareMixin.__acall__
        and not any(map(iscoroutinefunction, hooks_of(middleware)))
    )


def hooks_of(middleware):
    return tuple(
        getattr(middleware, name, None)
        for name in ("process_request", "process_response")
    )
