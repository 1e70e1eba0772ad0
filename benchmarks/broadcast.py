"""What one socket says and all sockets hear."""

from contextlib import ExitStack

from .comparison import CPU_RATE, LOAD, Comparison, Ratio
from .faults.servers import make_server
from .process import Usage, cpu_seconds
from .servers import OURS, Server, channels4, ours
from .serving import serving
from .sockets import sockets

DELIVERIES = "deliveries/s"
WARM_UP_SECONDS = 0.5
# How many messages are on their way at a time.
WINDOW = 4
MEMORY, CORE, PUBSUB = (f"channels 4, {name}" for name in ("memory", "core", "pubsub"))
LIMIT = "picows"


class Broadcast:
    """
    A group of all sockets. One of them says something whenever all have heard
    one of the last four. In one process first, and then in two of them that
    share a Redis server.
    """

    name = "broadcast"
    title = "Broadcast to a group"
    alone = [
        ours(),
        channels4(MEMORY),
        channels4(CORE, layer="core"),
        channels4(PUBSUB, layer="pubsub"),
        Server(LIMIT, "{peers}/broadcaster.py {host} {port}", is_django=False),
    ]
    shared = [ours(), channels4(CORE, layer="core"), channels4(PUBSUB, layer="pubsub")]
    ratios = [
        Ratio(OURS, MEMORY, aim=15.0),
        Ratio(OURS, CORE, aim=15.0),
        Ratio(OURS, PUBSUB, aim=15.0),
        Ratio(OURS, LIMIT, aim=0.6),
    ]
    shared_ratios = [Ratio(OURS, CORE, aim=10.0), Ratio(OURS, PUBSUB, aim=10.0)]

    def __init__(self, options, size, cores):
        self.options, self.size, self.cores = options, size, cores

    def steps(self):
        return self.size.socket_rounds * (len(self.alone) + len(self.shared))

    def run(self, progress):
        with make_server("redis") as redis:
            self.cores.move(redis.node.process.pid, self.cores.load)
            self.redis = redis
            alone = self.compare(progress, 1, self.alone, self.ratios)
            shared = self.compare(progress, 2, self.shared, self.shared_ratios)
        return [alone, shared]

    def compare(self, progress, processes, servers, ratios):
        where = "one process" if processes == 1 else f"{processes} processes and Redis"
        note = (
            f"{self.size.members} sockets of a group, 32 bytes a frame, "
            f"{self.size.socket_seconds} s a round, {self.size.socket_rounds} rounds; "
            f"{where}, on one core; Redis and the load generator are on the other. "
            f"'Median ms' is from saying to the last one's hearing."
        )
        if processes == 1:
            note += " Only the layers core and pubsub use Redis."
        comparison = Comparison(
            f"{self.title}: {where}",
            "",
            ratios,
            DELIVERIES,
            note,
            (DELIVERIES, CPU_RATE),
        )
        for number in range(self.size.socket_rounds):
            for server in servers:
                progress.step(f"{server.name}, {where}, round {number + 1}")
                comparison.add(server.name, self.measure(server, processes))
        return comparison

    def measure(self, server, processes):
        self.redis.node.flush()
        # In one process, ours is measured with its memory backend.
        is_local = processes == 1 and server.channels
        variables = {} if is_local else {"BENCHMARK_REDIS": self.redis.location}
        with ExitStack() as stack:
            running = [
                stack.enter_context(
                    serving(server, self.cores, self.options, **variables)
                )
                for _ in range(processes)
            ]
            urls = [f"{url}/group/" for _, url in running]
            crowd = stack.enter_context(sockets(self.cores, *urls))
            crowd.ask("open", self.size.members)
            crowd.ask("broadcast", WARM_UP_SECONDS, WINDOW)
            before = [Usage(process) for process, _ in running]
            counts = crowd.ask("broadcast", self.size.socket_seconds, WINDOW)
            after = [Usage(process) for process, _ in running]
        return {
            DELIVERIES: counts["messages"] / counts["seconds"],
            CPU_RATE: counts["messages"] / cpu_seconds(before, after),
            "median ms": counts["p50_ms"],
            "p99 ms": counts["p99_ms"],
            "memory MiB": sum(usage.memory_mib for usage in after),
            LOAD: counts["load"],
        }
