"""
The settings that a suite runs with, in a pristine tree as in a patched one.

Upstream's own for SQLite, another database where ``SUITE_SOCKET`` names the
folder of a PostgreSQL server's socket, and the mode's settings, as JSON in
``SUITE_SETTINGS``.
"""

import json
import os

from test_sqlite import *  # noqa: F401,F403

TEST_RUNNER = "suite_recorder.Recorder"

if "SUITE_SOCKET" in os.environ:
    DATABASES = {
        alias: {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": os.environ["SUITE_SOCKET"],
            "USER": "django",
            "NAME": name,
        }
        for alias, name in {"default": "django", "other": "django_other"}.items()
    }

globals().update(json.loads(os.environ.get("SUITE_SETTINGS", "{}")))
