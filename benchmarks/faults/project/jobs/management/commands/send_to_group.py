import json
import sys
import threading
import time
from itertools import count

from django.channels import Group, default_channel_backend
from django.channels.exceptions import ChannelError
from django.core.management.base import BaseCommand

# Seconds from the end of a send to the next.
PAUSE = 0.05


class Command(BaseCommand):
    help = (
        "Sends numbered frames to GROUP until there is a line to read. Prints of "
        "each send when it was begun, how many seconds it took, how many members the "
        "group has then, and what it raised."
    )

    def add_arguments(self, parser):
        parser.add_argument("group")

    def handle(self, *, group, **options):
        self.stdout.write("Ready.")
        self.stdout.flush()
        ended = threading.Event()
        threading.Thread(target=self.wait, args=[ended]).start()
        sends = []
        for number in count():
            if ended.wait(PAUSE):
                break
            sends.append(self.send(group, number))
        self.stdout.write(json.dumps(sends))

    def wait(self, ended):
        sys.stdin.readline()
        ended.set()

    def send(self, group, number):
        error = None
        begun = time.monotonic()
        try:
            Group(group).send(content=f"all {number}")
        except ChannelError as failure:
            error = type(failure).__name__
        seconds = time.monotonic() - begun
        return begun, seconds, len(default_channel_backend._members(group)), error
