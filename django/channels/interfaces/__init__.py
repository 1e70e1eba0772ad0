"""
The interface server: HTTP/1.1 and WebSocket on one port.

The only part of Django that imports Twisted, Autobahn and httptools; nothing
imports it before a server is wanted. The way through it:

``development``
    ``run()``, what ``runserver`` calls. Imports nothing but the standard
    library and Django until it is called.
``options``
    Those of ``runwsserver``, and which go together.
``server``, ``workers``, ``requests``, ``signals``, ``shutdown``
    ``InterfaceServer``: ports, the reactor's thread, start and stop; what its
    process receives; the way of its requests; the signals that stop it; what
    becomes of its connections then.
``listeners``, ``ports``, ``endpoints``, ``unix_port``, ``drain``
    What it listens on, alone or with other processes; how Twisted takes
    connections there; TLS, Unix sockets and inherited descriptors, by Twisted's
    descriptions; telling clients to go when it stops.
``factory``, ``http``
    What connections share; one client connection: its phases, its deadlines.
``intake``, ``parser``, ``turns``, ``upgrade``, ``failures``, ``ending``
    A connection's bytes, no more than it has room for; as requests; their
    responses, in order; a request for another protocol; what answers those that
    couldn't be sent; its end, with nothing lost.
``request``, ``body``, ``proxies``, ``limits``
    What a request says and whether it may be served; its body while it comes
    in; what proxies say of its client; how much and how long that may take.
``exchange``, ``stream``
    One request and its response: what a worker's thread answers with; a
    response in parts.
``head``
    The bytes of a response's head.
``mailbox``, ``outbox``, ``wakeups``, ``outlet``, ``reactor``, ``epoll``
    From any thread to the reactor's; from there to a backend that it can't
    wait for, and to workers of this process; from a connection to its
    transport; the process's one reactor, and its kind.
``conversation``, ``relay``, ``backlog``, ``close_codes``
    What one WebSocket may do when: a state machine without sockets or clock;
    its messages to the workers, one at a time; the frames that wait for its
    consumers; the numbers that say why it ends.
``handshake``, ``admission``, ``payload``, ``frames``
    May this request become a WebSocket, and what the consumers are told; the
    log of those that may not; the WebSocket message that a channel message
    stands for; its frame, and the frame that is all of a client's message.
``edge``, ``sockets``, ``watch``
    The conversation's edge, whatever carries it; all the sockets of a server;
    which of their messages the workers have had for too long.
``websocket``, ``opening``, ``framing``, ``websocket_factory``, ``compression``,
``quiet_log``
    The edge on Autobahn, which reads all but whole, small messages; its opening
    handshake; what all edges share for it; how messages are compressed; what it
    logs.
``asgi``, ``asgi_connection``, ``asgi_socket``, ``asgi_worker``
    WebSockets of an ASGI server that Django runs in: the application; what a
    scope says; the edge on an ASGI server; the process's worker. They import
    neither Twisted nor Autobahn.
``access``, ``mails``
    Lines of the access log; error mails that no server's thread waits for.
"""
