import os
import threading

from django.http import HttpResponse
from django.urls import path


def meta(request):
    host, port = (request.META[key] for key in ("REMOTE_ADDR", "REMOTE_PORT"))
    return HttpResponse(f"{request.scheme} {host!r} {port} {os.getpid()}")


def hold(request):
    print("holding", flush=True)
    threading.Event().wait()


urlpatterns = [path("", meta), path("hold", hold)]
