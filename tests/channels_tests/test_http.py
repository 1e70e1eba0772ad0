from io import BytesIO
from unittest import mock
from wsgiref import handlers

from django.channels import http
from django.channels.codec import decode, encode
from django.channels.exceptions import InvalidMessage
from django.channels.received_request import ReceivedRequest
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.handlers.asgi import ASGIRequest
from django.core.handlers.wsgi import WSGIRequest
from django.http import (
    HttpResponse,
    HttpResponseNotModified,
    StreamingHttpResponse,
)
from django.test import (
    AsyncRequestFactory,
    RequestFactory,
    SimpleTestCase,
    override_settings,
)

CONTENT = {
    "method": "GET",
    "scheme": "http",
    "http_version": "1.1",
    "path": "/",
    "query_string": "",
    "headers": [["host", "testserver"]],
    "client": ["127.0.0.1", 4000],
    "server": ["testserver", 80],
    "body": b"",
}


class RequestTests(SimpleTestCase):
    factory = RequestFactory(
        headers={"user-agent": "x", "cookie": "a=b"}, REMOTE_USER="me"
    )

    def round_trip(self, request):
        return http.decode_request(decode(encode(http.encode_request(request))))

    def test_round_trip(self):
        """A worker elsewhere sees the request as this process does."""
        request = self.factory.post("/é/a%20b?q=%C3%A9", {"x": "ü"}, secure=True)
        copy = self.round_trip(request)
        for name in (
            *("body", "method", "path", "path_info", "scheme", "encoding", "GET"),
            *("POST", "COOKIES", "content_type", "content_params", "headers"),
        ):
            with self.subTest(name=name):
                self.assertEqual(getattr(copy, name), getattr(request, name))
        self.assertEqual(copy.get_full_path(), request.get_full_path())
        self.assertEqual(copy.build_absolute_uri(), request.build_absolute_uri())
        self.assertIs(copy.is_secure(), True)
        self.assertEqual(copy.META["REMOTE_USER"], "me")
        for key, value in request.META.items():
            if isinstance(value, str):
                with self.subTest(key=key):
                    self.assertEqual(copy.META[key], value)

    def test_environment_of_the_process(self):
        """What wsgiref adds of it to each request, secrets among it, isn't told."""
        own = {"SECRET": "a", "HTTP_PROXY": "http://me:secret@a", "HTTPS": "off"}
        of_request = {**self.factory._base_environ(), "HTTPS": "on"}
        with mock.patch.dict(handlers.BaseHandler.os_environ, own):
            handler = handlers.SimpleHandler(BytesIO(), BytesIO(), None, of_request)
            handler.setup_environ()
            request = WSGIRequest(handler.environ)
            content = http.encode_request(request)
        self.assertEqual(request.META["SECRET"], "a")
        self.assertEqual(content["extra"], {"REMOTE_USER": "me", "HTTPS": "on"})
        self.assertNotIn("proxy", dict(content["headers"]))

    def test_environment_of_cgi(self):
        """There it's the request's."""
        environ = self.factory._base_environ()
        own = {key: text for key, text in environ.items() if isinstance(text, str)}
        environ["wsgi.run_once"] = True
        with mock.patch.dict(handlers.BaseHandler.os_environ, own):
            content = http.encode_request(WSGIRequest(environ))
        self.assertEqual(content["extra"], {"REMOTE_USER": "me"})
        self.assertEqual(dict(content["headers"])["cookie"], "a=b")

    def test_files(self):
        upload = SimpleUploadedFile("é.txt", bytes(range(256)))
        copy = self.round_trip(self.factory.post("/", {"file": upload, "a": "1"}))
        self.assertEqual(copy.FILES["file"].name, "é.txt")
        self.assertEqual(copy.FILES["file"].read(), bytes(range(256)))
        self.assertEqual(copy.POST["a"], "1")

    @override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=10)
    def test_limits_are_for_the_view(self):
        """A body over the limit for forms arrives, and is refused there."""
        upload = SimpleUploadedFile("a", b"b" * 100)
        copy = self.round_trip(self.factory.post("/", {"file": upload}))
        self.assertEqual(copy.FILES["file"].read(), b"b" * 100)
        copy = self.round_trip(
            self.factory.post("/", b"b" * 100, content_type="text/plain")
        )
        with self.assertRaises(RequestDataTooBig):
            copy.body

    def test_body_is_still_there(self):
        request = self.factory.post("/", {"a": "1"})
        self.round_trip(request)
        self.assertEqual(request.POST["a"], "1")

    def test_files_already_read(self):
        request = self.factory.post("/", {"file": SimpleUploadedFile("a", b"b")})
        request.POST
        with self.assertRaisesMessage(InvalidMessage, "The message's key 'body' can't"):
            http.encode_request(request)

    def test_script_name(self):
        request = self.factory.get("/app/page/", SCRIPT_NAME="/app")
        copy = self.round_trip(request)
        self.assertEqual(copy.path, request.path)
        self.assertEqual(copy.META["SCRIPT_NAME"], "/app")

    def test_asgi(self):
        factory = AsyncRequestFactory()
        request = factory.post("/é/?a=1", {"x": "ü"}, headers={"x-a": "b"})
        self.assertIsInstance(request, ASGIRequest)
        copy = self.round_trip(request)
        # Middleware may ask.
        self.assertIsInstance(copy, ASGIRequest)
        for name in ("method", "path", "path_info", "GET", "POST", "scheme"):
            with self.subTest(name=name):
                self.assertEqual(getattr(copy, name), getattr(request, name))
        self.assertEqual(copy.headers["x-a"], "b")
        self.assertEqual(copy.META, request.META)

    def test_asgi_version(self):
        scope = {**AsyncRequestFactory().get("/").scope, "http_version": "2"}
        content = http.encode_request(ASGIRequest(scope, BytesIO()))
        self.assertEqual(content["http_version"], "2")

    @override_settings(FORCE_SCRIPT_NAME="/app")
    def test_asgi_stripped_path(self):
        """A proxy in front has taken the script name away."""
        for path, path_info in (("/a/", "/a/"), ("/app/a/", "/a/")):
            with self.subTest(path):
                copy = self.round_trip(AsyncRequestFactory().get(path))
                self.assertEqual((copy.path, copy.path_info), (path, path_info))

    def test_asgi_middleware(self):
        """It runs where it would have run, whatever the view is."""
        request = AsyncRequestFactory().get("/")
        content = http.encode_request(request)
        self.assertIs(ReceivedRequest("http.request", content).wants_loop(), True)
        del content["asgi"]
        self.assertIs(ReceivedRequest("http.request", content).wants_loop(), False)

    def test_asgi_script_name(self):
        request = AsyncRequestFactory().get("/a/b/")
        request = ASGIRequest({**request.scope, "root_path": "/a"}, BytesIO())
        copy = self.round_trip(request)
        self.assertEqual((copy.path, copy.path_info), ("/a/b/", "/b/"))
        self.assertEqual(copy.META, request.META)


