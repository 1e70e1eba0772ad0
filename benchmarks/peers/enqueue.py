"""
Enqueue jobs: python enqueue.py MODULE NUMBER. The module's enqueue() enqueues
one. The first isn't counted, since it connects.
"""

import json
import sys
import time
from importlib import import_module


def main(module, number):
    enqueue = import_module(module).enqueue
    enqueue()
    clock, processor = time.perf_counter(), time.process_time()
    for _ in range(int(number) - 1):
        enqueue()
    used = time.process_time() - processor
    print(json.dumps({"seconds": time.perf_counter() - clock, "cpu_seconds": used}))


if __name__ == "__main__":
    main(*sys.argv[1:])
