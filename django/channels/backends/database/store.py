"""The tables as a store of bytes, through the ORM."""

from contextlib import contextmanager
from typing import NamedTuple

from django.db import Error, connections, transaction
from django.db.models import F
from django.db.models.lookups import LessThanOrEqual

from .alarm import Alarm
from .clock import UnixNow
from .jobs import Jobs
from .models import Item, Member, Message, Process

# Opens what the inbox of a process is watched by. No channel has it.
INBOX_MARK = "!"


# The connections that this process has from the one it was forked from.
_parents = []


class Row(NamedTuple):
    """A message that was taken from its channel: nobody else gets it."""

    id: int
    channel: str
    content: bytes
    expired: bool


class Store:
    """
    The tables in the database ``using``. Every method may be called from any
    thread and uses that thread's connection: what is written within an
    ``atomic()`` block is there for others when the block commits.

    Whoever takes something takes what nobody else does. Subclasses do with one
    statement what their database can do with one.
    """

    # The order in which durable messages are taken, as there's an index for it.
    job_order = ("-priority", "id")

    def __init__(self, using):
        self.using = using
        # How far the clock is ahead of the database's, in seconds; for tests.
        self.ahead = 0.0

    @property
    def connection(self):
        return connections[self.using]

    @property
    def now(self):
        return UnixNow() + self.ahead

    def rows(self, model):
        return model.objects.using(self.using)

    def alarm(self):
        """Return what tells this process of changes by others."""
        return Alarm()

    def announce(self, name):
        """Tell other processes that something has changed, if it can be told."""

    @contextmanager
    def hurrying(self):
        """Have a change fail that would wait for another's for long."""
        with self.connection.cursor() as cursor:
            cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
            try:
                yield
            finally:
                cursor.execute("SET SESSION innodb_lock_wait_timeout = DEFAULT")

    def release(self, broken=False):
        """
        Let go of the thread's connection if that is its time, or if it's
        ``broken``, save in the caller's transaction.
        """
        connection = self.connection
        if connection.in_atomic_block:
            return
        if not broken:
            connection.close_if_unusable_or_obsolete()
            return
        try:
            connection.close()
        except Error:
            # What is lost is closed.
            pass

    def has_tables(self):
        """Tell whether the migrations were applied, as far as can be told."""
        try:
            tables = self.connection.introspection.table_names()
        except Error:
            return True
        return Message._meta.db_table in tables

    def forked(self):
        """
        In a process that was just forked, leave the parent's connection to the
        parent; the next query opens one. Neither SQLite's nor a server's can
        be used by two processes.
        """
        for connection in connections.all(initialized_only=True):
            in_memory = getattr(connection, "is_in_memory_db", lambda: False)
            if (
                connection.alias == self.using
                and connection.connection is not None
                and not (connection.in_atomic_block or in_memory())
            ):
                # Kept, since it would be closed if nothing had it.
                _parents.append(connection.connection)
                connection.connection = None

    # Messages.

    def add(self, channel, content, expiry, capacity):
        """
        Add a message that expires in ``expiry`` seconds. Return False, having
        added nothing, where ``capacity`` messages wait on the channel. Those
        who do so at the same moment may exceed it, by one each.
        """
        with transaction.atomic(self.using):
            waiting = self.rows(Message).filter(channel=channel)
            if waiting[:capacity].count() >= capacity:
                return False
            waiting.create(channel=channel, content=content, expires=self.now + expiry)
        return True

    def waiting(self, channel):
        """Return how many messages wait on the channel, or have expired there."""
        return self.rows(Message).filter(channel=channel).count()

    def take(self, channels):
        """Remove the oldest message of the channels. Return its Row, or None."""
        taken = self._take_messages({"channel__in": channels}, limit=1)
        return taken[0] if taken else None

    def take_expired(self, limit, **where):
        """Remove messages that have expired. Return their Rows."""
        return self._take_messages({"expires__lte": self.now, **where}, limit)

    def _take_messages(self, where, limit):
        expired = LessThanOrEqual(F("expires"), self.now)
        columns = ("id", "channel", "content", expired)
        return [Row(*values) for values in self._take(Message, where, columns, limit)]

    def _take(self, model, where, columns, limit):
        skip = self.connection.features.has_select_for_update_skip_locked
        with transaction.atomic(self.using):
            oldest = self.rows(model).filter(**where).order_by("id")
            oldest = oldest.select_for_update(skip_locked=skip)
            taken = list(oldest.values_list(*columns)[:limit])
            if taken:
                self.rows(model).filter(id__in=[id for id, *_ in taken]).delete()
        return taken

    def changed(self, names):
        """
        Return those of the names, of channels and by inbox_name(), for which
        something waits.
        """
        channels = [name for name in names if not name.startswith(INBOX_MARK)]
        found = set()
        if channels:
            waiting = self.rows(Message).filter(channel__in=channels)
            found.update(waiting.values_list("channel", flat=True).distinct())
            found.update(Jobs(self).ready(channels))
        for name in set(names).difference(channels):
            if self.rows(Item).filter(process=name[1:]).exists():
                found.add(name)
        return found

    # Processes and their inboxes.

    @staticmethod
    def inbox_name(process):
        return INBOX_MARK + process

    def renew(self, process, lease):
        """
        Let the process live for ``lease`` seconds from now. Return whether it
        was unknown, or dead already.
        """
        living = self.rows(Process).filter(name=process, expires__gt=self.now)
        if living.update(expires=self.now + lease):
            return False
        self.rows(Process).update_or_create(
            name=process, defaults={"expires": self.now + lease}
        )
        return True

    def remove(self, process, member):
        """Delete the process, its inbox and its memberships as ``member``."""
        with transaction.atomic(self.using):
            self.rows(Process).filter(name=process).delete()
            self._remove_rest(process, member)

    def remove_dead(self, process, member):
        """Do what remove() does, unless the process has renewed its lease."""
        over = self.rows(Process).filter(name=process, expires__lte=self.now)
        with transaction.atomic(self.using):
            # This changes nothing, but locks it: delete() may look first.
            if over.update(expires=F("expires")):
                self.rows(Process).filter(name=process).delete()
                self._remove_rest(process, member)

    def _remove_rest(self, process, member):
        self.rows(Item).filter(process=process).delete()
        self.rows(Member).filter(member=member).delete()

    def dead(self, limit):
        """Return the names of processes whose lease is over."""
        over = self.rows(Process).filter(expires__lte=self.now)
        return list(over.values_list("name", flat=True)[:limit])

    def remove_strays(self, limit):
        """Delete items for processes that were deleted meanwhile."""
        known = self.rows(Process).values("name")
        strays = self.rows(Item).exclude(process__in=known)
        ids = list(strays.values_list("id", flat=True)[:limit])
        if ids:
            self.rows(Item).filter(id__in=ids).delete()

    def post(self, processes, content, capacity):
        """
        Append the item to the inboxes of those of the processes that live and
        have fewer than ``capacity`` items. Return the names of those.
        """
        with transaction.atomic(self.using):
            posted = [
                name
                for name in self.living(processes)
                if self.rows(Item).filter(process=name)[:capacity].count() < capacity
            ]
            self.rows(Item).bulk_create(
                [Item(process=name, content=content) for name in posted]
            )
        return posted

    def living(self, processes):
        """Return the names of those of the processes that live."""
        living = self.rows(Process).filter(name__in=processes, expires__gt=self.now)
        return list(living.values_list("name", flat=True))

    def read_items(self, process, arrived, limit):
        """
        Delete the items that have ``arrived``, a list of their ids. Return the
        oldest others of the inbox, by id, in order.

        They stay there until a later call says that they have arrived: what is
        lost with a connection is read again.
        """
        if arrived:
            self.rows(Item).filter(id__in=arrived).delete()
        items = self.rows(Item).filter(process=process).order_by("id")
        return dict(items.values_list("id", "content")[:limit])

    # Groups.

    def join(self, group, member, token):
        """Make it a member. An empty token replaces none that is there."""
        row = Member(group=group, member=member, token=token)
        options = {"ignore_conflicts": True}
        if token:
            options = {"update_conflicts": True, "update_fields": ["token"]}
            if self.connection.features.supports_update_conflicts_with_target:
                options["unique_fields"] = ["group", "member"]
        self.rows(Member).bulk_create([row], **options)

    def leave(self, group, member):
        self.rows(Member).filter(group=group, member=member).delete()

    def members(self, group):
        """Return the group's members with their tokens, as a dict."""
        members = self.rows(Member).filter(group=group)
        return dict(members.values_list("member", "token"))

    def clear(self):
        """Delete every message and every membership."""
        self.rows(Message).all().delete()
        self.rows(Member).all().delete()