class EnvironmentTests(SimpleTestCase):
    def environment(self, **content):
        return http.environment({**CONTENT, **content})

    def test_values(self):
        environ = self.environment(
            path="/é\udcff",
            scheme="https",
            headers=[
                ["content-type", "text/plain"],
                ["accept", "a"],
                ["accept", "b"],
                ["cookie", "a=1"],
                ["cookie", "b=2"],
            ],
            body=b"xyz",
        )
        self.assertEqual(environ["PATH_INFO"].encode("latin-1"), b"/\xc3\xa9\xff")
        self.assertEqual(environ["CONTENT_TYPE"], "text/plain")
        self.assertEqual(environ["HTTP_ACCEPT"], "a,b")
        self.assertEqual(environ["HTTP_COOKIE"], "a=1; b=2")
        self.assertEqual(environ["CONTENT_LENGTH"], "3")
        self.assertEqual(environ["wsgi.input"].read(), b"xyz")
        self.assertEqual(environ["wsgi.url_scheme"], "https")
        self.assertEqual(environ["HTTPS"], "on")
        self.assertEqual(environ["REMOTE_ADDR"], "127.0.0.1")
        self.assertEqual(environ["SERVER_PORT"], "80")

    def test_body_file(self):
        """A chunked body has a length only in its file."""
        file = BytesIO(b"xyz")
        environ = http.environment(CONTENT, file)
        self.assertEqual(environ["CONTENT_LENGTH"], "3")
        self.assertEqual(environ["wsgi.input"].read(), b"xyz")

    def test_header_names_are_not_hoarded(self):
        for n in range(2000):
            self.environment(headers=[[f"x-{n}", "1"]])
        self.assertLessEqual(len(http.request._environment_keys), 500)


