"""The views that are measured, each known by its path."""

from importlib.util import find_spec

import django
from django.contrib.contenttypes.models import ContentType
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render


def hello(request):
    return HttpResponse("Hello, world!")


async def hello_async(request):
    return HttpResponse("Hello, world!")


def orm(request):
    """Read the few rows that every migrated project has."""
    rows = ContentType.objects.order_by("pk").values("app_label", "model")
    return JsonResponse({"types": list(rows)})


def template(request):
    rows = [{"number": number, "name": f"row {number}"} for number in range(20)]
    return render(request, "rows.html", {"title": "Hello, world!", "rows": rows})


def about(request):
    """Tell which Django answers, so that none is measured for another."""
    channels = find_spec("django.channels") is not None
    return JsonResponse({"django": django.get_version(), "channels": channels})
