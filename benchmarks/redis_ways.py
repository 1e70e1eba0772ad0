"""What the Redis backend asks of the server, beside what it could ask for."""

import sys

from .comparison import Comparison, Ratio
from .environment import PEERS
from .faults.servers import make_server
from .serving import environ, printed

SERVER, RATE, LOST = "server µs a message", "messages/s", "lost when cut off"
OURS, STREAM = "ours", "a stream alone"
INBOXES, SHARDED = "inboxes (ours)", "sharded Pub/Sub alone"
ROUNDS = 5
# How long a way may take, in seconds.
PATIENCE = 300


class RedisWays:
    """
    Each way runs in a process of its own, on one core, Redis on the other. What
    it costs the server is Redis's own account of its processor time.
    """

    name = "redis_ways"
    title = "Ways to use Redis"

    def __init__(self, options, size, cores):
        self.options, self.size, self.cores = options, size, cores
        self.rounds = 1 if options.quick else ROUNDS

    def steps(self):
        return 4 * self.rounds

    def run(self, progress):
        jobs, sends = self.size.jobs, self.size.jobs // 4
        durable = self.comparison(
            "a durable message",
            Ratio(OURS, STREAM, is_cost=True),
            f"{jobs:,} messages are added one by one, and then received and "
            f"acknowledged one by one, the latter together with the next receipt. "
            f"Ours, a stream as well, also has priorities, delays, unique messages "
            f"and those with a key, and repeats an answer that is lost.",
        )
        groups = self.comparison(
            "a message to a group in two processes",
            Ratio(INBOXES, SHARDED, is_cost=True),
            f"{sends:,} messages, sent one by one to two readers. 'Lost when cut "
            f"off': of as many at each reader, sent every millisecond, while every "
            f"connection but the sender's is closed 20 times a second. An inbox is "
            f"published as well, and is a list that keeps what hasn't arrived: it "
            f"says whom a message didn't reach, and who is too slow.",
        )
        with make_server("redis") as redis:
            self.cores.move(redis.node.process.pid, self.cores.load)
            for number in range(self.rounds):
                for comparison, ways, count in (
                    (durable, {OURS: "ours", STREAM: "stream"}, jobs),
                    (groups, {INBOXES: "inboxes", SHARDED: "sharded"}, sends),
                ):
                    for name, way in ways.items():
                        progress.step(f"{name}, round {number + 1}")
                        redis.node.flush()
                        sample = self.measure(way, redis.location, count)
                        comparison.add(name, sample)
        return [durable, groups]

    def comparison(self, what, ratio, note):
        note = f"{note} {self.rounds} rounds. Lower is better, but for the rate."
        title = f"{self.title}: {what}"
        return Comparison(title, "", [ratio], SERVER, note, (SERVER,))

    def measure(self, way, location, count):
        command = [sys.executable, PEERS / "redis_ways.py", way, location, count]
        command = self.cores.pin(command, self.cores.server)
        variables = environ(self.options.tree)
        used = printed(command, variables, f"'{way}' failed.", PATIENCE)
        sample = {SERVER: used["microseconds"], RATE: used["rate"]}
        if "lost" in used:
            sample[LOST] = used["lost"]
        return sample
