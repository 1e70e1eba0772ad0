"""
Send messages through Redis in one way: python redis_ways.py WAY URL NUMBER.
Print what each cost the server, and how many were lost when connections are cut.
"""

import json
import sys
import threading
import time

import redis

import django
from django.channels.backends.redis import RedisChannelBackend
from django.channels.delivery import Delivery
from django.channels.message import Message
from django.conf import settings

CONTENT = {"number": 1}
READERS = 2
SENDER = "sender"
# In seconds, while connections are cut: between sends, between cuts, and how
# long nothing may come before what is missing is taken for lost.
PACE, CUT_EVERY, SILENCE = 0.001, 0.05, 5


def backend(url, name=""):
    options = {"CLIENT_OPTIONS": {"client_name": name}} if name else {}
    params = {"LOCATION": url, "CAPACITY": 1_000_000, "EXPIRY": 3600}
    return RedisChannelBackend("default", {**params, "OPTIONS": options})


class Ours:
    """Durable messages as the backend has them: in a stream, by scripts."""

    def __init__(self, url):
        self.backend = backend(url)

    def run(self, number):
        message, delivery = Message("jobs", CONTENT), Delivery(durable=True)
        for _ in range(number):
            self.backend.add(message, delivery)
        receiver = self.backend.receiver(["jobs"])
        for _ in range(number):
            done = receiver.receive(0)
            self.backend.acknowledge_soon(done, lambda answer: None)
        self.backend.settle_up()
        receiver.close()

    def close(self):
        self.backend.close()


class Stream:
    """What a stream needs at least: add, read for a group, acknowledge, delete."""

    def __init__(self, url):
        self.client = redis.Redis.from_url(url)
        self.client.xgroup_create("jobs", "workers", mkstream=True)

    def run(self, number):
        data = json.dumps(CONTENT)
        for _ in range(number):
            self.client.xadd("jobs", {"data": data})
        last = None
        for _ in range(number + 1):
            pipeline = self.client.pipeline(transaction=False)
            if last is not None:
                pipeline.xack("jobs", "workers", last)
                pipeline.xdel("jobs", last)
            pipeline.xreadgroup("workers", "worker", {"jobs": ">"}, count=1)
            found = pipeline.execute()[-1]
            last = found[0][1][0][0] if found else None

    def close(self):
        self.client.close()


class Counts:
    """How many messages each reader has got."""

    def __init__(self):
        self.got = [0] * READERS
        self.changed = time.monotonic()

    def add(self, reader):
        self.got[reader] += 1
        self.changed = time.monotonic()

    def wait(self, number):
        """Wait for so many at each. Return how many didn't come."""
        while min(self.got) < number and time.monotonic() < self.changed + SILENCE:
            time.sleep(0.001)
        return sum(number - got for got in self.got)


class Inboxes(Counts):
    """Ours: a list of each process, what is added to which is published."""

    class Sink:
        def __init__(self, add):
            self.add = add

        def deliver(self, names, message):
            self.add()
            return ()

    def __init__(self, url):
        super().__init__()
        self.sender = backend(url, SENDER)
        self.readers = [backend(url) for _ in range(READERS)]
        for index, reader in enumerate(self.readers):
            name = reader.reply_name("socket")
            reader.listen(name, self.Sink(lambda index=index: self.add(index)))
            reader.group_add("all", name)

    def send(self):
        self.sender.group_send("all", CONTENT)

    def close(self):
        for each in (*self.readers, self.sender):
            each.close()


class Sharded(Counts):
    """SSUBSCRIBE and SPUBLISH. redis-py connects again and subscribes again."""

    def __init__(self, url):
        super().__init__()
        self.data = json.dumps(CONTENT)
        self.sender = redis.Redis.from_url(url, client_name=SENDER)
        self.stopped = threading.Event()
        self.threads = []
        for index in range(READERS):
            subscription = redis.Redis.from_url(url).pubsub()
            subscription.ssubscribe("all")
            arguments = (index, subscription)
            self.threads.append(threading.Thread(target=self.read, args=arguments))
            self.threads[-1].start()
        while self.sender.execute_command("PUBSUB", "SHARDNUMSUB", "all")[1] < READERS:
            time.sleep(0.01)

    def read(self, index, subscription):
        while not self.stopped.is_set():
            try:
                message = subscription.get_message(timeout=0.1)
            except redis.ConnectionError:
                continue
            if message and message["type"] == "smessage":
                self.add(index)
        subscription.close()

    def send(self):
        self.sender.spublish("all", self.data)

    def close(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        self.sender.close()


def cut(client, stopped):
    """Close every connection but the sender's and the own, again and again."""
    own = client.client_id()
    while not stopped.wait(CUT_EVERY):
        for each in client.client_list():
            if each["name"] != SENDER and int(each["id"]) != own:
                client.execute_command("CLIENT", "KILL", "ID", each["id"])


def lost(way, client, number):
    """Return how many of so many messages a reader misses, cut off meanwhile."""
    stopped = threading.Event()
    thread = threading.Thread(target=cut, args=(client, stopped))
    thread.start()
    for _ in range(number):
        way.send()
        time.sleep(PACE)
    stopped.set()
    thread.join()
    return way.wait(2 * number)


def main(name, url, number):
    settings.configure(INSTALLED_APPS=[])
    django.setup()
    number = int(number)
    classes = {
        "ours": Ours,
        "stream": Stream,
        "inboxes": Inboxes,
        "sharded": Sharded,
    }
    way, client = classes[name](url), redis.Redis.from_url(url)
    used, clock = processor_time(client), time.perf_counter()
    if hasattr(way, "send"):
        for _ in range(number):
            way.send()
        way.wait(number)
    else:
        way.run(number)
    seconds = time.perf_counter() - clock
    microseconds = (processor_time(client) - used) * 1e6 / number
    found = {"microseconds": microseconds, "rate": number / seconds}
    if hasattr(way, "send"):
        found["lost"] = lost(way, client, number)
    way.close()
    client.close()
    print(json.dumps(found))


def processor_time(client):
    used = client.info("cpu")
    return used["used_cpu_user"] + used["used_cpu_sys"]


if __name__ == "__main__":
    main(*sys.argv[1:])
