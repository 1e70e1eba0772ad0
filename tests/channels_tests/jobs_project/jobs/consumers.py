"""Jobs that tell the channel "told" what becomes of them."""

import asyncio
import os
import resource
import signal
import sys
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


@Channel.consumer("vanish")
def vanish():
    os._exit(0)


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


@Channel.consumer("hang.thread", durable=True, timeout=0.1, retries=0)
async def hang_thread():
    await asyncio.to_thread(hang)


def fork():
    """Fork, and let the new process return."""
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        tell(forked=os.waitstatus_to_exitcode(status))


def use_up_memory():
    """Ask for 16 GiB where 8 may be had."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (2**33, limits[1]))
    try:
        bytearray(2**34)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


ENDS = {
    "abort": os.abort,
    "exit": sys.exit,
    "fork": fork,
    "kill": crash,
    "leave": lambda: os._exit(7),
    "memory": use_up_memory,
}


@Channel.consumer("end", durable=True, retries=1, backoff=0)
def end(how, attempts, attempt):
    """Come to a bad end so many times."""
    tell(how=how, attempt=attempt)
    if attempt <= attempts:
        ENDS[how]()


@Channel.consumer("end.async", durable=True, retries=1, backoff=0)
async def end_async(how, attempts, attempt):
    end(how, attempts, attempt)
