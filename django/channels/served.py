"""What a sender can know of who will handle its message."""

import logging

from django.apps import apps

from .exceptions import InvalidDelivery
from .names import is_reply
from .registry import consumers

logger = logging.getLogger("django.channels")

# The channels that warn_unserved() has warned of, MOST_UNSERVED at most: their
# names may be made on the fly.
_unserved = set()
MOST_UNSERVED = 1000


def is_durable(name, said=None):
    """
    Tell whether the channel's consumer says that it's durable; where there is
    none, what the sender has ``said``. Raise InvalidDelivery if they differ.
    """
    # Before that, no consumer can be looked for.
    consumer = consumers.get(name) if apps.ready else None
    if consumer is None:
        return bool(said)
    durable = consumer.policy is not None
    if said is not None and said != durable:
        raise InvalidDelivery(
            f"Channel({name!r}, durable={said}): its consumer {consumer.path} says "
            f"durable={durable}. Let both say the same, or only the consumer."
        )
    return durable


def warn_unserved(name, said=None):
    """Log, once per channel, that nobody in this process will handle it, and why."""
    if is_reply(name) or name in _unserved or len(_unserved) >= MOST_UNSERVED:
        return
    durable = is_durable(name, said)
    _unserved.add(name)
    if apps.ready and consumers.get(name) is None:
        logger.warning(
            "A message was sent on channel %s, and no installed app has a consumer "
            "for it in its modules consumers and views: it %s. Is the name right?",
            name,
            "waits until there is one" if durable else "expires",
        )
        return
    logger.warning(
        "A message was sent on channel %s, and no worker in this process receives "
        "from it: it %s. runserver and runwsserver have workers for the default "
        "backend; other servers, commands and the shell have none, and channels in "
        "memory don't leave their process.",
        name,
        "waits until one is started" if durable else "expires unless one is started",
    )
