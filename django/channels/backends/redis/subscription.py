"""A connection on which a server says what comes."""

from redis.exceptions import ConnectionError, ResponseError, TimeoutError

from .packing import pack


class Subscription:
    """
    What is published on one channel, whose node ``client`` is of, from now on.
    It may break at any time, and then what was published is lost.
    """

    def __init__(self, client, channel):
        self._client = client
        self._pinged = False
        self._connection = client.connection_pool.get_connection()
        try:
            self._subscribe(channel)
        except BaseException:
            self.close()
            raise

    def _subscribe(self, channel):
        try:
            self._ask(b"SSUBSCRIBE", channel)
        except ResponseError as error:
            if "unknown command" not in str(error):
                raise
            # Before Redis 7. See inbox.lua.
            self._ask(b"SUBSCRIBE", channel)

    def _ask(self, *command):
        self._send(*command)
        self._connection.read_response()

    def _send(self, *command):
        # redis-py's own check would take what comes next for its answer.
        self._connection.send_packed_command([pack(command)], check_health=False)

    def next(self, timeout):
        """
        Return what comes within these seconds, b"" for the answer to a check, or
        None if nothing does.
        """
        connection = self._connection
        if not connection.can_read(timeout):
            return None
        kind, *_, data = connection.read_response()
        if kind == b"smessage" or kind == b"message":
            return data
        if kind != b"pong":
            # The channel's slot has moved.
            raise ConnectionError("The subscription has ended.")
        self._pinged = False
        return b""

    def check(self):
        """Raise TimeoutError if the last check has had no answer."""
        if self._pinged and not self._connection.can_read(0):
            raise TimeoutError("The server doesn't answer.")
        self._send(b"PING")
        self._pinged = True

    def close(self):
        self._connection.disconnect()
        self._client.close()
