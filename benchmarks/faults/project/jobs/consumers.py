"""The jobs, which note what becomes of their messages, and a chat."""

import random
import time

from asgiref.sync import sync_to_async
from jobs.notes import note

from django.channels import Channel, Group
from django.channels.signals import worker_stopped
from django.db import connection
from django.dispatch import receiver

# The longest that a durable job takes, in seconds: enough for a worker to be
# killed in the middle of one.
LONGEST = {"kept": 0.02, "kept.long": 0.2}


def query():
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@Channel.consumer("race")
def race(number):
    note("handled", number)


# However often the worker is killed.
@Channel.consumer([*LONGEST], durable=True, retries=1_000_000)
def kept(channel, number):
    note("begun", number)
    time.sleep(random.uniform(0, LONGEST[channel]))
    note("handled", number)


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


@Channel.consumer("use.peak")
async def use_peak(number):
    """Keep a thread for so long that each of many messages needs its own."""
    await sync_to_async(time.sleep)(1)
    await use_async(number)


@Channel.consumer("noted")
def noted(number):
    note("handled", number)


@Channel.consumer("websocket.connect")
def connect(reply_channel):
    Group("sockets").add(reply_channel)


@Channel.consumer("websocket.receive")
def receive(reply_channel, content):
    if content.startswith("all "):
        Group("sockets").send(content=content)
    else:
        Channel(reply_channel).send(content=content)


@receiver(worker_stopped)
def note_dropped(worker, **kwargs):
    note("dropped", sum(worker.backend.dropped.values()))
