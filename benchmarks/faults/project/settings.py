"""A project of jobs. The scripts say where its channels and its files are."""

import json
import os
from pathlib import Path

FOLDER = Path(os.environ["FAULTS_FOLDER"])

SECRET_KEY = "for-benchmarks"
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
INSTALLED_APPS = ["jobs", *json.loads(os.environ["FAULTS_APPS"])]
ROOT_URLCONF = "urls"
CHANNEL_BACKENDS = {
    **json.loads(os.environ["FAULTS_CHANNEL_BACKENDS"]),
    # Requests, which are answered where they came in. Few wait: they would be
    # answered late, and those beyond hear it at once.
    "local": {
        "BACKEND": "django.channels.backends.memory.MemoryChannelBackend",
        "CAPACITY": 2,
    },
}
DATABASES = {
    "default": json.loads(os.environ["FAULTS_DATABASE"])
    or {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "db.sqlite3"}
}
# Warnings and errors are shown at the end of a script that fails.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "loggers": {"django": {"handlers": ["stderr"], "level": "WARNING"}},
}
