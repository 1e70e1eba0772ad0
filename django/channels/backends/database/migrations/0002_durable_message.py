import django.channels.backends.database.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("django_channels", "0001_initial"),
    ]

    operations = [
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
                    )
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
    ]
