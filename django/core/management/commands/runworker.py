from functools import partial

from django.channels import DEFAULT_CHANNEL_BACKEND_ALIAS, channel_backends, consumers
from django.channels.exceptions import InvalidChannelBackend
from django.channels.patterns import choose
from django.channels.processes import readiness
from django.channels.processes.exits import leave
from django.channels.processes.parent import Parent
from django.channels.processes.reloading import run_reloading
from django.channels.processes.supervisor import Supervisor
from django.channels.processes.worker_process import WorkerProcess
from django.channels.worker import Worker
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connections
from django.utils.autoreload import get_child_arguments


class Command(BaseCommand):
    help = "Runs a worker: it receives channels' messages and runs their consumers."

    def add_arguments(self, parser):
        add = parser.add_argument
        add(
            "--backend",
            default=DEFAULT_CHANNEL_BACKEND_ALIAS,
            metavar="ALIAS",
            help="Alias of the channel backend to receive from.",
        )
        add(
            "--processes",
            type=int,
            default=1,
            help=(
                "How many processes there are. With more than 1, a further one "
                "watches over them. Default: %(default)s."
            ),
        )
        add(
            "--threads",
            type=int,
            default=1,
            help=(
                "How many messages are handled at once by plain consumers, in each "
                "process. Default: %(default)s."
            ),
        )
        add(
            "--channels",
            nargs="+",
            action="extend",
            default=[],
            metavar="PATTERN",
            help="Channels to receive from, such as 'mail.*'. Default: all.",
        )
        add(
            "--exclude",
            nargs="+",
            action="extend",
            default=[],
            metavar="PATTERN",
            help="Channels not to receive from.",
        )
        add(
            "--grace",
            type=float,
            default=30,
            metavar="SECONDS",
            help=(
                "How long what runs has to end when the worker is told to stop. "
                "Default: %(default)s."
            ),
        )
        add(
            "--max-messages",
            type=int,
            metavar="NUMBER",
            help="Replaces a process that has handled so many messages.",
        )
        add(
            "--reload",
            action="store_true",
            help="Starts anew when code changes; for development.",
        )

    def execute(self, *args, **options):
        if options["reload"]:
            # They're for start_reloaded(), where an error isn't the end.
            self.requires_system_checks = []
        return super().execute(*args, **options)

    def handle(self, **options):
        self.options = options
        self.check_options()
        if options["reload"]:
            run_reloading(self.start_reloaded)
            return
        parent = Parent.find("worker")
        supervised = options["processes"] > 1 or options["max_messages"] is not None
        if supervised and parent is None:
            status = self.supervise()
        else:
            status = self.work(parent)
        if status:
            leave(status)
        if parent is not None:
            parent.end()

    def check_options(self):
        for name in ("processes", "threads", "max_messages"):
            value = self.options[name]
            if value is not None and value < 1:
                raise CommandError(f"--{name.replace('_', '-')} must be at least 1.")
        if not self.options["grace"] >= 0:
            raise CommandError("--grace must be at least 0.")
        if self.options["reload"] and (
            self.options["processes"] > 1 or self.options["max_messages"]
        ):
            raise CommandError(
                "--reload runs one process: leave --processes and --max-messages out."
            )

    def supervise(self):
        # What is wrong with the options is told once, here. The worker isn't
        # started, so that this process opens no connection.
        announce = partial(self.announce, self.make_worker())
        supervisor = Supervisor(
            get_child_arguments(),
            "worker",
            self.options["processes"],
            self.options["grace"],
        )
        return supervisor.run(announce)

    def work(self, parent):
        worker = self.make_worker()
        if parent is None or parent.number == 0:
            self.warn_of_migrations()
            worker.backend.check_server()
        process = WorkerProcess(
            worker,
            self.options["grace"],
            parent,
            self.options["max_messages"],
            write=self.write_line if self.options["verbosity"] >= 2 else None,
        )
        announce = partial(self.announce, worker)
        try:
            return process.run(announce if parent is None else parent.tell_ready)
        except InvalidChannelBackend as error:
            # Such as a database without its tables.
            raise CommandError(str(error)) from error

    def start_reloaded(self):
        try:
            if not self.options["skip_checks"]:
                self.check()
            worker = self.make_worker()
        except CommandError as error:
            # It may be mended by the next change.
            self.stderr.write(str(error))
            return None
        self.warn_of_migrations()
        worker.start()
        self.announce(worker)
        return worker

    def make_worker(self):
        alias = self.options["backend"]
        try:
            backend = channel_backends[alias]
        except InvalidChannelBackend as error:
            raise CommandError(str(error)) from error
        if backend.process_local:
            raise CommandError(
                f"CHANNEL_BACKENDS[{alias!r}] is {type(backend).__qualname__}, which "
                f"holds messages in the memory of one process: a worker in another "
                f"would never see any. Set its BACKEND to one that processes share, "
                f"or use runserver or runwsserver, which have workers inside."
            )
        try:
            channels = choose(
                consumers.channels(), self.options["channels"], self.options["exclude"]
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        return Worker(backend, self.options["threads"], channels)

    def warn_of_migrations(self):
        try:
            self.check_migrations()
        except OperationalError as error:
            # The database may be there when a message needs it.
            self.stderr.write(f"The migrations could not be checked: {error}")
        # This thread needs no database any more.
        connections.close_all()

    def announce(self, worker):
        if self.options["verbosity"] >= 1:
            processes = self.options["processes"]
            self.write_line(
                "Worker ready: "
                + (f"{processes} processes of " if processes > 1 else "")
                + f"{worker.threads} threads, {len(worker.channels)} channels of "
                f"backend {worker.backend.alias!r}. Quit with CONTROL-C."
            )
        readiness.notify(readiness.READY)

    def write_line(self, line):
        self.stdout.write(line)
        self.stdout.flush()
