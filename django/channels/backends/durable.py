"""The contract of durable channels and of delayed messages."""

from dataclasses import dataclass

from asgiref.sync import sync_to_async

from django.channels.batches import sent_before
from django.channels.exceptions import BackendUnavailable, InvalidDelivery

# How long a received message is its receiver's, unless that renews the lease,
# in seconds: so long does it take until another has what a killed worker had.
DEFAULT_LEASE = 10

# How many dead messages are returned at once, unless the caller says it.
DEAD_LIMIT = 100


@dataclass(frozen=True)
class DeadMessage:
    """
    A message that was given up: its ``id``, ``channel`` and ``content``, how
    many ``attempts`` there were, the ``error`` of the last one as text, and
    when it ``died``, in seconds since 1970.
    """

    id: str
    channel: str
    content: dict
    attempts: int
    error: str
    died: float


class DurableDelivery:
    """
    What a backend does for durable channels, and for delayed messages of both
    kinds. ``receiver()`` yields all of them: a DurableMessage for those of
    durable channels, which is *leased* then, a Message for the others.

    A durable message is kept until it's acknowledged. It's received again when
    its lease is over or it was released. It never expires.

    All of it may be called from any thread. A call for a lease that is over,
    since the message was received again or is done with, changes nothing.
    """

    # Whether all of this is there but for the results; whether these are.
    durable = False
    keeps_results = False

    # How long a lease is, in seconds.
    message_lease = DEFAULT_LEASE

    def add(self, message, delivery):
        """
        Add a Message to its channel, to be delivered as the Delivery says.
        Return False, having done nothing, if it's unique and another one that
        has its name waits on the channel, one that is delayed or to be tried
        again included. Raise ChannelFull, having done nothing, when the
        channel is at capacity; delayed messages don't count, and one that is
        released isn't refused. A delayed message that isn't durable expires as
        if it had been sent when its delay was over.

        The message with the highest priority is received first; of equal
        ones, that which was added first. One whose key is that of a leased
        one of the same channel is passed over.
        """
        raise InvalidDelivery(
            f"CHANNEL_BACKENDS[{self.alias!r}], {type(self).__qualname__}, has no "
            f"durable channels and no delayed messages."
        )

    async def aadd(self, message, delivery):
        add = sync_to_async(self.add, thread_sensitive=self.thread_sensitive)
        return await add(message, delivery)

    def add_many(self, messages, delivery):
        """
        Do it for a list of Messages, all of one channel, in this order; the
        Delivery has no ``unique``. Where one of them fails, those after it
        aren't added, and the exception's ``sent`` says how many were.
        """
        for number, message in enumerate(messages):
            with sent_before(number):
                self.add(message, delivery)

    async def aadd_many(self, messages, delivery):
        for number, message in enumerate(messages):
            with sent_before(number):
                await self.aadd(message, delivery)

    def renew(self, messages):
        """
        Let the leases of these messages begin anew. Return those whose lease
        was over, in a list. A worker calls it every third of a lease, with an
        empty list too: a backend may use it to look whose time has come.
        """
        raise NotImplementedError

    def acknowledge(self, message):
        """Be done with the message. Return False if its lease was over."""
        raise NotImplementedError

    def acknowledge_soon(self, message, then):
        """
        Do the same by the time that a receive() of this thread's returns, or
        its settle_up(). ``then(answer)`` is called with what acknowledge()
        returns, or the BackendUnavailable that it raises.
        """
        try:
            answer = self.acknowledge(message)
        except BackendUnavailable as error:
            answer = error
        then(answer)

    def release(self, message, delay=0, counted=True):
        """
        Give the message back, to be received again after so many seconds. If
        it isn't ``counted``, it was no attempt. Return False if its lease was
        over.
        """
        raise NotImplementedError

    def bury(self, message, error, counted=True):
        """
        Make it a dead message, with the error, a text. If it isn't
        ``counted``, it was no attempt. Return False if its lease was over.
        """
        raise NotImplementedError

    def dead(self, channel=None, id=None, limit=DEAD_LIMIT, offset=0):
        """
        Return dead messages, of the channel or with the id if one is given, as
        a list of DeadMessage, those that died first at its head: at most
        ``limit``, None for all of them, after the first ``offset``.
        """
        raise NotImplementedError

    def count_dead(self, channel=None):
        """Return how many messages are dead, of the channel if one is given."""
        raise NotImplementedError

    def revive(self, dead):
        """
        Let these dead messages be received again, as if they had just been
        added, whatever the capacity. Return how many were there yet.
        """
        raise NotImplementedError

    def purge(self, dead):
        """Delete these dead messages. Return how many were there yet."""
        raise NotImplementedError

    def store_result(self, id, content, expiry):
        """
        Keep ``content``, a plain dict, for so many seconds, and in the place of
        what was kept by this id: 1 to 100 ASCII letters, digits, dots,
        underscores or hyphens. Raise InvalidMessage for what can't be encoded.
        """
        raise NotImplementedError

    def result(self, id):
        """Return what is kept by this id, or None."""
        raise NotImplementedError

    def discard_result(self, id):
        """Keep nothing by this id any more; nothing is no error."""
        raise NotImplementedError
