import asyncio
import os
import threading

from asgiref.sync import sync_to_async

from django.http import HttpResponse
from django.urls import path


def meta(request):
    host, port = (request.META[key] for key in ("REMOTE_ADDR", "REMOTE_PORT"))
    return HttpResponse(f"{request.scheme} {host!r} {port} {os.getpid()}")


def hold(request):
    print("holding", flush=True)
    threading.Event().wait()


async def hold_own_thread(request):
    await sync_to_async(hold)(request)


async def hold_other_thread(request):
    await asyncio.to_thread(hold, request)


urlpatterns = [
    path("", meta),
    path("hold", hold),
    path("hold/own-thread", hold_own_thread),
    path("hold/other-thread", hold_other_thread),
]
