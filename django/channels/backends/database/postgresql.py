"""
The store in PostgreSQL. Whoever takes something skips what others are taking,
and whoever adds something notifies the other processes when it commits.
"""

import secrets
from contextlib import contextmanager

from django.db import transaction

from .clock import UnixNow
from .notifications import TOPIC, NotificationAlarm
from .store import INBOX_MARK, Row, Store

NOW = f"({UnixNow.sql['postgresql']} + %s::float8)"

ADD = f"""
WITH added AS (
    INSERT INTO django_channels_message (channel, content, expires)
    SELECT %s::varchar, %s::bytea, {NOW} + %s::float8
    WHERE (
        SELECT COUNT(*) FROM (
            SELECT 1 FROM django_channels_message WHERE channel = %s LIMIT %s
        ) AS waiting
    ) < %s
    RETURNING channel
)
SELECT pg_notify('{TOPIC}', %s::text || ' ' || channel) FROM added
"""

TAKE = f"""
DELETE FROM django_channels_message WHERE id = ANY(ARRAY(
    SELECT id FROM django_channels_message WHERE {{where}}
    ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
)) RETURNING id, channel, content, expires <= {NOW}
"""

POST = f"""
WITH posted AS (
    INSERT INTO django_channels_item (process, content)
    SELECT name, %s::bytea FROM django_channels_process
    WHERE name = ANY(%s::varchar[]) AND expires > {NOW} AND (
        SELECT COUNT(*) FROM (
            SELECT 1 FROM django_channels_item WHERE process = name LIMIT %s
        ) AS waiting
    ) < %s
    RETURNING process
)
SELECT process, pg_notify('{TOPIC}', %s::text || ' {INBOX_MARK}' || process)
FROM posted
"""

READ_ITEMS = """
WITH arrived AS (DELETE FROM django_channels_item WHERE id = ANY(%s::bigint[]))
SELECT id, content FROM django_channels_item
WHERE process = %s AND id <> ALL(%s::bigint[]) ORDER BY id LIMIT %s
"""


class PostgreSQLStore(Store):
    # None of them has died, but it takes the index only if that's said.
    job_order = ("died", *Store.job_order)

    @contextmanager
    def hurrying(self):
        # For a transaction only: behind a pooler the session is others', too.
        with transaction.atomic(self.using), self.connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '200ms'")
            yield

    def __init__(self, using):
        super().__init__(using)
        self.origin = secrets.token_hex(6)

    def alarm(self):
        return NotificationAlarm(self)

    def announce(self, name):
        with self.connection.cursor() as cursor:
            # Heard when the transaction commits.
            cursor.execute("SELECT pg_notify(%s, %s)", [TOPIC, f"{self.origin} {name}"])

    def add(self, channel, content, expiry, capacity):
        params = [channel, content, self.ahead, expiry, channel, capacity, capacity]
        with self.connection.cursor() as cursor:
            cursor.execute(ADD, [*params, self.origin])
            return cursor.fetchone() is not None

    def take(self, channels):
        taken = self._take_rows("channel = ANY(%s::varchar[])", [list(channels)], 1)
        return taken[0] if taken else None

    def take_expired(self, limit, channel=None):
        where, params = f"expires <= {NOW}", [self.ahead]
        if channel is not None:
            where, params = f"{where} AND channel = %s", [*params, channel]
        return self._take_rows(where, params, limit)

    def _take_rows(self, where, params, limit):
        with self.connection.cursor() as cursor:
            cursor.execute(TAKE.format(where=where), [*params, limit, self.ahead])
            # RETURNING has no order, and psycopg2 returns a memoryview.
            return sorted(
                Row(id, channel, bytes(content), expired)
                for id, channel, content, expired in cursor.fetchall()
            )

    def post(self, processes, content, capacity):
        params = [content, list(processes), self.ahead, capacity, capacity]
        with self.connection.cursor() as cursor:
            cursor.execute(POST, [*params, self.origin])
            return [name for name, _ in cursor.fetchall()]

    def read_items(self, process, arrived, limit):
        with self.connection.cursor() as cursor:
            cursor.execute(READ_ITEMS, [arrived, process, arrived, limit])
            return dict(cursor.fetchall())
