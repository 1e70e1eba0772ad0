"""
What the tests start as another process: python redis_process.py URL ROLE.

It prints a line when it's ready, and ends when its input does.
"""

import sys

from django.channels import Channel, Group
from django.channels.backends.redis import RedisChannelBackend
from django.conf import settings


def race(backend):
    """Receive with three threads, and print what."""
    import threading

    def take():
        while (message := receiver.receive()) is not None:
            # One write a line: print() makes two.
            sys.stdout.write(f"{message.content['n']}\n")
            sys.stdout.flush()

    receiver = backend.receiver(["a", "b"])
    threads = [threading.Thread(target=take) for _ in range(3)]
    for thread in threads:
        thread.start()
    yield
    receiver.close()
    for thread in threads:
        thread.join()


def member(backend):
    """Be a member of the group g, and print what comes."""

    class Sink:
        def deliver(self, reply_names, message):
            print(message.content["n"], flush=True)
            return ()

    name = backend.reply_name("websocket")
    backend.listen(name, Sink())
    backend.group_add("g", name)
    yield


def worker(backend):
    """Run consumers that answer."""
    from django.channels import channel_backends
    from django.channels.worker import Worker

    @Channel.consumer("echo")
    def echo(reply_channel, n):
        Channel(reply_channel).send(n=n)
        Channel(reply_channel).send(n=-n)

    @Channel.consumer("join")
    async def join(reply_channel):
        await Group("g").aadd(reply_channel)
        await Group("g").asend(joined=True)

    @Channel.consumer("websocket.receive")
    def receive(reply_channel, content):
        Channel(reply_channel).send(content=content)

    worker = Worker(
        channel_backends["default"],
        threads=3,
        channels=["echo", "join", "websocket.receive"],
    )
    worker.start()
    yield
    worker.stop()


def durable(backend):
    """Handle durable messages, and print which, before and after."""
    from time import sleep

    from django.channels import channel_backends
    from django.channels.worker import Worker

    def say(word, n):
        # One write a line: print() makes two.
        sys.stdout.write(f"{word} {n}\n")
        sys.stdout.flush()

    @Channel.consumer("jobs", durable=True)
    def consume(n):
        say("begin", n)
        sleep(0.01)
        say("end", n)

    worker = Worker(channel_backends["default"], threads=2, channels=["jobs"])
    worker.start()
    yield
    worker.stop()


def main(url, role):
    params = {
        "BACKEND": "django.channels.backends.redis.RedisChannelBackend",
        "LOCATION": url,
        "OPTIONS": {"LEASE": 1.5 if role == "member" else 30, "MESSAGE_LEASE": 2},
    }
    settings.configure(CHANNEL_BACKENDS={"default": params})

    import django

    django.setup()
    backend = RedisChannelBackend("default", params)
    roles = {"race": race, "member": member, "worker": worker, "durable": durable}
    steps = roles[role](backend)
    next(steps)
    print("ready", flush=True)
    sys.stdin.read()
    next(steps, None)
    backend.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
