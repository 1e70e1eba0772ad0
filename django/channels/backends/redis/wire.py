"""Commands and scripts, with little between them and the server's socket."""

import threading

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
)

from .packing import pack

# What redis-py raises for a server that gives no service. The first has all but
# what it raises where a Cluster's nodes can't be reached, or lack a slot.
FAILURES = (RedisError, RedisClusterException)

# What it raises for a command that the server hasn't begun: it has no more memory,
# is loading, is a replica, or wants to know who asks. A script of ours that begins
# with what takes memory is refused as a whole.
REFUSALS = (AuthenticationError, BusyLoadingError, OutOfMemoryError, ReadOnlyError)
# The same as words: of the disk, which redis-py knows nothing of, and of a script,
# where a server before Redis 7 puts others in front.
REFUSED = ("MISCONF ", "-OOM ", "-READONLY ")


def is_refusal(error):
    """Tell whether the server has refused to do what was asked for."""
    return isinstance(error, REFUSALS) or (
        isinstance(error, ResponseError) and any(w in str(error) for w in REFUSED)
    )


class Wire:
    """
    Sends commands on connections of ``client``, a redis-py client of one
    server. What that does about a command besides, and has no use here, takes
    three times as long as the connection: metrics, attempts, answers made into
    other types. The errors are redis-py's.

    A connection keeps out of the client's pool between commands. Before each it's
    looked whether the server has closed it, so that a server that was started
    again costs nobody an error: of what was sent nobody knows whether it arrived.
    """

    def __init__(self, client):
        self.client = client
        self._pool = client.connection_pool
        self._idle = []
        self._begun = Begun()

    def close(self):
        self.client.close()

    def close_idle(self):
        """Close the connections that no thread uses now."""
        self._give_back()
        self._pool.disconnect(inuse_connections=False)

    def command(self, *args):
        """Return the server's answer to one command."""
        return _checked(self.send([pack(args)]))[0]

    def call(self, *calls):
        """
        Call Scripts, each with its keys and arguments, in this order and at
        once. Return their answers.
        """
        answers = self.send([pack(script.command(*rest)) for script, *rest in calls])
        for i, answer in enumerate(answers):
            if isinstance(answer, NoScriptError):
                answers[i] = self._load_and_call(*calls[i])
        return _checked(answers)

    def pop_and_call(self, lists, timeout, call):
        """
        Block until one of the lists has an item or the time is over, and call
        a Script at once. Return the answers; the second may be an exception.
        """
        script, keys, args = call
        pop = pack((b"BLPOP", *lists, timeout))
        popped, answer = self.send([pop, pack(script.command(keys, args))])
        return _checked([popped])[0], answer

    def later(self, call, then):
        """
        Call a Script with the next that this thread sends, and before it. Then
        call ``then(answer)``, which may be an exception.
        """
        script, keys, args = call
        begun = self._begun
        begun.calls.append((call, then))
        begun.unsent.append(pack(script.command(keys, args)))

    def begin(self, call, then):
        """Do the same, but send it now. Only the answer isn't waited for."""
        self.later(call, then)
        begun = self._begun
        try:
            is_new = begun.connection is None
            if is_new:
                begun.connection = self._take()
            _send(begun.connection, begun.unsent, is_new)
            begun.unsent.clear()
        except Exception as error:
            calls, connection, _ = begun.take()
            self._lose(connection)
            for _, then in calls:
                then(error)

    def settle_up(self):
        """Wait for the answers to what this thread has begun."""
        if self._begun.calls:
            try:
                self.send([])
            except RedisError:
                # Who began it was told.
                pass

    def send(self, commands):
        """
        Send packed commands at once. Return the answers, with an exception for
        each that the server refused.
        """
        begun = self._begun
        calls = ()
        connection = None
        try:
            if begun.calls:
                calls, connection, unsent = begun.take()
                commands = unsent + commands
            is_new = connection is None
            if is_new:
                connection = self._take()
            if commands:
                _send(connection, commands, is_new)
            expected = len(commands) + (len(calls) - len(unsent) if calls else 0)
            answers = [_answer(connection) for _ in range(expected)]
        except BaseException as error:
            self._lose(connection)
            for _, then in calls:
                then(error)
            raise
        self._idle.append(connection)
        if calls:
            for (call, then), answer in zip(calls, answers):
                if isinstance(answer, NoScriptError):
                    try:
                        answer = self._load_and_call(*call)
                    except RedisError as error:
                        answer = error
                then(answer)
            del answers[: len(calls)]
        return answers

    def _load_and_call(self, script, keys, args):
        # A server that has just started: it has done nothing.
        self.command(b"SCRIPT", b"LOAD", script.text)
        return self.send([pack(script.command(keys, args))])[0]

    def _take(self):
        try:
            connection = self._idle.pop()
        except IndexError:
            return self._pool.get_connection()
        if _is_open(connection):
            return connection
        self._give_back()
        # It's the next that the pool gives, connected again.
        self._pool.release(connection)
        return self._pool.get_connection()

    def _lose(self, connection):
        if connection is not None:
            connection.disconnect()
            self._pool.release(connection)
        # The server may have gone, and the others with it.
        self._give_back()

    def _give_back(self):
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:
                # Another thread's.
                return
            self._pool.release(connection)


class Begun(threading.local):
    """
    What a thread has begun and waits for: the calls, each with what is done
    then; those of them that aren't sent, packed; and the connection of those
    that are.
    """

    def __init__(self):
        self.calls = []
        self.unsent = []
        self.connection = None

    def take(self):
        """Return the calls, the connection and what isn't sent, and forget them."""
        found = self.calls, self.connection, self.unsent
        self.__init__()
        return found


def _is_open(connection):
    try:
        # An answer that nobody waits for isn't one to the next command.
        return not connection.can_read()
    except (RedisError, OSError):
        return False


def _send(connection, commands, is_new):
    # redis-py's own check would take the answer to what was begun for its own.
    connection.send_packed_command([b"".join(commands)], check_health=is_new)


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
