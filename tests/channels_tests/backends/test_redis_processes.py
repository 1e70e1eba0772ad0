"""The backend in several processes."""

import signal
import subprocess
import threading
from collections import Counter
from pathlib import Path

from django.channels.delivery import Delivery
from django.channels.message import Message
from django.test import SimpleTestCase

from ..interpreters import Interpreter
from ..running import environment, wait_for
from .redis_case import RedisTestCase

SCRIPT = Path(__file__).with_name("redis_process.py")


class OtherProcess:
    """A process that runs redis_process.py."""

    def __init__(self, url, role):
        self.process = Interpreter(
            [SCRIPT, url, role],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        self.lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def wait_until_ready(self):
        wait_for(lambda: "ready" in self.lines, "another process")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self._finish()

    def stop(self):
        """Let it end; return the numbers it has printed."""
        if self.process.poll() is None:
            self.process.stdin.close()
        self._finish()
        return [int(line) for line in self.lines if line.isdecimal()]

    def _finish(self):
        self.process.wait(60)
        self._reader.join()
        self.process.stdout.close()
        self.process.stdin.close()


class ProcessTests(RedisTestCase, SimpleTestCase):
    """With other processes, as a deployment has them."""

    def begin(self, role):
        process = OtherProcess(self.server.url, role)
        self.addCleanup(process.stop)
        return process

    def test_race(self):
        """Processes that race for messages handle each exactly once."""
        backend = self.make(CAPACITY=10_000)
        processes = [self.begin("race") for _ in "12"]
        for process in processes:
            process.wait_until_ready()
        client = backend.connection.client
        # All threads of both.
        self.wait_until(lambda: client.info("clients")["blocked_clients"] == 6)
        for n in range(1000):
            self.send("ab"[n % 2], backend, n=n)
        self.wait_until(lambda: sum(len(p.lines) for p in processes) == 1002)
        got = [process.stop() for process in processes]
        self.assertEqual(sorted(got[0] + got[1]), list(range(1000)))
        self.assertTrue(all(got), "One process took everything.")

    def test_killed(self):
        """Its memberships vanish, and sends go on."""
        process = self.begin("member")
        process.wait_until_ready()
        self.backend.group_send("g", {"n": 1})
        self.wait_until(lambda: "1" in process.lines)
        self.assertEqual(len(self.backend._members("g")), 1)
        process.kill()

        def is_forgotten():
            self.backend.group_send("g", {"n": 2})
            return not self.backend._members("g")

        self.wait_until(is_forgotten)
        self.assertGreaterEqual(self.backend.dropped["gone"], 1)

    def test_durable_and_killed(self):
        """
        Whatever is killed, no message is lost, and none is handled twice that
        a killed worker had not begun.
        """
        kills, messages = 2, 120
        durable = Delivery(durable=True)
        for n in range(messages):
            self.backend.add(Message("jobs", {"n": n}), durable)
        killed, living = [], [self.begin("durable") for _ in "12"]
        for i in range(1, kills + 1):
            victim = living.pop(0)
            self.wait_until(lambda: len(victim.lines) > 40 or self.is_done())
            victim.kill()
            killed.append(victim)
            living.append(self.begin("durable"))
        self.wait_until(self.is_done)
        for process in living:
            process.stop()

        def said(word, processes):
            lines = [line.split() for process in processes for line in process.lines]
            return Counter(int(line[1]) for line in lines if line[0] == word)

        self.assertEqual({*said("end", killed + living)}, {*range(messages)})
        self.assertEqual(self.backend.dead(), [])
        interrupted = Counter()
        for process in killed:
            # At most what each thread had begun: it ended one at a time.
            begun = said("begin", [process])
            acknowledged = said("end", [process])
            interrupted += begun - acknowledged
            # Its end was said, but maybe not to the backend any more.
            interrupted += Counter({n: 1 for n in [*acknowledged][-2:]})
        twice = said("begin", killed + living) - Counter(range(messages))
        self.assertEqual(twice - interrupted, Counter())

    def is_done(self):
        client = self.backend.connection.client
        return not client.xlen(f"{self.backend.base_key(0)}:stream:jobs/0")

    def test_worker(self):
        """A worker elsewhere answers, in order, on reply channels of here."""
        process = self.begin("worker")
        name, sink = self.listen()
        for n in range(1, 51):
            self.send("echo", reply_channel=name, n=n)
        numbers = [content["n"] for content in sink.wait_for(100)]
        self.assertEqual(sorted(numbers), sorted([*range(1, 51), *range(-50, 0)]))
        for n in range(1, 51):
            self.assertLess(numbers.index(n), numbers.index(-n))
        self.send("join", reply_channel=name)
        self.assertEqual(sink.wait_for(101)[-1], {"joined": True})
        self.backend.group_send("g", {"n": 0})
        self.assertEqual(sink.wait_for(102)[-1], {"n": 0})
        self.send("websocket.receive", reply_channel=name, content="x", order=7)
        self.assertEqual(
            sink.wait_for(104)[-2:], [{"content": "x"}, {"done": 7, "error": False}]
        )
        self.assertEqual(process.stop(), [])
        self.assertEqual(process.process.returncode, 0)
