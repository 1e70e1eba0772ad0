"""Commands and scripts, with little between them and the server's socket."""

from hashlib import sha1
from time import monotonic

from redis.exceptions import NoScriptError, ResponseError

# For so many seconds a connection that is idle is taken to be open yet.
FRESH = 1.0


class Wire:
    """
    Sends commands on connections of ``client``, a redis-py client of one
    server. What that does about a command besides, and has no use here, takes
    three times as long as the connection: metrics, attempts, answers made into
    other types. The errors are redis-py's.

    A connection keeps out of the client's pool while it's in use again and
    again. The pool looks whether one that wasn't is open yet.
    """

    def __init__(self, client):
        self.client = client
        self._pool = client.connection_pool
        self._idle = []

    def close(self):
        self.client.close()

    def close_idle(self):
        """Close the connections that no thread uses now."""
        self._give_back()
        self._pool.disconnect(inuse_connections=False)

    def command(self, *args):
        """Return the server's answer to one command."""
        return _checked(self._send([pack(args)]))[0]

    def call(self, *calls):
        """
        Call Scripts, each with its keys and arguments, in this order and at
        once. Return their answers.
        """
        commands = [script.packed(keys, args) for script, keys, args in calls]
        answers = self._send(commands)
        for i, answer in enumerate(answers):
            if isinstance(answer, NoScriptError):
                # A server that has just started: it has done nothing.
                self.command(b"SCRIPT", b"LOAD", calls[i][0].text)
                answers[i] = self._send([commands[i]])[0]
        return _checked(answers)

    def _send(self, commands):
        connection = self._take()
        try:
            connection.send_packed_command([b"".join(commands)])
            answers = [_answer(connection) for _ in commands]
        except BaseException:
            connection.disconnect()
            self._pool.release(connection)
            # The server may have gone, and the others with it.
            self._give_back()
            raise
        self._idle.append((connection, monotonic()))
        return answers

    def _take(self):
        try:
            connection, since = self._idle.pop()
        except IndexError:
            return self._pool.get_connection()
        if monotonic() - since > FRESH:
            self._pool.release(connection)
            return self._pool.get_connection()
        return connection

    def _give_back(self):
        while self._idle:
            try:
                connection, _ = self._idle.pop()
            except IndexError:
                # Another thread's.
                return
            self._pool.release(connection)


class ClusterWire:
    """The same for a client of a Cluster, which knows where each key is."""

    def __init__(self, client):
        self.client = client

    def close(self):
        self.client.close()

    def command(self, *args):
        return self.client.execute_command(*args)

    def call(self, *calls):
        return [self._call(*call) for call in calls]

    def _call(self, script, keys, args):
        try:
            return self.client.evalsha(script.sha, len(keys), *keys, *args)
        except NoScriptError:
            return self.client.eval(script.text, len(keys), *keys, *args)


class Script:
    """A script in Lua, ``text``, which is bytes, for the server behind a Wire."""

    def __init__(self, wire, text):
        self.wire = wire
        self.text = text
        self.sha = sha1(text).hexdigest()

    def __call__(self, keys, args):
        """Return what it returns."""
        return self.wire.call((self, keys, args))[0]

    def packed(self, keys, args):
        """Return the command that calls it."""
        return pack((b"EVALSHA", self.sha, len(keys), *keys, *args))


def pack(args):
    """Return a command, of bytes, texts and ints, as the server reads it."""
    parts = [b"*%d\r\n" % len(args)]
    for arg in args:
        if type(arg) is not bytes:
            arg = str(arg).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(arg), arg))
    return b"".join(parts)


def _answer(connection):
    try:
        return connection.read_response()
    except ResponseError as error:
        return error


def _checked(answers):
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers
