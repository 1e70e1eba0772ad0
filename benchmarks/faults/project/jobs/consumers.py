"""What the scripts have handled. Each job notes the number of its message."""

import os
from functools import lru_cache

from asgiref.sync import sync_to_async

from django.channels import Channel, Group
from django.conf import settings
from django.db import connection


def note(number):
    # One write each, so that lines stay whole.
    os.write(notes(os.getpid()), b"%d\n" % number)


@lru_cache
def notes(pid):
    file = settings.FOLDER / f"handled-{pid}"
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def query():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@Channel.consumer("race")
def race(number):
    note(number)


@Channel.consumer("use")
def use(number):
    query()
    Group("all").add("used")
    Channel("noted").send(number=number)


@Channel.consumer("use.async")
async def use_async(number):
    await sync_to_async(query)()
    await Group("all").aadd("used")
    await Channel("noted").asend(number=number)


@Channel.consumer("noted")
def noted(number):
    note(number)
