"""
The tables of the database backend.

Times are seconds since 1970 on the database's clock (see ``clock``), so that
no setting of a time zone has a part in them.
"""

from django.db import models


class NameField(models.CharField):
    """The name of a channel, a group or a process: ASCII, case matters."""

    def __init__(self, **kwargs):
        kwargs.setdefault("max_length", 100)
        super().__init__(**kwargs)

    def db_type(self, connection):
        db_type = super().db_type(connection)
        if connection.vendor == "mysql":
            # By default MySQL and MariaDB compare without regard to case.
            db_type += " CHARACTER SET ascii COLLATE ascii_bin"
        return db_type


class KeyField(models.CharField):
    """A name that a project chooses: any text, case matters."""

    def __init__(self, **kwargs):
        kwargs.setdefault("max_length", 200)
        kwargs.setdefault("null", True)
        super().__init__(**kwargs)

    def db_type(self, connection):
        db_type = super().db_type(connection)
        if connection.vendor == "mysql":
            # By most collations, spaces at the end don't count.
            name = "nopad_bin" if connection.mysql_is_mariadb else "0900_bin"
            db_type += f" CHARACTER SET utf8mb4 COLLATE utf8mb4_{name}"
        return db_type


class Message(models.Model):
    """A message that waits on a channel."""

    channel = NameField()
    content = models.BinaryField()
    expires = models.FloatField()

    class Meta:
        indexes = [
            models.Index(fields=["channel", "id"], name="channels_message_queue"),
            models.Index(fields=["expires"], name="channels_message_expiry"),
        ]


class DurableMessage(models.Model):
    """
    A message of a durable channel, or a delayed one: ``kept`` is then how many
    seconds it's kept when it's due, and otherwise None. See ``jobs``.
    """

    channel = NameField()
    content = models.BinaryField()
    priority = models.SmallIntegerField()
    # When it can be received, or when its lease is over.
    due = models.FloatField()
    kept = models.FloatField(null=True)
    attempts = models.IntegerField(default=0)
    # Of the latest lease; and whether it hasn't been given back.
    lease = models.IntegerField(default=0)
    leased = models.BooleanField(default=False)
    # The name that it's unique by, and again while it waits; and the key, and
    # again while it runs.
    unique = KeyField()
    waits = KeyField()
    key = KeyField()
    runs = KeyField()
    error = models.BinaryField(null=True)
    died = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "waits"], name="channels_durable_waits"
            ),
            models.UniqueConstraint(
                fields=["channel", "runs"], name="channels_durable_runs"
            ),
        ]
        indexes = [
            models.Index(
                fields=["channel", "died", "due"], name="channels_durable_due"
            ),
            # The order in which they're taken: a long queue isn't sorted.
            models.Index(
                fields=["channel", "died", "-priority", "id"],
                name="channels_durable_first",
            ),
        ]


class Result(models.Model):
    """What store_result() keeps."""

    id = NameField(primary_key=True)
    content = models.BinaryField()
    expires = models.FloatField()

    class Meta:
        indexes = [
            models.Index(fields=["expires"], name="channels_result_expiry"),
        ]


class Process(models.Model):
    """A process that has an inbox, until its lease is over."""

    name = NameField(primary_key=True)
    expires = models.FloatField()


class Item(models.Model):
    """What waits in the inbox of a process."""

    process = NameField()
    content = models.BinaryField()

    class Meta:
        indexes = [models.Index(fields=["process", "id"], name="channels_item_inbox")]


class Member(models.Model):
    """
    A member of a group: an ordinary channel, or a process that holds sockets
    that are in the group. See SharedChannelBackend for the token.
    """

    group = NameField()
    member = NameField()
    token = NameField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["group", "member"], name="channels_member_once"
            )
        ]
        indexes = [
            models.Index(fields=["member"], name="channels_member_groups"),
        ]
