"""The project with consumers, which pristine Django can't run."""

import os

from hello.settings import *  # noqa: F401,F403
from hello.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "live"]

# Where Redis is, for what isn't measured in one process.
if REDIS := os.environ.get("BENCHMARK_REDIS"):
    CHANNEL_BACKENDS = {
        "default": {
            "BACKEND": "django.channels.backends.redis.RedisChannelBackend",
            "LOCATION": REDIS,
            "CAPACITY": 1_000_000,
            "EXPIRY": 600,
        }
    }
else:
    CHANNEL_BACKENDS = {
        "default": {
            "BACKEND": "django.channels.backends.memory.MemoryChannelBackend",
            "CAPACITY": 1_000_000,
            "EXPIRY": 600,
        }
    }
if os.environ.get("BENCHMARK_HTTP_BACKEND"):
    CHANNEL_HTTP_BACKEND = os.environ["BENCHMARK_HTTP_BACKEND"]
