"""The middleware and view of an async handler, in few trips to a thread."""

from asgiref.sync import sync_to_async

from django.conf import settings
from django.core.handlers.exception import response_for_exception
from django.urls import set_urlconf

from .application import has_only_djangos
from .failures import finished
from .innermost import Innermost, is_innermost
from .middleware_hooks import outer_middleware

# The methods of a handler that are passed by.
METHODS = (
    "handle",
    "run_get_response",
    "send_response",
    "get_response_async",
    "_get_response_async",
    "_get_response",
    "resolve_request",
)


class Trips:
    """
    What a handler's get_response_async() does, for its loaded middleware.

    In Django, each process_request(), process_view() and process_response() is
    a trip to the request's thread of its own, and so is a plain view: these
    trips are most of what a request costs there. Here the hooks of the outermost
    middleware, as far as it's all plain hooks, are called in one trip before
    the rest, ``open()``, and in another after it, ``close()``. If all of the
    middleware is like that, the first trip brings a plain view's response, too,
    and the rest, ``inner()``, is an async view and nothing else. Without such a
    rest it's one trip in all, ``begin()``.

    Hooks and methods are looked for at each request, as Django does it: a test
    may have replaced them since the last.
    """

    def __init__(self, handler):
        self.chain = handler._middleware_chain
        self._handler = handler
        self._middleware, self._inner = outer_middleware(self.chain)
        self._innermost = None
        if is_innermost(self._inner):
            self._innermost = Innermost(handler, self._middleware)

    @property
    def are_due(self):
        """
        Whether a handler of Django's may be spared its own way: whether that is
        Django's, and neither a subclass's nor a tool's.
        """
        return has_only_djangos(self._handler, METHODS)

    @classmethod
    def of(cls, handler):
        """Return the handler's, which is made once."""
        trips = getattr(handler, "_trips", None)
        if trips is None or trips.chain is not handler._middleware_chain:
            trips = handler._trips = cls(handler)
        return trips

    async def get_response(self, request):
        set_urlconf(settings.ROOT_URLCONF)
        if self._middleware:
            response, level = await begin(self, request)
            if response is not None:
                return response
            response = await self.inner(request)
            return await close(self, request, response, level)
        response = await self._inner(request)
        if response.status_code >= 400:
            # What is logged may take a while.
            return await close(self, request, response, 0)
        return self.close(request, response, 0)

    def begin(self, request):
        """
        Do, in the request's thread, all that need not be on the event loop.
        Return the closed response, or None if inner() is to make it, and what
        close() is told then.
        """
        response, level = self.open(request)
        if response is None:
            return None, level
        return self.close(request, response, level), level

    def open(self, request):
        """
        Do, in the request's thread, what comes before the rest, inner(). Return
        a response that makes it unnecessary, or None, and what close() is told.
        """
        set_urlconf(settings.ROOT_URLCONF)
        for level, middleware in enumerate(self._middleware):
            process_request = getattr(middleware, "process_request", None)
            if process_request is None:
                continue
            try:
                response = process_request(request)
            except Exception as error:
                return response_for_exception(request, error), level
            if response:
                return response, level + 1
        response = None
        if self._innermost is not None:
            response = self._innermost.run(request)
        return response, len(self._middleware)

    async def inner(self, request):
        """Do what comes between open() and close(), on the event loop."""
        if self._innermost is not None:
            return await self._innermost.on_loop(request)
        return await self._inner(request)

    def close(self, request, response, level):
        """Do, in the request's thread, what comes last. Return the response."""
        for middleware in reversed(self._middleware[:level]):
            process_response = getattr(middleware, "process_response", None)
            if process_response is None:
                continue
            try:
                response = process_response(request, response)
            except Exception as error:
                response = response_for_exception(request, error)
        return finished(request, response)


# Made once: it's a tenth of what a trip costs.
begin, close = sync_to_async(Trips.begin), sync_to_async(Trips.close)
