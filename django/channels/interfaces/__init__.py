"""
The interface server: HTTP/1.1 and WebSocket on one port.

The only part of Django that imports Twisted, Autobahn and httptools; nothing
imports it before a server is wanted. The way through it:

``development``
    ``run()``, what ``runserver`` calls. Imports nothing but the standard
    library and Django until it is called.
``server``
    ``InterfaceServer``: ports, the reactor's thread, the worker, start and
    stop.
``http``
    One client connection: bytes to requests, answers in order, deadlines.
``exchange``
    One request and its response: what a worker's thread answers with.
``head``, ``flow``, ``mailbox``
    The bytes of a response's head; how fast a streamed response may be made;
    the way from any thread to the reactor's.
``conversation``
    What one WebSocket may do when: a state machine without sockets or clock.
``handshake``
    May this request become a WebSocket, and what the consumers are told.
``websocket``, ``sockets``
    The conversation's edge on Autobahn; all the sockets of one server.
``access``
    Lines of the access log.
"""
