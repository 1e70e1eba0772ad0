"""The clock of the database, which all processes share."""

from django.db.models import FloatField, Func


class UnixNow(Func):
    """
    The time at which the statement began, in seconds since 1970, UTC, as the
    database's own clock has it: those of the machines around it may differ.
    """

    arity = 0
    output_field = FloatField()
    sql = {
        "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
        "postgresql": "EXTRACT(EPOCH FROM STATEMENT_TIMESTAMP())::float8",
        "mysql": "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1e6)",
    }

    def as_sql(self, compiler, connection, **extra_context):
        return self.sql[connection.vendor], []
