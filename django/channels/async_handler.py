"""Middleware and views in their async form, for a worker's event loop."""

import logging

from .application import SyncHandler
from .async_views import leads_to_async_view
from .trips import Trips

logger = logging.getLogger("django.channels.worker")


class AsyncHandler(SyncHandler):
    """Middleware and views in their async form, over the same requests."""

    is_async = True

    async def get_response_async(self, request):
        return await self.trips.get_response(request)

    @property
    def trips(self):
        return Trips.of(self)


def begins_async_view(path, urlconf=None):
    """
    Tell whether the view of ``path`` is async and can run on an event loop: see
    leads_to_async_view() and is_made().
    """
    return leads_to_async_view(path, urlconf) and is_made()


def is_made():
    """
    Make the process's AsyncHandler, and tell whether that was possible. Not on
    an event loop, please: middleware may use the database when it's made.
    """
    try:
        AsyncHandler.shared()
    except Exception:
        logger.exception("The middleware of async views could not be made.")
        return False
    return True
