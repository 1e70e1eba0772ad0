"""Requests that a worker process answers, through Redis."""

import sys
from contextlib import ExitStack, contextmanager

from .comparison import RATE, Comparison, Limit, Ratio
from .environment import PROJECT
from .faults.servers import make_server
from .http import under_load
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

    def steps(self):
        return self.size.http_rounds * len(self.servers)

    def run(self, progress):
        note = (
            f"View '{self.options.view}', {CONNECTIONS} keep-alive connections, and "
            f"then one, for {self.size.http_seconds} s each, {self.size.http_rounds} "
            f"rounds, {self.options.threads} threads. The server and Redis share a "
            f"core, the worker process and wrk the other. 'Per CPU second': of the "
            f"server and the worker."
        )
        comparison = Comparison(
            self.title, "", self.ratios, RATE, note, limits=self.limits
        )
        with make_server("redis") as redis:
            # Not with the worker, which has more to do: they would take the core
            # from each other with each message.
            self.cores.move(redis.node.process.pid, self.cores.server)
            for number in range(self.size.http_rounds):
                for server in self.servers:
                    progress.step(f"{server.name}, round {number + 1}")
                    redis.node.flush()
                    sample = self.measure(server, redis.location)
                    comparison.add(server.name, sample)
        return [comparison]

    def measure(self, server, location):
        variables, seconds = {}, self.size.http_seconds
        with ExitStack() as stack:
            others = []
            if server.name == THROUGH_REDIS:
                variables["BENCHMARK_REDIS"] = location
                others.append(stack.enter_context(self.worker(location)))
            process, url = stack.enter_context(
                serving(server, self.cores, self.options, **variables)
            )
            url += self.options.path
            many = under_load(url, process, Wrk(self.cores), seconds, *others)
            one = under_load(url, process, Wrk(self.cores, 1), seconds, *others)
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
