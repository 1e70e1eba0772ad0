"""
Enqueue jobs: python enqueue.py MODULE NUMBER [--at-once]. The module's enqueue()
enqueues one, its enqueue_many(number) all at once. The first isn't counted,
since it connects.
"""

import json
import sys
import time
from importlib import import_module


def main(module, number, at_once=None):
    module, number = import_module(module), int(number) - 1
    enqueue = module.enqueue
    enqueue()
    clock, processor = time.perf_counter(), time.process_time()
    if at_once:
        module.enqueue_many(number)
    else:
        for _ in range(number):
            enqueue()
    used = time.process_time() - processor
    print(json.dumps({"seconds": time.perf_counter() - clock, "cpu_seconds": used}))


if __name__ == "__main__":
    main(*sys.argv[1:])
