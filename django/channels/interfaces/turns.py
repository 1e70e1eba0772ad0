"""The requests of one connection, and their responses, each in its turn."""

from collections import deque

from . import head
from .failures import answer_to


class Turns:
    """
    One request of a connection is with the workers at a time (``current``), so
    that answers go out in order; those that a client sends ahead wait in
    ``queue``. Answers arrive through the mailbox; one to a request that is no
    longer current has no reader and is dropped.

    Runs in the reactor's thread. ``post()`` of the mailbox is for the workers'.
    """

    def __init__(self, connection, factory):
        self.connection = connection
        self.factory = factory
        self.post = factory.mailbox.post
        self.access = factory.access
        self.current = None
        self.queue = deque()
        self._owed = 0

    def add(self, exchange):
        """Start the request, or let it wait for those before it."""
        connection = self.connection
        if self.current is None and not self.queue and not connection.outlet.blocked:
            self._start(exchange)
            if self.current is None:
                connection.go_on()
        else:
            self.queue.append(exchange)

    def start_next(self):
        """Start what waits, while nothing is with the workers or to be written."""
        while (
            self.queue and self.current is None and not self.connection.outlet.blocked
        ):
            self._start(self.queue.popleft())

    def drop_queue(self):
        while self.queue:
            self.queue.popleft().close_body()

    def drop(self):
        """The client has gone."""
        if self.current is not None:
            self.current.abandon()
            self.current = None
        self.drop_queue()

    def drained(self):
        """The client has taken what was written. Return whether that's all."""
        owed, self._owed = self._owed, 0
        if self.current is None:
            return True
        if self.current.flow is not None:
            self.current.flow.give(owed)
        return False

    def check(self, now):
        """Answer for the workers if they had their time."""
        exchange = self.current
        if exchange is not None and exchange.deadline is not None:
            if now >= exchange.deadline and not exchange.begun:
                self.current = None
                self._send_error(exchange, 504, close=True)
                exchange.abandon()
                self.connection.go_on()

    # What exchanges post, and the server.

    def not_sent(self, exchange, error):
        """Answer for a request that its channel's backend didn't take."""
        if exchange is self.current:
            self._refuse(exchange, error)
            self.connection.go_on()

    def answer(self, exchange, data, close):
        """Write the last bytes of the response, and go on to the next request."""
        if exchange is not self.current:
            return
        self.current = None
        connection = self.connection
        connection.outlet.write(data)
        if close:
            self._end_after()
        if not connection.outlet.blocked:
            connection.go_on()

    def write_part(self, exchange, data):
        """Write some of a streamed response."""
        if exchange is not self.current:
            return
        exchange.begun = True
        exchange.deadline = None
        outlet = self.connection.outlet
        outlet.write(data)
        if outlet.blocked:
            self._owed += len(data)
        else:
            exchange.flow.give(len(data))

    def break_off(self, exchange):
        """End a response that can't be finished, so that the client sees it."""
        if exchange is not self.current:
            return
        connection = self.connection
        if exchange.begun and exchange.ends_by_close:
            # An orderly end would tell the client that it has everything.
            connection.transport.abortConnection()
            return
        self.current = None
        if exchange.begun:
            # An answer to the next request would be taken for the rest of this.
            self._end_after()
        else:
            self._send_error(exchange, 500, close=True)
        if not connection.outlet.blocked:
            connection.go_on()

    def _start(self, exchange):
        factory = self.factory
        self.current = exchange
        self.connection.deadline = None
        if factory.stopping:
            # It came in, or waited, while the server was told to stop.
            exchange.keep_alive = False
        if factory.timeout is not None:
            exchange.deadline = factory.seconds() + factory.timeout
        try:
            factory.send(exchange)
        except Exception as error:
            self._refuse(exchange, error)

    def _refuse(self, exchange, error):
        self.current = None
        exchange.close_body()
        exchange.abandon()
        status, headers, close = answer_to(error)
        close = close or not exchange.keep_alive
        self._send_error(exchange, status, close, headers)

    def _send_error(self, exchange, status, close, headers=()):
        no_body = exchange.content["method"] == "HEAD"
        data = head.error_response(status, close=close, headers=headers, head=no_body)
        self.connection.outlet.write(data)
        self.access.http(exchange, status, len(data.partition(b"\r\n\r\n")[2]))
        if close:
            self._end_after()

    def _end_after(self):
        self.connection.end_after_this()
        self.drop_queue()
