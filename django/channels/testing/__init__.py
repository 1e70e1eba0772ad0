"""
What ``django.test`` has for channels. Nothing here imports Twisted or Autobahn
before a live server is started.

``isolation``
    The channels of one test: backends in its memory alone, what was sent, the
    consumers that it registered, its clock.
``stand_ins``
    The backends in memory of which it consists.
``running``
    The worker's step, in the test's own thread.
``assertions``
    The assertions and other methods of test cases; ``sent_message`` is what
    they return.
``websocket``, ``async_websocket``
    ``client.websocket()``: the client's end of a socket. ``base_websocket`` is
    what they share, and ``edge`` the server's end, with the interface server's
    own conversation behind it.
``live``
    A test case with a live interface server.
``encoding``
    A backend in memory, to configure, that encodes and decodes each message.
``backend_suite``
    Tests that every backend should pass, for those who write one.

Users import from ``django.test`` and ``django.test.channels``.
"""
