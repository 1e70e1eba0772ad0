"""Durable and delayed messages in the database, through the ORM."""

from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Min, OuterRef

from .models import DurableMessage

# How many of a channel's messages are looked at for one that nobody else takes
# at the same moment.
CANDIDATES = 20


class Taken(NamedTuple):
    """A message that was taken, with its lease if it's durable."""

    channel: str
    content: bytes
    expired: bool
    lease: tuple | None


class Jobs:
    """
    The table of durable and delayed messages, in the database of a Store.

    A message is taken by one UPDATE, or DELETE, that applies only if nobody
    has changed the row since it was looked at. This is atomic on every
    database, outside of a transaction too, and no lock is held while anything
    waits. What must be alone is so by constraints: of a channel, the unique
    messages that wait (``waits``), and the keys that run (``runs``).
    """

    def __init__(self, store):
        self._store = store

    @property
    def rows(self):
        return self._store.rows(DurableMessage)

    @property
    def now(self):
        return self._store.now

    def add(self, channel, content, delivery, expiry, capacity):
        """Return "ok", or "full" or "there" having added nothing."""
        if delivery.unique and self._waits(channel, delivery.unique):
            return "there"
        if not delivery.delay:
            ready = self.rows.filter(channel=channel, due__lte=self.now)
            ready = ready.filter(leased=False, died=None)
            if ready[:capacity].count() >= capacity:
                return "full"
        try:
            with transaction.atomic(self._store.using):
                self.rows.create(
                    channel=channel,
                    content=content,
                    priority=delivery.priority,
                    due=self._due(delivery.delay, delivery.durable),
                    kept=None if delivery.durable else expiry,
                    unique=delivery.unique,
                    waits=delivery.unique,
                    key=delivery.key,
                )
        except IntegrityError:
            # Another process has added it meanwhile.
            return "there"
        return "ok"

    def ready(self, channels):
        """Return the names of those channels that have something to take."""
        ready = self._free().filter(channel__in=channels)
        return set(ready.order_by().values_list("channel", flat=True).distinct())

    def wait(self, channels):
        """Return the seconds until there may be more to take, or None."""
        rows = self.rows.filter(channel__in=channels, died=None, due__gt=self.now)
        return rows.aggregate(left=Min(F("due") - self.now))["left"]

    def take(self, channel, lease):
        """Take the first message of the channel. Return it, or None."""
        rows = self._free().filter(channel=channel).order_by("-priority", "id")
        rows = rows.annotate(late=self.now - F("due"))
        for row in rows[:CANDIDATES]:
            if row.kept is not None:
                if self.rows.filter(id=row.id).delete()[0]:
                    return Taken(
                        channel, bytes(row.content), row.late >= row.kept, None
                    )
            elif self._change(
                row.id,
                row.lease,
                held=False,
                lease=row.lease + 1,
                leased=True,
                attempts=row.attempts + 1,
                due=self.now + lease,
                waits=None,
                runs=row.key,
            ):
                held = (row.id, row.attempts + 1, row.lease + 1)
                return Taken(channel, bytes(row.content), False, held)
        return None

    def renew(self, id, lease, seconds):
        """Return whether the lease wasn't over."""
        return self._change(id, lease, due=self.now + seconds)

    def delete(self, id, lease):
        held = self.rows.filter(id=id, lease=lease, leased=True, due__gt=self.now)
        return bool(held.delete()[0])

    def release(self, id, lease, delay, attempts):
        """Let it wait again, less so many attempts."""
        freed = {
            "leased": False,
            "runs": None,
            "due": self._due(delay),
            "attempts": F("attempts") - attempts,
        }
        unique = F("unique")
        return self._change(id, lease, waits=unique, **freed) or (
            # Or another one with its name waits by now.
            self._change(id, lease, **freed)
        )

    def bury(self, id, lease, error):
        return self._change(
            id, lease, leased=False, runs=None, error=error, died=self.now
        )

    def dead(self, **where):
        return self.rows.filter(died__isnull=False, **where).order_by("died", "id")

    def revive(self, id):
        """Return whether it was dead; it's the last of its priority then."""
        with transaction.atomic(self._store.using):
            row = self.rows.filter(id=id, died__isnull=False).first()
            if row is None or not self.purge(id):
                return False
            alone = row.unique and not self._waits(row.channel, row.unique)
            self.rows.create(
                channel=row.channel,
                content=row.content,
                priority=row.priority,
                due=self._due(0),
                unique=row.unique,
                waits=row.unique if alone else None,
                key=row.key,
            )
        return True

    def purge(self, id):
        return bool(self.rows.filter(id=id, died__isnull=False).delete()[0])

    def clear(self):
        self.rows.all().delete()

    def _due(self, delay, durable=True):
        """What is durable and has no delay is due by any clock."""
        return self.now + delay if delay or not durable else 0

    def _waits(self, channel, unique):
        return self.rows.filter(channel=channel, waits=unique).exists()

    def _free(self):
        """What can be taken: it's due, or its lease is over."""
        running = self.rows.filter(channel=OuterRef("channel"), runs=OuterRef("key"))
        running = running.exclude(id=OuterRef("id"))
        return self.rows.filter(~Exists(running), died=None, due__lte=self.now)

    def _change(self, id, lease_was, held=True, **values):
        """
        Change the message if its lease is this one and, as ``held`` says, goes
        on or is free to be taken. Return whether it was changed.
        """
        rows = self.rows.filter(id=id, lease=lease_was, died=None)
        if held:
            rows = rows.filter(leased=True, due__gt=self.now)
        else:
            rows = rows.filter(due__lte=self.now)
        try:
            with transaction.atomic(self._store.using):
                return bool(rows.update(**values))
        except IntegrityError:
            return False
