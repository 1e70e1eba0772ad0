"""
Enqueue jobs: python enqueue.py MODULE NUMBER [--at-once | --threads THREADS]. The
module's enqueue() enqueues one, its enqueue_many(number) all at once. The first
of each thread isn't counted, since it connects.
"""

import argparse
import json
import time
from importlib import import_module
from threading import Barrier, Thread


class Stopwatch:
    def __init__(self):
        self.clock, self.processor = time.perf_counter(), time.process_time()

    def read(self):
        return {
            "seconds": time.perf_counter() - self.clock,
            "cpu_seconds": time.process_time() - self.processor,
        }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("module", type=import_module)
    parser.add_argument("number", type=int)
    parser.add_argument("--at-once", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    each = options.number // options.threads - 1
    if options.at_once:
        used = all_at_once(options.module, each)
    elif options.threads == 1:
        used = one_by_one(options.module.enqueue, each)
    else:
        used = by_threads(options.threads, options.module.enqueue, each)
    print(json.dumps({"jobs": each * options.threads, **used}))


def all_at_once(module, number):
    module.enqueue()
    stopwatch = Stopwatch()
    module.enqueue_many(number)
    return stopwatch.read()


def one_by_one(enqueue, number):
    enqueue()
    stopwatch = Stopwatch()
    for _ in range(number):
        enqueue()
    return stopwatch.read()


def by_threads(threads, enqueue, each):
    def run():
        enqueue()
        connected.wait()
        for _ in range(each):
            enqueue()

    connected = Barrier(threads + 1)
    running = [Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    connected.wait()
    stopwatch = Stopwatch()
    for thread in running:
        thread.join()
    return stopwatch.read()


if __name__ == "__main__":
    main()
