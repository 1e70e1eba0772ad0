"""
Channels in tests. There is nothing to set up: each test of SimpleTestCase and
its subclasses has channels of its own, the methods of ChannelAssertions and,
in both clients, ``websocket()``. See docs/topics/channels.txt.
"""

from django.channels.testing import isolation
from django.channels.testing.assertions import ChannelAssertions
from django.channels.testing.sent_message import SentMessage

__all__ = [  # NOQA: F822
    "AsyncWebSocket",
    "ChannelAssertions",
    "ChannelTestMixin",
    "ChannelsLiveServerTestCase",
    "SentMessage",
    "WebSocket",
]

# Tells unittest to leave the frames of this module out of tracebacks.
__unittest = True


class ChannelTestMixin(ChannelAssertions):
    """
    The base of SimpleTestCase that gives each test channels of its own.

    ``configured_channel_backends``
        The aliases of CHANNEL_BACKENDS that are used as they're configured,
        not replaced by channels in memory, or "__all__".
    ``run_messages_when_sent``
        Whether consumers run as soon as their message was sent.
    """

    configured_channel_backends = frozenset()
    run_messages_when_sent = False
    # Whether the backends are those of the class, for a server that uses them.
    _shares_channel_backends = False

    @classmethod
    def setUpClass(cls):
        isolation.begin(cls.configured_channel_backends)
        cls.addClassCleanup(isolation.end)
        super().setUpClass()

    def __call__(self, result=None):
        self._begin_channels()
        try:
            return super().__call__(result)
        finally:
            isolation.end()

    def debug(self):
        self._begin_channels()
        try:
            super().debug()
        finally:
            isolation.end()

    def _begin_channels(self):
        isolation.begin(
            self.configured_channel_backends,
            self.run_messages_when_sent,
            self._shares_channel_backends,
        )


def websocket(self, path, **options):
    """
    Open a WebSocket as this client, with its cookies and headers. See
    django.channels.testing.websocket.WebSocket.
    """
    from django.channels.testing.websocket import WebSocket

    return WebSocket(self, path, **options).connect()


def async_websocket(self, path, **options):
    """
    Return a WebSocket to open with ``await`` or ``async with``. See
    django.channels.testing.async_websocket.AsyncWebSocket.
    """
    from django.channels.testing.async_websocket import AsyncWebSocket

    return AsyncWebSocket(self, path, **options)


def __getattr__(name):
    # Both need more than Django's tests without WebSockets ever import.
    if name == "ChannelsLiveServerTestCase":
        from django.channels.testing.live import ChannelsLiveServerTestCase

        return ChannelsLiveServerTestCase
    if name == "WebSocket":
        from django.channels.testing.websocket import WebSocket

        return WebSocket
    if name == "AsyncWebSocket":
        from django.channels.testing.async_websocket import AsyncWebSocket

        return AsyncWebSocket
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
