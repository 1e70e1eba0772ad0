"""
The store in SQLite. Each change is one statement: it takes the write lock
before it looks, so that nothing can have changed in between.
"""

from .clock import UnixNow
from .models import Item, Message
from .store import Row, Store

# The first with RETURNING.
OLDEST = (3, 35)

NOW = f"({UnixNow.sql['sqlite']} + %s)"

ADD = f"""
INSERT INTO django_channels_message (channel, content, expires)
SELECT %s, %s, {NOW} + %s
WHERE (
    SELECT COUNT(*) FROM (
        SELECT 1 FROM django_channels_message WHERE channel = %s LIMIT %s
    )
) < %s
"""

# Deleting takes the write lock even where there is nothing to delete, and waits
# for whoever has it; reading waits for nobody.
PEEK = "SELECT 1 FROM {table} WHERE {where} LIMIT 1"

TAKE = f"""
DELETE FROM django_channels_message WHERE id IN (
    SELECT id FROM django_channels_message WHERE {{where}} ORDER BY id LIMIT %s
) RETURNING id, channel, content, expires <= {NOW}
"""

POST = f"""
INSERT INTO django_channels_item (process, content)
SELECT name, %s FROM django_channels_process
WHERE name IN ({{names}}) AND expires > {NOW} AND (
    SELECT COUNT(*) FROM (
        SELECT 1 FROM django_channels_item WHERE process = name LIMIT %s
    )
) < %s
RETURNING process
"""

TAKE_ITEMS = """
DELETE FROM django_channels_item WHERE id IN (
    SELECT id FROM django_channels_item WHERE {where} ORDER BY id LIMIT %s
) RETURNING id, content
"""


class SQLiteStore(Store):
    def add(self, channel, content, expiry, capacity):
        params = [channel, content, self.ahead, expiry, channel, capacity, capacity]
        with self.connection.cursor() as cursor:
            cursor.execute(ADD, params)
            return cursor.rowcount == 1

    def take(self, channels):
        taken = self._take_rows(f"channel IN ({_places(channels)})", channels, 1)
        return taken[0] if taken else None

    def take_expired(self, limit, channel=None):
        where, params = f"expires <= {NOW}", [self.ahead]
        if channel is not None:
            where, params = f"{where} AND channel = %s", [*params, channel]
        return self._take_rows(where, params, limit)

    def _take_rows(self, where, params, limit):
        taken = self._take(Message, TAKE, where, params, [limit, self.ahead])
        return [Row(*values) for values in taken]

    def _take(self, model, statement, where, params, limits):
        table = model._meta.db_table
        with self.connection.cursor() as cursor:
            cursor.execute(PEEK.format(table=table, where=where), params)
            if cursor.fetchone() is None:
                return []
            cursor.execute(statement.format(where=where), [*params, *limits])
            # RETURNING has no order.
            return sorted(cursor.fetchall())

    def post(self, processes, content, capacity):
        params = [content, *processes, self.ahead, capacity, capacity]
        with self.connection.cursor() as cursor:
            cursor.execute(POST.format(names=_places(processes)), params)
            return [name for name, in cursor.fetchall()]

    def take_items(self, process, limit):
        taken = self._take(Item, TAKE_ITEMS, "process = %s", [process], [limit])
        return [content for _, content in taken]


def _places(values):
    return ", ".join(["%s"] * len(values))
