import os

from django.http import HttpResponse
from django.urls import path


def meta(request):
    host, port = (request.META[key] for key in ("REMOTE_ADDR", "REMOTE_PORT"))
    return HttpResponse(f"{request.scheme} {host!r} {port} {os.getpid()}")


urlpatterns = [path("", meta)]
