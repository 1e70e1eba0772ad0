from django.channels import Channel
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Sends messages, numbered from FIRST, on channels that take turns."

    def add_arguments(self, parser):
        parser.add_argument("first", type=int)
        parser.add_argument("number", type=int)
        parser.add_argument("channels", nargs="+")

    def handle(self, *, first, number, channels, **options):
        channels = [Channel(name) for name in channels]
        for i in range(first, first + number):
            channels[i % len(channels)].send(number=i)
