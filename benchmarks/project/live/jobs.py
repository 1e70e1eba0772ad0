"""A durable channel's messages, as benchmarks/peers/ has other systems' jobs."""

import django

django.setup()

from django.channels import Channel  # NOQA: E402

enqueue = Channel("jobs").send


def enqueue_many(number):
    Channel("jobs").send_many({} for _ in range(number))
