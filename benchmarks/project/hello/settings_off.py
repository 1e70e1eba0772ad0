"""The same with channels switched off."""

from .settings import *  # noqa: F401,F403

CHANNEL_HTTP_BACKEND = None
