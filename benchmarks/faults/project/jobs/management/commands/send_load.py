import json
import sys
import threading
import time
from itertools import count

from jobs.notes import note

from django.channels import Channel
from django.channels.exceptions import BackendUnavailable
from django.core.management.base import BaseCommand

# Seconds from the end of a send to the next one of its thread. Workers aren't as
# fast, so that messages wait when a fault begins.
PAUSE = 0.002


class Command(BaseCommand):
    help = (
        "Sends messages numbered from FIRST until there is a line to read: on the "
        "channel 'race' those with even numbers, on 'kept' the others. Notes what "
        "became of each. Prints the longest time that a send took, in seconds, and "
        "what was raised besides BackendUnavailable."
    )

    def add_arguments(self, parser):
        parser.add_argument("first", type=int)
        parser.add_argument("--threads", type=int, default=4)

    def handle(self, *, first, threads, **options):
        self.numbers = count(first)
        self.ended = threading.Event()
        self.longest, self.others = 0, set()
        senders = [threading.Thread(target=self.send_until) for _ in range(threads)]
        for sender in senders:
            sender.start()
        self.stdout.write("Ready.")
        self.stdout.flush()
        sys.stdin.readline()
        self.ended.set()
        for sender in senders:
            sender.join()
        found = {"longest": self.longest, "others": sorted(self.others)}
        self.stdout.write(json.dumps(found))

    def send_until(self):
        while not self.ended.wait(PAUSE):
            number = next(self.numbers)
            begun = time.monotonic()
            note(self.send(number), number)
            self.longest = max(self.longest, time.monotonic() - begun)

    def send(self, number):
        """Return what became of it, in a word."""
        try:
            Channel("kept" if number % 2 else "race").send(number=number)
        except BackendUnavailable as error:
            return "unsent" if error.unsent else "unclear"
        except Exception as error:
            self.others.add(type(error).__name__)
            return "failed"
        return "sent"
