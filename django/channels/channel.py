"""A channel: a named queue of messages, to send to."""

from copy import copy
from functools import partial

from asgiref.sync import sync_to_async

from django.db import connections, transaction

from . import DEFAULT_CHANNEL_BACKEND_ALIAS, channel_backends, names
from .batches import each
from .delivery import Delivery, seconds
from .exceptions import InvalidDelivery, InvalidMessage
from .message import Message
from .names import is_reply
from .policy import Policy
from .registry import check_named, consumers
from .served import is_durable, warn_unserved

DELIVERY_OPTIONS = frozenset({"priority", "unique", "key"})
OPTIONS = DELIVERY_OPTIONS | {"delay", "at", "using"}

PLAIN = Delivery()
DURABLE = Delivery(durable=True)

# What Django has in the place of a database where DATABASES has none.
NO_DATABASE = "django.db.backends.dummy"


class Channel:
    """
    The channel ``name`` on the backend ``alias`` of CHANNEL_BACKENDS.

    It needs no declaration: a channel is there as soon as something is sent
    on it or registered for it. Raise InvalidChannelName for a name that
    isn't 1 to 100 ASCII letters, digits, dots, underscores or hyphens.

    A channel is *durable* if its consumer says so. ``durable`` says it where
    the consumer isn't known, and must not contradict it.
    """

    def __init__(self, name, alias=DEFAULT_CHANNEL_BACKEND_ALIAS, *, durable=None):
        self.name = names.canonical(name)
        self.alias = alias
        self.durable = durable
        self._options = {}

    def __repr__(self):
        return f"<Channel {self.name}>"

    @property
    def backend(self):
        return channel_backends[self.alias]

    def options(self, **options):
        """
        Return this channel with options for what is sent with it. ``delay`` or
        ``at``: see schedule(). ``using``: see send_on_commit(). And on durable
        channels ``priority``, from -10 to 10: higher ones are received first;
        ``unique``, a str: not sent while another one with it waits;
        ``key``, a str: only one with it is handled at a time.
        """
        unknown = sorted(options.keys() - OPTIONS)
        if unknown:
            raise TypeError(
                f"options() takes {', '.join(sorted(OPTIONS))}, not "
                f"{', '.join(unknown)}. What is to be sent goes into send()."
            )
        channel = copy(self)
        channel._options = {**self._options, **options}
        return channel

    def send(self, /, **content):
        """
        Send a message with ``content``, plain values by key, and return at
        once. A consumer gets them as keyword arguments. Return whether it was
        queued, which it always is but for the option ``unique``.

        The values are copied. Raise InvalidMessage, naming the key, for one
        that can't be carried, and ChannelFull when the channel is at capacity;
        nothing was sent then. Delivery is at most once, and on a durable
        channel at least once: BackendUnavailable is raised when the message
        may not have been stored.
        """
        message, delivery = self._message(content), self._delivery()
        if delivery.plain:
            self.backend.send(message)
            return True
        return self.backend.add(message, delivery)

    async def asend(self, /, **content):
        message, delivery = self._message(content), self._delivery()
        if delivery.plain:
            await self.backend.asend(message)
            return True
        return await self.backend.aadd(message, delivery)

    def send_many(self, contents, /):
        """
        Send a message for each dict of ``contents``, in this order, as send()
        does, and in a fraction of the time where a server or a database is on
        the way.

        All of them are checked first. Where one can't be sent then, those after
        it aren't either, and the exception's ``sent`` says how many were, for
        ``contents[error.sent:]`` to be sent again; of these, some may have been
        stored if it's BackendUnavailable, unless that is ``unsent``.
        """
        messages, delivery = self._messages(contents), self._delivery()
        if delivery.plain:
            self.backend.send_many(messages)
        else:
            self.backend.add_many(messages, delivery)

    async def asend_many(self, contents, /):
        messages, delivery = self._messages(contents), self._delivery()
        if delivery.plain:
            await self.backend.asend_many(messages)
        else:
            await self.backend.aadd_many(messages, delivery)

    def schedule(self, /, delay=None, at=None, **content):
        """
        Send a message that is received after ``delay``, in seconds or a
        timedelta, or from ``at`` on, a datetime. Until then it takes no room,
        and doesn't expire. Otherwise do what send() does.

        These two can't be keys of the content here, but after options().
        """
        return self.options(delay=delay, at=at).send(**content)

    async def aschedule(self, /, delay=None, at=None, **content):
        return await self.options(delay=delay, at=at).asend(**content)

    def send_on_commit(self, /, **content):
        """
        Send a message when the current transaction commits, at once if there
        is none, and not at all after a rollback. The option ``using`` is the
        alias of the transaction's database. The content is copied, and checked,
        now; what send() raises is raised where the transaction ends.
        """
        message = self._message(content)
        self._delivery()
        # The time until ``at`` is another one then.
        send = partial(self._send, message)
        if all(each["ENGINE"] == NO_DATABASE for each in connections.settings.values()):
            send()
        else:
            transaction.on_commit(send, using=self._options.get("using"))

    async def asend_on_commit(self, /, **content):
        # In the thread that has the transaction.
        await sync_to_async(partial(self.send_on_commit, **content))()

    @classmethod
    def new_name(cls, prefix):
        """Return a channel name that starts with ``prefix`` and is unique."""
        return names.new_name(prefix)

    @classmethod
    def consumer(cls, channels, *, durable=False, **policy):
        """
        Return a decorator that registers a callable, plain or ``async def``,
        as the consumer of ``channels``, a name or a list of names. The
        callable itself is returned, unchanged. Raise ConsumerAlreadyRegistered
        where a channel has another consumer.

        With ``durable``, messages are delivered at least once. ``retries``,
        ``backoff`` and ``timeout`` say what becomes of those that fail: see
        django.channels.policy.Policy.
        """
        check_named(channels, "Channel.consumer")
        options, policy = policy, Policy(**policy)
        if options and not durable:
            raise TypeError(
                f"{', '.join(options)}: for durable channels only; add durable=True."
            )
        policy = policy if durable else None

        def register(function):
            consumers.register(channels, function, policy)
            return function

        return register

    def as_view(self):
        """
        Return a view that forwards its request to this channel and answers
        with what comes on the reply channel. See django.channels.views.
        """
        from .views import forward_view

        return forward_view(self)

    def _send(self, message):
        delivery = self._delivery()
        if delivery.plain:
            self.backend.send(message)
        else:
            self.backend.add(message, delivery)

    def _delivery(self):
        durable = self.durable
        if not is_reply(self.name):
            durable = is_durable(self.name, self.durable)
            if not self._options:
                return DURABLE if durable else PLAIN
        elif not durable and not self._options:
            return PLAIN
        options = {
            k: str.__str__(v) if isinstance(v, str) else v
            for k, v in self._options.items()
            if k in DELIVERY_OPTIONS
        }
        delay = seconds(self._options.get("delay"), self._options.get("at"))
        delivery = Delivery(durable=durable, delay=delay, **options)
        delivery.check(self.name)
        if not delivery.plain and is_reply(self.name):
            raise InvalidDelivery(
                f"{self.name!r} is a reply channel: nothing waits there. Send to it "
                f"at once, or send to another channel whose consumer does."
            )
        return delivery

    def _messages(self, contents):
        if self._options.get("unique") is not None:
            raise InvalidDelivery(
                "unique is the name of one message: send each by send()."
            )
        return each(self._message_of, contents)

    def _message_of(self, content):
        if not isinstance(content, dict):
            raise InvalidMessage(
                f"send_many() takes a dict for each message, not "
                f"{type(content).__qualname__}."
            )
        return self._message(content)

    def _message(self, content):
        message = Message.from_values(self.name, checked(content))
        backend = self.backend
        backend.check_size(message.content)
        if backend.process_local and not backend.is_served(self.name):
            # While tests run, it's the test that runs messages, if anybody.
            if not hasattr(backend, "stands_in_for"):
                warn_unserved(self.name, self.durable)
        return message


def name_of(channel):
    """Return the name that a Channel has, or that a text is."""
    # Other things have a name too: a group, which isn't a channel, or a user.
    return names.canonical(channel.name if isinstance(channel, Channel) else channel)


def checked(content):
    """Return ``content``, or raise InvalidMessage for a key that is taken."""
    if "channel" in content:
        raise InvalidMessage(
            "The message's key 'channel' is taken: a consumer's argument of that "
            "name is the channel it was sent on. Use another key."
        )
    return content
