"""
Another process that uses the database, for the tests of the database backend:

    python database_process.py DATABASE take|join

``take`` prints the numbers of the messages it receives on the channel "race",
until one has none. ``join`` makes a reply channel a member of the group "g".
"""

import json
import sys
import time

import django
from django.conf import settings


def main(database, action):
    settings.configure(
        INSTALLED_APPS=["django.channels.backends.database"],
        DATABASES={"default": {}, "channels": json.loads(database)},
        CHANNEL_BACKENDS={
            "default": {
                "BACKEND": "django.channels.backends.database.DatabaseChannelBackend",
                "LOCATION": "channels",
                "OPTIONS": {"LEASE": 1, "POLL_SECONDS": 0.1},
            }
        },
    )
    django.setup()
    from django.channels import channel_backends

    {"take": take, "join": join}[action](channel_backends["default"])


def take(backend):
    receiver = backend.receiver(["race"])
    print("ready", flush=True)
    while (number := receiver.receive().content.get("number")) is not None:
        print(number)
    receiver.close()
    backend.close()


def join(backend):
    class Sink:
        def deliver(self, reply_names, message):
            return ()

    name = backend.reply_name("websocket")
    backend.listen(name, Sink())
    backend.group_add("g", name)
    print(name, flush=True)
    time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
