"""Huey on Redis, with no results."""

import os

from huey import RedisHuey
from tally import tally

huey = RedisHuey("jobs", url=os.environ["BENCHMARK_REDIS"], results=False)


@huey.task()
def job():
    tally()


enqueue = job
