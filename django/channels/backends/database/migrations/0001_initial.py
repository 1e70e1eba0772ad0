import django.channels.backends.database.models
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Process",
            fields=[
                (
                    "name",
                    django.channels.backends.database.models.NameField(
                        max_length=100, primary_key=True, serialize=False
                    ),
                ),
                ("expires", models.FloatField()),
            ],
        ),
        migrations.CreateModel(
            name="DurableMessage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "channel",
                    django.channels.backends.database.models.NameField(max_length=100),
                ),
                ("content", models.BinaryField()),
                ("priority", models.SmallIntegerField()),
                ("due", models.FloatField()),
                ("kept", models.FloatField(null=True)),
                ("attempts", models.IntegerField(default=0)),
                ("lease", models.IntegerField(default=0)),
                ("leased", models.BooleanField(default=False)),
                (
                    "unique",
                    django.channels.backends.database.models.KeyField(
                        max_length=200, null=True
                    ),
                ),
                (
                    "waits",
                    django.channels.backends.database.models.KeyField(
                        max_length=200, null=True
                    ),
                ),
                (
                    "key",
                    django.channels.backends.database.models.KeyField(
                        max_length=200, null=True
                    ),
                ),
                (
                    "runs",
                    django.channels.backends.database.models.KeyField(
                        max_length=200, null=True
                    ),
                ),
                ("error", models.BinaryField(null=True)),
                ("died", models.FloatField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["channel", "died", "due"], name="channels_durable_due"
                    ),
                    models.Index(
                        fields=["channel", "died", "-priority", "id"],
                        name="channels_durable_first",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("channel", "waits"), name="channels_durable_waits"
                    ),
                    models.UniqueConstraint(
                        fields=("channel", "runs"), name="channels_durable_runs"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Item",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "process",
                    django.channels.backends.database.models.NameField(max_length=100),
                ),
                ("content", models.BinaryField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["process", "id"], name="channels_item_inbox")
                ],
            },
        ),
        migrations.CreateModel(
            name="Member",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "group",
                    django.channels.backends.database.models.NameField(max_length=100),
                ),
                (
                    "member",
                    django.channels.backends.database.models.NameField(max_length=100),
                ),
                (
                    "token",
                    django.channels.backends.database.models.NameField(
                        blank=True, max_length=100
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["member"], name="channels_member_groups")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("group", "member"), name="channels_member_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                (
                    "channel",
                    django.channels.backends.database.models.NameField(max_length=100),
                ),
                ("content", models.BinaryField()),
                ("expires", models.FloatField()),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["channel", "id"], name="channels_message_queue"
                    ),
                    models.Index(fields=["expires"], name="channels_message_expiry"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Result",
            fields=[
                (
                    "id",
                    django.channels.backends.database.models.NameField(
                        max_length=100, primary_key=True, serialize=False
                    ),
                ),
                ("content", models.BinaryField()),
                ("expires", models.FloatField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["expires"], name="channels_result_expiry")
                ],
            },
        ),
    ]
