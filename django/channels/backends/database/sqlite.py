"""
The store in SQLite. Each change is one statement: it takes the write lock
before it looks, so that nothing can have changed in between.
"""

from contextlib import nullcontext

from .clock import UnixNow
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
PEEK = "SELECT 1 FROM django_channels_message WHERE {where} LIMIT 1"

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


DELETE_ITEMS = "DELETE FROM django_channels_item WHERE id IN ({ids})"

READ_ITEMS = """
SELECT id, content FROM django_channels_item WHERE process = %s ORDER BY id LIMIT %s
"""


class SQLiteStore(Store):
    def hurrying(self):
        # All changes wait for each other, and no longer than the timeout.
        return nullcontext()

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
        with self.connection.cursor() as cursor:
            cursor.execute(PEEK.format(where=where), params)
            if cursor.fetchone() is None:
                return []
            cursor.execute(TAKE.format(where=where), [*params, limit, self.ahead])
            # RETURNING has no order.
            return [Row(*values) for values in sorted(cursor.fetchall())]

    def post(self, processes, content, capacity):
        params = [content, *processes, self.ahead, capacity, capacity]
        with self.connection.cursor() as cursor:
            cursor.execute(POST.format(names=_places(processes)), params)
            return [name for name, in cursor.fetchall()]

    def read_items(self, process, arrived, limit):
        with self.connection.cursor() as cursor:
            if arrived:
                cursor.execute(DELETE_ITEMS.format(ids=_places(arrived)), arrived)
            cursor.execute(READ_ITEMS, [process, limit])
            return dict(cursor.fetchall())


def _places(values):
    return ", ".join(["%s"] * len(values))
