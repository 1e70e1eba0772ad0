"""The contract of a channel backend."""

from fnmatch import fnmatchcase

from asgiref.sync import sync_to_async

from django.channels import names
from django.channels.batches import sent_before
from django.channels.exceptions import ChannelError, ChannelFull, InvalidChannelBackend
from django.core import checks

from .durable import DurableDelivery

DEFAULT_EXPIRY = 60
DEFAULT_CAPACITY = 1000

# The largest number of seconds (136 years), bytes or items that a setting may
# have: nothing waits or is kept for longer.
LARGEST = 2**32


class BaseChannelBackend(DurableDelivery):
    """
    Carries messages from those who send them to those who receive them.

    A channel is a first-in, first-out queue; each message is received once, by
    one receiver. Delivery is at most once: a message that nobody received for
    ``expiry`` seconds is dropped, counted and logged. A channel holds at most
    ``capacity`` waiting messages; sending one more raises ChannelFull.

    A *reply channel* (``reply_name()``) isn't queued: whoever waits
    behind it listens, and what is sent while nobody does is dropped and
    counted, since the request or the socket is gone.

    Every method may be called from any thread.

    Durable channels, whose messages are delivered at least once, and delayed
    messages are a part of their own: see DurableDelivery.
    """

    # Whether other processes see nothing of what is sent here.
    process_local = False

    # Whether a consumer gets the very message that was sent, and a request or a
    # response in it as the object that it is.
    by_reference = False

    # Which thread the async twins call the others in: the one that Django's ORM
    # uses for such calls, or any.
    thread_sensitive = False

    # The keys that OPTIONS may have; None for any.
    option_names = None

    def __init__(self, alias, params):
        self.alias = alias
        self.location = params.get("LOCATION", "")
        self.expiry = self._positive(params, "EXPIRY", DEFAULT_EXPIRY)
        self._capacities = self._read_capacities(params)
        self.options = params.get("OPTIONS", {})
        if not isinstance(self.options, dict):
            raise self._invalid("OPTIONS must be a dict.")

    def __str__(self):
        return f"CHANNEL_BACKENDS[{self.alias!r}]"

    def capacity_of(self, channel):
        """Return how many messages the channel may hold."""
        for pattern, capacity in self._capacities:
            if pattern == "*" or fnmatchcase(channel, pattern):
                return capacity
        return DEFAULT_CAPACITY

    def check_size(self, content):
        """
        Raise MessageTooLarge for a content, a plain dict of a sender's, that is
        more than is carried. Those that encode it find that out when they do.
        """

    def send(self, message):
        """
        Add a Message to its channel. Raise ChannelFull, having sent nothing,
        when the channel is at capacity.
        """
        raise NotImplementedError("Subclasses of BaseChannelBackend must have send().")

    def send_soon(self, message, then):
        """
        Do the same, but don't wait. By the time that a receive() of this
        thread's returns, or its settle_up(), ``then(error)`` is called, with
        None or the exception that send() raises.
        """
        try:
            self.send(message)
        except ChannelError as error:
            then(error)
        else:
            then(None)

    def settle_up(self):
        """Wait for what this thread has begun with the methods ``…_soon()``."""

    async def asend(self, message):
        return await sync_to_async(self.send, thread_sensitive=self.thread_sensitive)(
            message
        )

    def send_many(self, messages):
        """
        Do it for a list of Messages, all of one channel, in this order. Where
        one of them fails, those after it aren't sent, and the exception's
        ``sent`` says how many were.
        """
        for number, message in enumerate(messages):
            with sent_before(number):
                self.send(message)

    async def asend_many(self, messages):
        for number, message in enumerate(messages):
            with sent_before(number):
                await self.asend(message)

    def receiver(self, channels):
        """
        Return a Receiver of the channels with these names: an object with
        ``receive(timeout=None)`` and ``close()``. ``receive()`` blocks, for at
        most ``timeout`` seconds, and returns the oldest waiting message of any
        of the channels, or None when the time is over or the receiver was
        closed. Any number of threads may be in ``receive()`` at once.
        """
        raise NotImplementedError(
            "Subclasses of BaseChannelBackend must have receiver()."
        )

    def reply_name(self, kind):
        """
        Return a fresh name for the reply channel of one request
        (``kind="http"``) or one socket (``kind="websocket"``) of this process.
        """
        return names.reply_name(kind)

    def listen(self, name, sink):
        """
        Let ``sink`` have what is sent to the reply channel ``name``. Its
        method ``deliver(names, message)`` is called for each message, in the
        sender's thread or one of the backend's, with those of its names that
        the message is for; it must not block, and returns the names that it
        had no room for.
        """
        raise NotImplementedError(
            "Subclasses of BaseChannelBackend must have listen()."
        )

    def unlisten(self, name):
        """End listen(), and drop the reply channel from every group."""
        raise NotImplementedError(
            "Subclasses of BaseChannelBackend must have unlisten()."
        )

    def leave_groups(self, name):
        """Drop the reply channel from every group, and go on listening."""
        raise NotImplementedError(
            "Subclasses of BaseChannelBackend must have leave_groups()."
        )

    def renew_inbox(self):
        """
        After an outage, make sure that replies find this process again. Who
        sends a message that will be replied to calls it first; it costs
        nothing while all is well, and raises BackendUnavailable.
        """

    def group_add(self, group, channel):
        """Make the channel a member of the group; again is no error."""
        raise NotImplementedError(
            "Subclasses of BaseChannelBackend must have group_add()."
        )

    def group_discard(self, group, channel):
        """End the channel's membership; none is no error."""
        raise NotImplementedError(
            "Subclasses of BaseChannelBackend must have group_discard()."
        )

    def group_send(self, group, content):
        """
        Send ``content``, a plain dict, to each member. A member that is full
        or gone is passed over, counted and logged.
        """
        raise NotImplementedError(
            "Subclasses of BaseChannelBackend must have group_send()."
        )

    async def agroup_add(self, group, channel):
        await sync_to_async(self.group_add, thread_sensitive=self.thread_sensitive)(
            group, channel
        )

    async def agroup_discard(self, group, channel):
        await sync_to_async(self.group_discard, thread_sensitive=self.thread_sensitive)(
            group, channel
        )

    async def agroup_send(self, group, content):
        await sync_to_async(self.group_send, thread_sensitive=self.thread_sensitive)(
            group, content
        )

    def flush(self):
        """Forget every waiting message and every group; for tests."""
        raise NotImplementedError("Subclasses of BaseChannelBackend must have flush().")

    def is_served(self, channel):
        """Tell whether a receiver for the channel is open in this process."""
        return False

    def check_server(self):
        """
        Log what is wrong with the settings of the server behind it, if there
        is one. It's called where a worker starts, and raises nothing.
        """

    def close(self):
        """
        Let go of connections and threads. What listens here hears nothing
        more; a later use of the backend opens anew what it needs.
        """

    def check(self, **kwargs):
        """Return a list of system check messages about the configuration."""
        if self.option_names is None:
            return []
        unknown = sorted(self.options.keys() - self.option_names, key=str)
        if not unknown:
            return []
        return [
            checks.Warning(
                f"CHANNEL_BACKENDS[{self.alias!r}]: OPTIONS has keys that mean "
                f"nothing: {', '.join(map(repr, unknown))}.",
                hint=f"The keys are {', '.join(sorted(self.option_names))}.",
                id="channels.W002",
            )
        ]

    def _positive(self, params, key, default):
        value = params.get(key, default)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        # NaN isn't greater than 0.
        if not number or not value > 0:
            raise self._invalid(f"{key} must be a positive number, not {value!r}.")
        if value > LARGEST:
            raise self._invalid(f"{key} must be at most {LARGEST}, not {value!r}.")
        return value

    def _option(self, key, default):
        options = {f"OPTIONS[{key!r}]": self.options.get(key, default)}
        return self._positive(options, f"OPTIONS[{key!r}]", default)

    def _invalid(self, text):
        return InvalidChannelBackend(f"{self}: {text}")

    def _read_capacities(self, params):
        given = params.get("CAPACITY", DEFAULT_CAPACITY)
        if not isinstance(given, dict):
            given = {"*": given}
        capacities = []
        for pattern, capacity in given.items():
            if isinstance(capacity, bool) or not isinstance(capacity, int):
                capacity_ok = False
            else:
                # Databases have no greater number.
                capacity_ok = 0 <= capacity < 2**63
            if not isinstance(pattern, str) or not capacity_ok:
                raise self._invalid(
                    f"CAPACITY must be an int of at least 0 and less than 2**63, or a "
                    f"dict of them by channel pattern, not {given!r}."
                )
            capacities.append((names.ALIASES.get(pattern, pattern), capacity))
        # The catch-all comes last, wherever it was written.
        return sorted(capacities, key=lambda item: item[0] == "*")

    # What backends raise and log alike.

    def _full(self, channel):
        return ChannelFull(
            f"The channel {channel!r} holds {self.capacity_of(channel)} messages, its "
            f"capacity. Are workers running for it? Send again later, or raise "
            f"CAPACITY in CHANNEL_BACKENDS[{self.alias!r}]."
        )

    def _too_slow(self, channel):
        return ChannelFull(
            f"The reader behind {channel!r} is too slow: its buffer is full. Send "
            f"less, or close the socket."
        )
