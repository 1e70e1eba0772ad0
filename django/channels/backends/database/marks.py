"""The marks of unique messages in the database."""

from django.db import IntegrityError, transaction
from django.db.models import Q

from .models import DurableMessage


class Marks:
    """
    Who of those that wait with one unique name has the mark (``waits``), of which
    a constraint allows one.

    Two may wait, where one is given back after another was added. Who comes to
    wait and finds the mark taken holds on to its owner until that is known, and
    the owner hands it on when it's taken. So none can be added as long as one
    waits.
    """

    def __init__(self, store):
        self._store = store

    @property
    def rows(self):
        return self._store.rows(DurableMessage)

    def waiting(self, channel, unique):
        """Those that wait with this name, whose lease may be over."""
        rows = self.rows.filter(channel=channel, unique=unique, died=None)
        return rows.filter(Q(leased=False) | Q(due__lte=self._store.now))

    def let_wait(self, row, change):
        """
        Return whether ``change(waits)`` did it. Its argument is the mark that
        the message is to have, or None.
        """
        while row.unique:
            owner = self.rows.filter(channel=row.channel, waits=row.unique)
            with transaction.atomic(self._store.using):
                # This changes nothing, but locks it.
                if owner.update(waits=row.unique):
                    return bool(change(None))
            try:
                with transaction.atomic(self._store.using):
                    return bool(change(row.unique))
            except IntegrityError:
                # There's an owner by now.
                pass
        with transaction.atomic(self._store.using):
            return bool(change(None))

    def hand_on(self, row):
        """Give the mark of a message that was taken to another that waits."""
        heirs = self.waiting(row.channel, row.unique).exclude(id=row.id)
        while (heir := heirs.order_by("id").first()) is not None:
            if heirs.filter(id=heir.id).update(waits=row.unique):
                break
