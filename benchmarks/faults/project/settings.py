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
CHANNEL_BACKENDS = json.loads(os.environ["FAULTS_CHANNEL_BACKENDS"])
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
