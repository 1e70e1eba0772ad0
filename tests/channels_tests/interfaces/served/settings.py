"""A project as it's deployed: on Redis where the environment names one."""

import os

SECRET_KEY = "served"
ALLOWED_HOSTS = ["127.0.0.1", "example.com"]
ROOT_URLCONF = "channels_tests.interfaces.served.urls"
INSTALLED_APPS = ["channels_tests.interfaces.served"]
USE_TZ = True
CHANNEL_HTTP_BACKEND = os.environ.get("SERVED_HTTP_BACKEND", "local")

if "SERVED_REDIS" in os.environ:
    CHANNEL_BACKENDS = {
        "default": {
            "BACKEND": "django.channels.backends.redis.RedisChannelBackend",
            "LOCATION": os.environ["SERVED_REDIS"],
            "OPTIONS": {
                "TIMEOUT": 20,
                "LEASE": float(os.environ.get("SERVED_LEASE", 10)),
            },
        }
    }

# The server takes the second away when it has begun.
BROKEN = "SERVED_BROKEN" in os.environ and "DJANGO_CHANNELS_CHILD" in os.environ

if "SERVED_BROKEN" in os.environ:
    # No child can import its consumers; it isn't tried for long.
    from django.channels.processes import supervisor

    supervisor.MAX_FAILED_STARTS = 1

if "SERVED_CLOSED" in os.environ and "DJANGO_CHANNELS_CHILD" not in os.environ:
    # As "<&-" does it in a shell.
    os.close(0)

# What a test waits for is printed.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"named": {"format": "%(processName)s: %(message)s"}},
    "handlers": {"printed": {"class": "logging.StreamHandler", "formatter": "named"}},
    "loggers": {"django": {"handlers": ["printed"], "level": "INFO"}},
}
