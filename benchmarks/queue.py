"""Requests that a worker process answers, through Redis."""

import sys
from contextlib import contextmanager

from . import turns
from .comparison import RATE, Comparison, Limit, Ratio
from .environment import PROJECT
from .faults.servers import make_server
from .http import under_load, warm_up
from .load import CONNECTIONS, Wrk
from .process import DEVNULL, log_file, started
from .servers import LIVE, ours
from .serving import environ, serving

IN_PROCESS, THROUGH_REDIS = "in process", "through Redis"
ONE = "median ms, 1 connection"


class Queue:
    """The same server, with a worker inside and with one beside it."""

    name = "queue"
    title = "Requests through Redis"
    servers = [
        ours(IN_PROCESS),
        ours(THROUGH_REDIS, "--no-worker", BENCHMARK_HTTP_BACKEND="default"),
    ]
    ratios = [Ratio(THROUGH_REDIS, IN_PROCESS, aim=0.4)]
    limits = [Limit(ONE, THROUGH_REDIS, 1, less=IN_PROCESS)]

    def __init__(self, options, size, cores):
        self.options, self.size, self.cores = options, size, cores
        self.many, self.one = Wrk(cores), Wrk(cores, 1)
        self.redis = None

    def steps(self):
        return turns.steps(self.size, self.servers)

    def run(self, progress):
        note = (
            f"View '{self.options.view}', {CONNECTIONS} keep-alive connections, and "
            f"then one, {turns.described(self.size)}, {self.options.threads} threads. "
            f"The server and Redis share a core, the worker process and wrk the other. "
            f"'Per CPU second': of the server and the worker."
        )
        comparison = Comparison(
            self.title, "", self.ratios, RATE, note, limits=self.limits
        )
        with make_server("redis") as redis:
            # Not with the worker, which has more to do: they would take the core
            # from each other with each message.
            self.cores.move(redis.node.process.pid, self.cores.server)
            self.redis = redis
            turns.take_turns(
                self.size, self.servers, self.start, self.measure, comparison, progress
            )
        return [comparison]

    def start(self, server, stack):
        variables, others = {}, []
        if server.name == THROUGH_REDIS:
            self.redis.node.flush()
            variables["BENCHMARK_REDIS"] = self.redis.location
            others.append(stack.enter_context(self.worker(self.redis.location)))
        process, url = stack.enter_context(
            serving(server, self.cores, self.options, **variables)
        )
        url += self.options.path
        warm_up(url, self.many)
        return url, process, others

    def measure(self, running):
        url, process, others = running
        many = under_load(url, process, self.many, turns.SECONDS, *others)
        one = under_load(url, process, self.one, turns.SECONDS, *others)
        return {**many, ONE: one["median ms"]}

    @contextmanager
    def worker(self, location):
        """Yield a worker process, for requests and all else."""
        command = [sys.executable, "manage.py", "runworker"]
        command += ["--threads", self.options.threads]
        variables = environ(self.options.tree, **LIVE, BENCHMARK_REDIS=location)
        variables["BENCHMARK_HTTP_BACKEND"] = "default"
        options = {"cwd": PROJECT, "env": variables, "stdin": DEVNULL}
        command = self.cores.pin(command, self.cores.load)
        with (
            log_file() as log,
            started(command, log, stdout=DEVNULL, **options) as process,
        ):
            yield process
