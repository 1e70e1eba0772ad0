import asyncio

from django.channels import Channel
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.urls import path, reverse


def hello(request):
    return HttpResponse("hello")


async def ahello(request):
    return HttpResponse("ahello")


def reversing(request):
    return HttpResponse(reverse("reversing"))


async def areversing(request):
    return HttpResponse(reverse("areversing"))


def leave(request):
    raise SystemExit


async def aleave(request):
    raise SystemExit


def echo(request):
    files = {name: file.read() for name, file in request.FILES.items()}
    response = HttpResponse(repr((request.method, request.POST.dict(), files)))
    response.set_cookie("seen", request.COOKIES.get("seen", "no"))
    return response


def stream(request):
    return StreamingHttpResponse(iter([b"1", b"2"]))


async def astream(request):
    async def parts():
        yield b"1"
        yield b"2"

    return StreamingHttpResponse(parts())


def file(request):
    return FileResponse(open(__file__, "rb"))


async def slow(request):
    await asyncio.sleep(60)


async def gather(request):
    """Return when as many requests as ``number`` says are here at once."""
    here, everybody = gathered.setdefault(request.GET["place"], ([], asyncio.Event()))
    here.append(request)
    if len(here) == int(request.GET["number"]):
        everybody.set()
    await everybody.wait()
    return HttpResponse()


gathered = {}


def error(request):
    raise ValueError("why")


def late(request):
    raise asyncio.TimeoutError


def path_of(request):
    return HttpResponse(request.path)


urlpatterns = [
    path("", hello),
    path("async/", ahello),
    path("reversing/", reversing, name="reversing"),
    path("areversing/", areversing, name="areversing"),
    path("exit/", leave),
    path("aexit/", aleave),
    path("echo/", echo),
    path("stream/", stream),
    path("astream/", astream),
    path("file/", file),
    path("slow/", slow),
    path("gather/", gather),
    path("error/", error),
    path("late/", late),
    path("path/é/", path_of),
    path("forward/<int:number>/", Channel("channels_tests.view").as_view()),
    path("plain/<int:number>/", Channel("channels_tests.plain").as_view()),
]
