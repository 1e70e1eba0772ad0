"""Transactions that code has left open in its thread, where nobody ends them."""

from django.db import connections
from django.db.transaction import TransactionManagementError

from .thread_connections import has_connections


def left_open():
    """
    Return this thread's connections that are in a transaction. One that tests
    share with other threads isn't looked at: what is open there may be theirs.
    """
    if not has_connections():
        return []
    return [
        connection
        for connection in connections.all(initialized_only=True)
        if connection.connection is not None
        and connection.autocommit != connection.settings_dict["AUTOCOMMIT"]
        and not connection.allow_thread_sharing
    ]


def end_transactions():
    """Roll back what was left open. Return an exception then, else None."""
    left = None
    for connection in left_open():
        connection.close()
        # A new one isn't in an atomic block.
        del connections[connection.alias]
        left = TransactionManagementError(
            f"A transaction was left open on the database {connection.alias!r}, and "
            f"was rolled back. Use atomic(), or set_autocommit(True) at the end."
        )
    return left
