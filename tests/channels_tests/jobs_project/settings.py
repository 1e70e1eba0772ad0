"""A project of jobs alone, for workers in processes of their own."""

import json
import os

SECRET_KEY = "for-tests"
DEBUG = True
ALLOWED_HOSTS = ["localhost"]
ROOT_URLCONF = "urls"
USE_TZ = True
INSTALLED_APPS = ["jobs"]
CHANNEL_HTTP_BACKEND = "default"
CHANNEL_BACKENDS = {
    "default": {
        "BACKEND": "django.channels.backends.redis.RedisChannelBackend",
        "LOCATION": os.environ["JOBS_REDIS_URL"],
        "OPTIONS": {"MESSAGE_LEASE": float(os.environ.get("JOBS_LEASE", "10"))},
    }
}
TASKS = json.loads(os.environ.get("JOBS_TASKS", "{}"))
