from queue import Empty, SimpleQueue

from django.channels import Channel
from django.http import HttpResponse

results = SimpleQueue()


def push(request):
    Channel("a_task_channel").send(value=3)
    return HttpResponse("sent")


@Channel.consumer("a_task_channel")
def some_task(channel, value):
    results.put(f"{channel} got {value!r}")


def done(request):
    """Answer with what the task has noted, as soon as it has."""
    try:
        return HttpResponse(results.get(timeout=30))
    except Empty:
        return HttpResponse(status=504)
