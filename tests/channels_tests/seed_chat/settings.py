"""A project of 2015: its chat, and a task that a view sends to a worker."""

import os

SECRET_KEY = "for-tests"
DEBUG = True
ROOT_URLCONF = "urls"
USE_TZ = True
# "with_redis" or "with_group".
INSTALLED_APPS = ["django.contrib.staticfiles", os.environ["SEED_CHAT"], "tasks"]
STATIC_URL = "static/"
REDIS_URL = os.environ.get("SEED_REDIS_URL")

if "SEED_CHANNELS_URL" in os.environ:
    CHANNEL_BACKENDS = {
        "default": {
            "BACKEND": "django.channels.backends.redis.RedisChannelBackend",
            "LOCATION": os.environ["SEED_CHANNELS_URL"],
        }
    }