class ResponseTests(SimpleTestCase):
    def test_round_trip(self):
        response = HttpResponse(b"\xff", status=418, headers={"X-A": "é"})
        response.set_cookie("a", "b", max_age=5, httponly=True)
        response.set_cookie("c", "d")
        copy = http.decode_response(decode(encode(http.encode_response(response))))
        self.assertEqual(copy.status_code, 418)
        self.assertEqual(copy.content, b"\xff")
        self.assertEqual(copy.headers, response.headers)
        self.assertEqual(copy.cookies.output(), response.cookies.output())
        self.assertEqual(copy.cookies["a"]["max-age"], 5)

    def copy(self, response):
        return http.decode_response(decode(encode(http.encode_response(response))))

    def test_without_a_content_type(self):
        """It has none on the other side."""
        response = self.copy(HttpResponseNotModified())
        self.assertEqual(list(response.items()), [])
        response = StreamingHttpResponse([b"a"], status=200)
        del response["Content-Type"]
        self.assertNotIn("Content-Type", self.copy(response))

    def test_cookies(self):
        """Whatever is in one, nothing of it is lost."""
        response = HttpResponse()
        options = {"secure": True, "samesite": "None", "httponly": True}
        response.set_cookie("a", 'é "; ,', path="/é", max_age=0, **options)
        response.set_cookie("$b", "", domain=".example.com", max_age=-5)
        response.cookies["c"] = "d"
        copy = self.copy(response)
        self.assertEqual(copy.cookies.output(), response.cookies.output())
        self.assertEqual(copy.cookies["a"].value, 'é "; ,')

    def test_set_cookie_header(self):
        """It passes as it is, beside the response's cookies."""
        for text in ("a=1; Partitioned; Priority=High", "a[b]=1", "path=1", "a=\xe9"):
            response = HttpResponse(headers={"Set-Cookie": text})
            response.set_cookie("a", "2")
            copy = self.copy(response)
            self.assertEqual(copy.headers["Set-Cookie"], text)
            self.assertEqual(copy.cookies["a"].value, "2")

    def test_cookies_of_a_consumer(self):
        """What isn't known of one, is left out alone."""
        texts = ["a=b; Path=/; Fine; Priority=High; secure; Path", "c = d", "e"]
        reply = {"headers": [["Set-Cookie", text] for text in texts]}
        lines = http.decode_response(reply).cookies.output().splitlines()
        self.assertEqual(lines, ["Set-Cookie: a=b; Path=/; Secure", "Set-Cookie: c=d"])

    def test_invalid_cookies(self):
        for text in ("a=b\r\nX: y", "a[]=b", "=b", None):
            with self.subTest(text=text), self.assertRaises(InvalidMessage):
                http.decode_response({"headers": [["Set-Cookie", text]]})

    def test_reason(self):
        response = HttpResponse(reason="Fine", status=200)
        copy = http.decode_response(decode(encode(http.encode_response(response))))
        self.assertEqual(copy.reason_phrase, "Fine")
        self.assertNotIn("reason", http.encode_response(HttpResponse(status=404)))

    def test_headers_as_a_dict(self):
        response = http.decode_response({"headers": {"X-A": "1"}, "content": "a"})
        self.assertEqual(response.headers["X-A"], "1")
        self.assertEqual(response.status_code, 200)

    def test_invalid_content(self):
        """Nothing is made a text that isn't one."""
        for content in ({"a": 1}, ["a"], 3, None):
            with self.subTest(content=content):
                with self.assertRaisesMessage(InvalidMessage, "content is of type "):
                    http.decode_response({"content": content})

    def test_more(self):
        response = http.decode_response({"content": b"1"}, iter([b"2"]))
        self.assertIsInstance(response, StreamingHttpResponse)
        self.assertEqual(list(response), [b"1", b"2"])
