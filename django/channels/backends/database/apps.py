from django.apps import AppConfig


class DatabaseChannelsConfig(AppConfig):
    name = "django.channels.backends.database"
    label = "django_channels"
    verbose_name = "Channels"
    default_auto_field = "django.db.models.BigAutoField"
