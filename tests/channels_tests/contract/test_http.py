import asyncio
from io import BytesIO

from django.channels.http import environment
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import (
    FileResponse,
    HttpResponse,
    StreamingHttpResponse,
    parse_cookie,
)
from django.http.request import split_domain_port, validate_host
from django.template import engines
from django.template.response import TemplateResponse
from django.test import RequestFactory, SimpleTestCase, override_settings

from .relying import relied_on

REQUESTS = "django/channels/http/request.py"
RESPONSES = "django/channels/http/response.py"
HANDSHAKE = "django/channels/interfaces/handshake.py"
HEAD = "django/channels/interfaces/head.py"
EXCHANGE = "django/channels/interfaces/exchange.py django/channels/pieces.py"


class RequestTests(SimpleTestCase):
    @relied_on(REQUESTS, "a WSGIRequest is made of an environment alone, PEP 3333's.")
    def test_environment(self):
        parts = {
            "method": "POST",
            "scheme": "https",
            "http_version": "1.1",
            "path": "/\u00e9/",
            "query_string": "a=1",
            "headers": [["x-thing", "1"], ["cookie", "b=2"]],
            "client": ["192.0.2.7", 5555],
            "server": ["example.com", 443],
            "body": b"whole",
        }
        request = WSGIRequest(environment(parts))
        self.assertEqual(request.method, "POST")
        self.assertEqual(request.scheme, "https")
        self.assertEqual(request.path_info, "/\u00e9/")
        self.assertEqual(request.GET["a"], "1")
        self.assertEqual(request.COOKIES, {"b": "2"})
        self.assertEqual(request.META["HTTP_X_THING"], "1")
        self.assertEqual(request.body, b"whole")

    @relied_on(
        REQUESTS,
        "a request says in _read_started whether its stream was read, keeps what "
        "was in _body, and reads a form from _stream.",
    )
    def test_body(self):
        request = RequestFactory().post("/", {"file": BytesIO(b"data")})
        self.assertIs(request._read_started, False)
        request.POST
        self.assertIs(request._read_started, True)
        self.assertIs(hasattr(request, "_body"), False)
        request = RequestFactory().post("/", {"file": BytesIO(b"data")})
        request._body = request.read()
        request._stream = BytesIO(request._body)
        self.assertIn(b"data", request.body)
        self.assertEqual(request.FILES["file"].read(), b"data")

    @relied_on(
        "django/channels/failures.py",
        "a request has a close(), for a response to call.",
    )
    def test_close(self):
        RequestFactory().get("/").close()

    @relied_on(
        HANDSHAKE, "hosts are parted and matched as HttpRequest.get_host() does."
    )
    def test_hosts(self):
        self.assertEqual(split_domain_port("example.com:80"), ("example.com", "80"))
        self.assertEqual(split_domain_port("[::1]:80"), ("[::1]", "80"))
        self.assertEqual(split_domain_port("not a host"), ("", ""))
        self.assertIs(validate_host("www.example.com", [".example.com"]), True)
        self.assertIs(validate_host("example.org", [".example.com"]), False)

    @relied_on(HANDSHAKE, "parse_cookie() returns a dict of a Cookie header.")
    def test_cookies(self):
        self.assertEqual(parse_cookie("a=1; b=2"), {"a": "1", "b": "2"})


