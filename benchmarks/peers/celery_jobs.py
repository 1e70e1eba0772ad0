"""Celery, with Redis as its broker and no results."""

import os

from celery import Celery
from tally import tally

app = Celery("celery_jobs", broker=os.environ["BENCHMARK_REDIS"])
app.conf.task_ignore_result = True


@app.task
def job():
    tally()


enqueue = job.delay
