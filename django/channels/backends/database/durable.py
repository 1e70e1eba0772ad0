"""Durable channels in the database."""

from django.channels import codec
from django.channels.backends.durable import DEAD_LIMIT, DeadMessage
from django.channels.backends.serializer import ERROR, RESULT
from django.channels.exceptions import something_sent
from django.channels.message import DurableMessage


class DatabaseDurable:
    """
    What DurableDelivery asks for.

    A message that is added in a transaction is there when that commits. Those
    who add at the same moment may exceed the capacity, by what each adds at
    once.
    """

    durable = True
    keeps_results = True

    def _add(self, channel, data, delivery):
        capacity = self.capacity_of(channel)
        with self._reaching():
            added = self.jobs.add(channel, data, delivery, self.expiry, capacity)
        if added:
            self._tell_of_stored({channel})
        return added

    def renew(self, messages):
        if not messages:
            # A worker's thread asks every few seconds: it has no connection for it.
            return []
        with self._reaching():
            leases = [_held(message) for message in messages]
            renewed = self.jobs.renew(leases, self.message_lease)
        return [m for m, lease in zip(messages, leases) if lease not in renewed]

    def acknowledge(self, message):
        with self._reaching():
            return self._settled(message, self.jobs.delete(*_held(message)))

    def release(self, message, delay=0, counted=True):
        with self._reaching():
            return self._settled(
                message, self.jobs.release(*_held(message), delay, int(not counted))
            )

    def bury(self, message, error, counted=True):
        data = self.serializer.dumps_text(error, ERROR + message.channel)
        with self._reaching():
            return self._settled(
                message, self.jobs.bury(*_held(message), data, int(not counted))
            )

    def dead(self, channel=None, id=None, limit=DEAD_LIMIT, offset=0):
        where = _of(channel)
        if id is not None:
            if not id.isdecimal():
                return []
            where["id"] = int(id)
        end = None if limit is None else offset + limit
        with self._reaching():
            rows = self.jobs.dead(**where)[offset:end]
            return [self._dead_message(row) for row in rows]

    def count_dead(self, channel=None):
        with self._reaching():
            return self.jobs.dead(**_of(channel)).count()

    def revive(self, dead):
        with self._reaching():
            number = sum([self.jobs.revive(int(each.id)) for each in dead])
        self._tell_of_stored({each.channel for each in dead})
        return number

    def purge(self, dead):
        with self._reaching():
            return sum([self.jobs.purge(int(each.id)) for each in dead])

    def store_result(self, id, content, expiry):
        data = self._encode(codec.plain(content), RESULT + id)
        with self._reaching():
            self.results.store(id, data, expiry)

    def result(self, id):
        with self._reaching():
            data = self.results.get(id)
        return None if data is None else self._decode(data, RESULT + id)

    def discard_result(self, id):
        with self._reaching():
            self.results.discard(id)

    def _settled(self, message, was_held):
        if was_held:
            # Others with its key may be received now, or itself soon.
            self._tell(message.channel)
        return was_held

    def _tell_of_stored(self, channels):
        """Wake who waits: where that fails, the messages are there nevertheless."""
        with something_sent(), self._reaching():
            for channel in channels:
                self._tell(channel)

    def _tell(self, channel):
        """Wake who waits, here and in other processes."""
        self.store.announce(channel)
        self._notify(channel)

    def _durable_message(self, channel, content, lease):
        id, attempt, number = lease
        return DurableMessage(channel, content, str(id), attempt, number)

    def _dead_message(self, row):
        try:
            error = self.serializer.loads_text(bytes(row.error), ERROR + row.channel)
        except ValueError:
            error = "The error could not be read."
        content = self._decode(bytes(row.content), row.channel)
        return DeadMessage(
            str(row.id), row.channel, content, row.attempts, error, row.died
        )


def _of(channel):
    return {} if channel is None else {"channel": channel}


def _held(message):
    return int(message.id), message.lease
