import sys

from django.channels import Channel
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = (
        "Sends messages: for each line FIRST NUMBER CHANNEL… so many, numbered "
        "from FIRST, on channels that take turns. Prints a line when it has."
    )

    def handle(self, **options):
        self.stdout.write("Ready.")
        self.stdout.flush()
        for line in sys.stdin:
            first, number, *names = line.split()
            channels = [Channel(name) for name in names]
            for i in range(int(first), int(first) + int(number)):
                channels[i % len(channels)].send(number=i)
            self.stdout.write("Sent.")
            self.stdout.flush()
