"""Dramatiq, with Redis as its broker."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from tally import tally

dramatiq.set_broker(RedisBroker(url=os.environ["BENCHMARK_REDIS"]))


@dramatiq.actor
def job():
    tally()


enqueue = job.send
