"""Durable and delayed messages in the database, through the ORM."""

from functools import cached_property, reduce
from operator import or_
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Min, OuterRef, Q

from .clock import UnixNow
from .marks import Marks
from .models import DurableMessage

# How many of a channel's messages are looked at for one that nobody else takes
# at the same moment.
CANDIDATES = 20

# How often it's looked, where others were quicker with all of them: those with
# one key, of which there can be many, are all taken with the first.
LOOKS = 10

# How many leases are renewed by one statement. A worker can have thousands, and
# with one for each the first of them would end before the last is renewed.
RENEWED = 100

# Whether a channel has one that is free, see Jobs._free. It ends at the first,
# where the ORM's distinct() would go through all that wait.
READY = """EXISTS (
    SELECT 1 FROM django_channels_durablemessage AS waiting
    WHERE channel = %s AND died IS NULL AND due <= {now} + %s AND NOT EXISTS (
        SELECT 1 FROM django_channels_durablemessage AS running
        WHERE running.channel = waiting.channel
        AND running.runs = waiting.{key} AND running.id <> waiting.id
    )
)"""


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
    waits. What must be alone is so by constraints: of a channel, the keys that
    run (``runs``), and the mark of those that are unique (``waits``).
    """

    def __init__(self, store):
        self._store = store
        self._marks = Marks(store)

    @property
    def rows(self):
        return self._store.rows(DurableMessage)

    @property
    def now(self):
        return self._store.now

    def add(self, channel, contents, delivery, expiry, capacity):
        """
        Add the first ones that there is room for, and return how many. Return
        None for a unique one whose name another one has.
        """
        if delivery.unique and self._marks.waiting(channel, delivery.unique).exists():
            return None
        if not delivery.delay:
            ready = self.rows.filter(channel=channel, due__lte=self.now)
            ready = ready.filter(leased=False, died=None)
            contents = contents[: capacity - ready[:capacity].count()]
        added = [
            DurableMessage(
                channel=channel,
                content=content,
                priority=delivery.priority,
                due=self._due(delivery.delay, delivery.durable),
                kept=None if delivery.durable else expiry,
                unique=delivery.unique,
                waits=delivery.unique,
                key=delivery.key,
            )
            for content in contents
        ]
        try:
            with transaction.atomic(self._store.using):
                self.rows.bulk_create(added)
        except IntegrityError:
            # Another process has added it meanwhile.
            return None
        return len(added)

    def ready(self, channels):
        """Return the names of those channels that have something to take."""
        if not channels:
            return set()
        ready = ", ".join([self._ready] * len(channels))
        params = [param for name in channels for param in (name, self._store.ahead)]
        with self._store.connection.cursor() as cursor:
            cursor.execute(f"SELECT {ready}", params)
            return {
                name for name, is_ready in zip(channels, cursor.fetchone()) if is_ready
            }

    def wait(self, channels):
        """Return the seconds until there may be more to take, or None."""
        rows = self.rows.filter(channel__in=channels, died=None, due__gt=self.now)
        return rows.aggregate(left=Min(F("due") - self.now))["left"]

    def take(self, channel, lease):
        """Take the first message of the channel. Return it, or None."""
        rows = self._free.filter(channel=channel).order_by(*self._store.job_order)
        rows = rows.annotate(late=self.now - F("due"))
        for _ in range(LOOKS):
            candidates = list(rows[:CANDIDATES])
            taken = self._take_one(candidates, channel, lease)
            if taken is not None or len(candidates) < CANDIDATES:
                return taken
        return None

    def _take_one(self, candidates, channel, lease):
        # Keys that others had: one may be free by now, and none of its messages
        # overtakes another.
        passed = set()
        for row in candidates:
            if row.kept is not None:
                if self.rows.filter(id=row.id).delete()[0]:
                    return Taken(
                        channel, bytes(row.content), row.late >= row.kept, None
                    )
            elif row.key not in passed and self._lease(row, lease):
                held = (row.id, row.attempts + 1, row.lease + 1)
                return Taken(channel, bytes(row.content), False, held)
            elif row.key:
                passed.add(row.key)
        return None

    def _lease(self, row, seconds):
        """Return whether it could be had."""

        def change():
            return self._change(
                self._free_again(row.id, row.lease).filter(waits=row.waits),
                lease=row.lease + 1,
                leased=True,
                attempts=row.attempts + 1,
                due=self.now + seconds,
                waits=None,
                runs=row.key,
            )

        if row.unique and not row.waits:
            if change():
                return True
            # Or it has got the mark meanwhile.
            row.waits = row.unique
        if not row.waits:
            return change()
        with transaction.atomic(self._store.using):
            changed = change()
            if changed:
                self._marks.hand_on(row)
        return changed

    def renew(self, leases, seconds):
        """
        Renew the leases, pairs of a message's id and a number. Return the set of
        those that weren't over.
        """
        renewed = set()
        for start in range(0, len(leases), RENEWED):
            some = leases[start : start + RENEWED]
            rows = self._leased(reduce(or_, (Q(id=i, lease=n) for i, n in some)))
            if rows.update(due=self.now + seconds) == len(some):
                renewed.update(some)
            else:
                renewed.update(rows.values_list("id", "lease"))
        return renewed

    def delete(self, id, lease):
        return bool(self._held(id, lease).delete()[0])

    def release(self, id, lease, delay, attempts):
        """Let it wait again, less so many attempts."""
        row = self._held(id, lease).only("channel", "unique").first()
        return row is not None and self._marks.let_wait(
            row,
            lambda waits: self._held(id, lease).update(
                leased=False,
                runs=None,
                due=self._due(delay),
                attempts=F("attempts") - attempts,
                waits=waits,
            ),
        )

    def bury(self, id, lease, error, attempts):
        """Let it be dead, less so many attempts."""
        return self._change(
            self._held(id, lease),
            leased=False,
            runs=None,
            error=error,
            died=self.now,
            attempts=F("attempts") - attempts,
        )

    def dead(self, **where):
        return self.rows.filter(died__isnull=False, **where).order_by("died", "id")

    def revive(self, id):
        """Return whether it was dead; it's the last of its priority then."""
        row = self.rows.filter(id=id, died__isnull=False).first()

        def add_again(waits):
            if not self.purge(id):
                return False
            self.rows.create(
                channel=row.channel,
                content=row.content,
                priority=row.priority,
                due=self._due(0),
                unique=row.unique,
                waits=waits,
                key=row.key,
            )
            return True

        return row is not None and self._marks.let_wait(row, add_again)

    def purge(self, id):
        return bool(self.rows.filter(id=id, died__isnull=False).delete()[0])

    def clear(self):
        self.rows.all().delete()

    def _due(self, delay, durable=True):
        """What is durable and has no delay is due by any clock."""
        return self.now + delay if delay or not durable else 0

    @cached_property
    def _ready(self):
        """READY, as this database has it. It's made but once."""
        connection = self._store.connection
        return READY.format(
            key=connection.ops.quote_name("key"), now=UnixNow.sql[connection.vendor]
        )

    @cached_property
    def _alone(self):
        """What lives, and nothing with its key runs. It's made but once."""
        running = self.rows.filter(channel=OuterRef("channel"), runs=OuterRef("key"))
        running = running.exclude(id=OuterRef("id"))
        return self.rows.filter(~Exists(running), died=None)

    @property
    def _free(self):
        """What can be taken: it's due, or its lease is over."""
        return self._alone.filter(due__lte=self.now)

    def _held(self, id, lease):
        """The message, if its lease is this one and goes on."""
        return self._leased(Q(id=id, lease=lease))

    def _leased(self, which):
        return self.rows.filter(which, leased=True, died=None, due__gt=self.now)

    def _free_again(self, id, lease):
        """The message, if its lease was this one and it can be taken."""
        return self.rows.filter(id=id, lease=lease, died=None, due__lte=self.now)

    def _change(self, rows, **values):
        """Return whether a row was changed: not where it couldn't be alone."""
        try:
            with transaction.atomic(self._store.using):
                return bool(rows.update(**values))
        except IntegrityError:
            return False
