import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "channels4.settings")

django_application = get_asgi_application()

from channels4.consumers import AsyncEcho, Echo, Everybody  # NOQA: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # NOQA: E402

from django.urls import path  # NOQA: E402

application = ProtocolTypeRouter(
    {
        "http": django_application,
        "websocket": URLRouter(
            [
                path("echo/", Echo.as_asgi()),
                path("async/", AsyncEcho.as_asgi()),
                path("group/", Everybody.as_asgi()),
            ]
        ),
    }
)
