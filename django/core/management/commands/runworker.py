import signal
import threading

from django.channels import DEFAULT_CHANNEL_BACKEND_ALIAS, channel_backends
from django.channels.exceptions import InvalidChannelBackend
from django.channels.worker import Worker
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Runs a worker: it receives channels' messages and runs their consumers."

    def add_arguments(self, parser):
        parser.add_argument(
            "--backend",
            default=DEFAULT_CHANNEL_BACKEND_ALIAS,
            metavar="ALIAS",
            help="Alias of the channel backend to receive from.",
        )
        parser.add_argument(
            "--threads",
            type=int,
            default=1,
            help="How many messages are handled at once by plain consumers.",
        )

    def handle(self, *, backend, threads, **options):
        if threads < 1:
            raise CommandError("--threads must be at least 1.")
        try:
            carrier = channel_backends[backend]
        except InvalidChannelBackend as error:
            raise CommandError(str(error)) from error
        if carrier.process_local:
            raise CommandError(
                f"CHANNEL_BACKENDS[{backend!r}] is {type(carrier).__qualname__}, which "
                f"holds messages in the memory of one process: a worker in another "
                f"would never see any. Set its BACKEND to one that processes share, "
                f"or use runserver or runwsserver, which have workers inside."
            )
        self.check_migrations()
        worker = Worker(carrier, threads=threads)
        stopped = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *args: stopped.set())
        worker.start()
        self.stdout.write(
            f"Worker ready: {threads} threads, {len(worker.channels)} channels of "
            f"backend {backend!r}. Quit with CONTROL-C."
        )
        stopped.wait()
        worker.stop(timeout=30)
