"""What the clients of the script ``soak`` ask for."""

import asyncio
import time

from django.channels import Channel
from django.http import HttpResponse, StreamingHttpResponse

# How long a view keeps its thread, in seconds: much longer than all that is
# around it, so that threads are what there is too little of.
WORK = 0.1

# More than the buffers between the server and a client that doesn't read.
LARGE = b"x" * 200_000


def plain(request):
    time.sleep(WORK)
    return HttpResponse("done")


async def on_loop(request):
    await asyncio.sleep(WORK)
    return HttpResponse("done")


def stream(request):
    def parts():
        for part in ("do", "ne"):
            time.sleep(WORK / 2)
            yield part

    return StreamingHttpResponse(parts())


def upload(request):
    size = len(request.body)
    time.sleep(WORK)
    return HttpResponse("done" if size else "empty")


def send(request, number):
    """Leave work for later, of both kinds, and one that uses the database."""
    for name in ("race", "kept", "use"):
        Channel(name).send(number=number)
    time.sleep(WORK)
    return HttpResponse("done")


def large(request):
    return HttpResponse(LARGE)
