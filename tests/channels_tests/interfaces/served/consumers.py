import os
import threading

from django.channels import Channel, Group
from django.conf import settings

if settings.BROKEN:
    raise RuntimeError("It can't be imported.")


@Channel.consumer("websocket.connect")
def connect(reply_channel):
    Group("all").add(reply_channel)


@Channel.consumer("websocket.receive")
def receive(reply_channel, content, scheme=None):
    if content == "pid":
        Channel(reply_channel).send(content=str(os.getpid()))
    elif content == "hang":
        Channel(reply_channel).send(content=str(os.getpid()))
        threading.Event().wait()
    elif content.startswith("all "):
        Group("all").send(content=content)
    else:
        Channel(reply_channel).send(content=content)