class ResponseTests(SimpleTestCase):
    @relied_on(
        HEAD,
        "a response's items() are those of its headers, which keep them in _store by "
        "their names in lower case.",
    )
    def test_where_headers_are(self):
        response = HttpResponse(headers={"X-Thing": "1"}, content_type="text/plain")
        pairs = [(name.lower(), (name, value)) for name, value in response.items()]
        self.assertEqual(list(response.headers._store.items()), pairs)
        self.assertIn(("x-thing", ("X-Thing", "1")), pairs)

    @relied_on(
        "django/channels/views.py django/channels/reply.py",
        "close() calls each of _resource_closers, though another one fails.",
    )
    def test_resource_closers(self):
        closed = []

        def fail():
            raise ValueError

        response = HttpResponse()
        response._resource_closers += [fail, lambda: closed.append(True)]
        response.close()
        self.assertEqual(closed, [True])

    @relied_on(
        "django/channels/pieces.py",
        "a streamed response keeps its async iterator in _iterator, and doesn't "
        "close it.",
    )
    def test_async_iterator(self):
        async def body():
            yield b""

        iterator = body()
        self.assertIs(StreamingHttpResponse(iterator)._iterator, iterator)

    @relied_on(
        "django/channels/remote_request.py",
        "both kinds of requests have the script name in META, even a forced one.",
    )
    def test_script_name(self):
        def script_names():
            wsgi = RequestFactory().get("/b/", SCRIPT_NAME="/a")
            asgi = ASGIRequest(
                {"method": "GET", "path": "/a/b/", "root_path": "/a"}, BytesIO()
            )
            return [request.META["SCRIPT_NAME"] for request in (wsgi, asgi)]

        self.assertEqual(script_names(), ["/a", "/a"])
        with override_settings(FORCE_SCRIPT_NAME="/c"):
            self.assertEqual(script_names(), ["/c", "/c"])

    @relied_on(
        f"{RESPONSES} {HEAD}", "items() are the headers, cookies are not among them."
    )
    def test_items(self):
        response = HttpResponse("a", headers={"X-Thing": "1"}, content_type="a/b")
        response.set_cookie("b", "2")
        self.assertEqual(
            [*response.items()], [("X-Thing", "1"), ("Content-Type", "a/b")]
        )
        [cookie] = response.cookies.values()
        self.assertEqual(cookie.OutputString(), "b=2; Path=/")

    @relied_on(RESPONSES, "cookies.load() takes a Set-Cookie header.")
    def test_load_cookies(self):
        response = HttpResponse()
        response.cookies.load("b=2; Path=/")
        self.assertEqual(response.cookies["b"].value, "2")

    @relied_on(
        RESPONSES, "a status or a header that can't be is a ValueError or TypeError."
    )
    def test_invalid(self):
        for status in (99, 600):
            with self.assertRaises(ValueError):
                HttpResponse(status=status)
        with self.assertRaises(TypeError):
            HttpResponse(status="no status")
        with self.assertRaises(ValueError):
            HttpResponse().headers["X-Thing"] = "two\nlines"

    @relied_on(
        "django/channels/application.py",
        "a response's status, reason and headers can be set after it's made.",
    )
    def test_assignment(self):
        response = StreamingHttpResponse([])
        response.status_code, response.reason_phrase = 299, "Fine"
        del response.headers["Content-Type"]
        self.assertEqual([*response.items()], [])
        self.assertEqual(response.reason_phrase, "Fine")

    @relied_on(
        EXCHANGE,
        "streamed responses tell themselves, and those with async iterators too.",
    )
    async def test_streaming(self):
        async def pieces():
            yield b"a"

        plain, streamed = StreamingHttpResponse([b"a"]), StreamingHttpResponse(pieces())
        self.assertIs(HttpResponse().streaming, False)
        self.assertIs(getattr(HttpResponse(), "is_async", False), False)
        self.assertIs(plain.streaming and streamed.streaming, True)
        self.assertEqual((plain.is_async, streamed.is_async), (False, True))
        self.assertEqual([*iter(plain)], [b"a"])
        self.assertEqual([piece async for piece in streamed], [b"a"])

    @relied_on(EXCHANGE, "a file's response is read in pieces of block_size bytes.")
    def test_block_size(self):
        response = FileResponse(BytesIO(b"a" * 10))
        response.block_size = 5
        self.assertEqual([*response], [b"a" * 5] * 2)
        response.close()

    @relied_on(
        "django/channels/views.py", "a response with render() isn't rendered before."
    )
    async def test_render(self):
        template = engines["django"].from_string("text")
        response = TemplateResponse(RequestFactory().get("/"), template)
        self.assertIs(response.is_rendered, False)
        response = await asyncio.to_thread(response.render)
        self.assertEqual(response.content, b"text")
