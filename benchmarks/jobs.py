"""No-op jobs through Redis: how fast they are enqueued, and how fast they run."""

import json
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from .comparison import Comparison, Ratio
from .environment import PEERS, PROJECT
from .faults.servers import make_server
from .process import DEVNULL, log_file, started, tail
from .servers import LIVE
from .serving import ServerFailed, environ, printed

ENQUEUED, RUN = "enqueued/s", "run/s"
ENQUEUED_CPU, RUN_CPU = "enqueued per CPU s", "run per CPU s"
THREADS = 4
ROUNDS = 5
# How long jobs may take, in seconds.
PATIENCE = 300


@dataclass(frozen=True)
class JobSystem:
    """A worker of one process with {threads}, and the module of its jobs."""

    name: str
    module: str
    worker: str
    channels: bool = False
    at_once: bool = False
    variables: dict = field(default_factory=dict)

    @property
    def command(self):
        return [sys.executable, *self.worker.format(threads=THREADS).split()]


OURS = JobSystem(
    "channels",
    "live.jobs",
    "manage.py runworker --threads {threads} --channels jobs",
    channels=True,
    variables=LIVE,
)
OURS_AT_ONCE = replace(OURS, name="channels, at once", at_once=True)
PEERS_SYSTEMS = [
    JobSystem(
        "celery",
        "celery_jobs",
        "-m celery --app celery_jobs --quiet worker --pool threads "
        "--concurrency {threads} --without-gossip --without-mingle "
        "--without-heartbeat --loglevel ERROR",
    ),
    JobSystem(
        "dramatiq",
        "dramatiq_jobs",
        "-m dramatiq --processes 1 --threads {threads} dramatiq_jobs",
    ),
    JobSystem(
        "huey",
        "huey_jobs",
        "-m huey.bin.huey_consumer huey_jobs.huey --workers {threads} "
        "--worker-type thread --no-periodic --quiet",
    ),
]


class Jobs:
    """
    A process enqueues all jobs while no worker is there, then one works them
    off. Either has the core for what is measured, Redis the other. Before that,
    threads enqueue as many together, as a server's do whose views enqueue.
    """

    name = "jobs"
    title = "Background jobs"

    def __init__(self, options, size, cores):
        self.options, self.size, self.cores = options, size, cores
        self.rounds = 1 if options.quick else ROUNDS
        self.systems = [OURS, OURS_AT_ONCE, *PEERS_SYSTEMS]

    def steps(self):
        return self.rounds * len(self.systems)

    def run(self, progress):
        by_threads = self.comparison(
            f"enqueued by {THREADS} threads", ENQUEUED, ENQUEUED_CPU, [OURS]
        )
        comparisons = [
            self.comparison("enqueued", ENQUEUED, ENQUEUED_CPU, [OURS, OURS_AT_ONCE]),
            self.comparison("run", RUN, RUN_CPU, [OURS]),
        ]
        with make_server("redis") as redis:
            self.cores.move(redis.node.process.pid, self.cores.load)
            for number in range(self.rounds):
                for system in self.systems:
                    progress.step(f"{system.name}, round {number + 1}")
                    if not system.at_once:
                        redis.node.flush()
                        sample = self.measure_threads(system, redis.location)
                        by_threads.add(system.name, sample)
                    redis.node.flush()
                    samples = self.measure(system, redis.location)
                    for comparison, sample in zip(comparisons, samples):
                        comparison.add(system.name, sample)
        return [comparisons[0], by_threads, comparisons[1]]

    def comparison(self, what, rate, cpu_rate, judged):
        note = (
            f"{self.size.jobs:,} no-op jobs {what}, {self.rounds} rounds. One thread "
            f"enqueues, or {THREADS} where it says so, each waiting until Redis has "
            f"its job; one worker process has {THREADS} threads. Redis has a core of "
            f"its own. Ours are durable: kept until they are done. Dramatiq keeps "
            f"them, too; celery, as it's set up by default, and huey don't. 'At "
            f"once' is one send_many(), which the others have none of; its jobs run "
            f"as ours do that were sent one by one."
        )
        ratios = [
            Ratio(ours.name, peer.name, aim=2.0)
            for ours in judged
            for peer in PEERS_SYSTEMS
        ]
        title, rates = f"{self.title} {what}", (rate, cpu_rate)
        return Comparison(title, "", ratios, rate, note, rates)

    def measure_threads(self, system, location):
        """Return the sample of enqueueing by threads."""
        variables = self.variables(system, location)
        return enqueued(self.enqueue(system, variables, "--threads", THREADS))

    def measure(self, system, location):
        """Return the samples of enqueueing and of running."""
        with TemporaryDirectory() as folder:
            tally = Path(folder) / "tally"
            variables = self.variables(system, location, BENCHMARK_TALLY=str(tally))
            options = ["--at-once"] * system.at_once
            sample = enqueued(self.enqueue(system, variables, *options))
            done = self.work_off(system, variables, tally)
        number = self.size.jobs - 1
        return sample, {
            RUN: number / done["seconds"],
            RUN_CPU: number / done["cpu_seconds"],
        }

    def variables(self, system, location, **others):
        return environ(
            self.options.tree if system.channels else None,
            BENCHMARK_REDIS=location,
            BENCHMARK_JOBS=str(self.size.jobs),
            **others,
            **system.variables,
        )

    def enqueue(self, system, variables, *options):
        command = [sys.executable, PEERS / "enqueue.py", system.module, self.size.jobs]
        command = self.cores.pin([*command, *options], self.cores.server)
        return printed(
            command, variables, f"{system.name} could not enqueue.", PATIENCE
        )

    def work_off(self, system, variables, tally):
        command = self.cores.pin(system.command, self.cores.server)
        options = {"cwd": PROJECT, "env": variables, "stdin": DEVNULL}
        with (
            log_file() as log,
            started(command, log, stdout=DEVNULL, **options) as process,
        ):
            deadline = time.monotonic() + PATIENCE
            while not tally.exists():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise ServerFailed(
                        f"{system.name} did not run all jobs.\n{tail(log)}"
                    )
                time.sleep(0.05)
            return json.loads(tally.read_text())


def enqueued(done):
    """Return the sample of what enqueue.py printed."""
    return {
        ENQUEUED: done["jobs"] / done["seconds"],
        ENQUEUED_CPU: done["jobs"] / done["cpu_seconds"],
    }
