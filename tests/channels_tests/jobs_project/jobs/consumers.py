"""Jobs that tell the channel "told" what becomes of them."""

import asyncio
import os
import signal
import threading
import time

from django.channels import Channel, default_channel_backend

VERSION = 1


def tell(**content):
    Channel("told").send(pid=os.getpid(), **content)


@Channel.consumer("answer")
def answer(**content):
    tell(answered=VERSION)


@Channel.consumer("fail")
def fail(**content):
    raise ValueError


@Channel.consumer("crash")
def crash():
    os.kill(os.getpid(), signal.SIGKILL)


@Channel.consumer("meet")
def meet():
    """Take until somebody says "go"."""
    tell(begun=True)
    receiver = default_channel_backend.receiver(["go"])
    receiver.receive()
    receiver.close()


@Channel.consumer("finish")
def finish():
    """Take until the worker receives nothing more."""
    tell(begun=True)
    while default_channel_backend.is_served("finish"):
        time.sleep(0.01)
    tell(ended=True)


@Channel.consumer("hang")
def hang():
    tell(begun=True)
    threading.Event().wait()


@Channel.consumer("hang.async")
async def hang_async():
    await asyncio.to_thread(tell, begun=True)
    await asyncio.Event().wait()
