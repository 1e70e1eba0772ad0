"""
Settings of the chat, as short as they can be.

There is nothing about channels in here: with the defaults, messages are
carried in the memory of the process that ``manage.py runserver`` starts.
"""

from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

# For development on one's own machine. See "Deployment checklist" in Django's
# documentation before anyone else can reach it.
SECRET_KEY = "an-example-has-no-secrets"
DEBUG = True
ALLOWED_HOSTS = []

INSTALLED_APPS = [
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "chat",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": ["django.template.context_processors.request"],
        },
    }
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": BASE_DIR / "chat.sqlite3",
        "OPTIONS": {
            # Consumers of different sockets write at the same time, from
            # several threads: let them queue for the lock from the start.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
