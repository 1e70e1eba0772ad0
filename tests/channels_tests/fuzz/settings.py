"""Django, set up where no test runner has done it."""

import django
from django.conf import settings


def set_up():
    settings.configure(ALLOWED_HOSTS=["localhost"])
    django.setup()
