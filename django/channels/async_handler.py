"""Middleware and views in their async form, for a worker's event loop."""

from .application import SyncHandler
from .trips import Trips


class AsyncHandler(SyncHandler):
    """Middleware and views in their async form, over the same requests."""

    is_async = True

    async def get_response_async(self, request):
        return await self.trips.get_response(request)

    @property
    def trips(self):
        return Trips.of(self)
