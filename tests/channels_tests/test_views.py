from unittest import mock

from django.channels import Channel, channel_backends, view_consumer
from django.channels.exceptions import MessageTooLarge
from django.channels.worker import Worker
from django.core.handlers.base import BaseHandler
from django.db import connections
from django.http import Http404, HttpResponse
from django.template import TemplateDoesNotExist, engines
from django.template.response import SimpleTemplateResponse
from django.test import SimpleTestCase, override_settings
from django.urls import get_script_prefix, reverse
from django.utils.translation import activate, get_language

from .test_channel import memory


@override_settings(ROOT_URLCONF="channels_tests.urls")
class ViewConsumerTests(SimpleTestCase):
    def test_answers(self):
        @view_consumer("channels_tests.view")
        def view(request, number):
            return HttpResponse(f"{request.method} {request.path} {number}")

        response = self.client.post("/forward/3/", {"a": "b"})
        self.assertEqual(response.content, b"POST /forward/3/ 3")
        self.assertEqual(channel_backends["default"]._state.sinks, {})

    async def test_async_client(self):
        @view_consumer("channels_tests.view")
        async def view(request, number):
            return HttpResponse(f"{request.method} {request.path} {number}")

        response = await self.async_client.get("/forward/3/")
        self.assertEqual(response.content, b"GET /forward/3/ 3")

    def test_async_view_sync_client(self):
        @view_consumer("channels_tests.view")
        async def view(request, number):
            return HttpResponse("a")

        self.assertEqual(self.client.get("/forward/3/").content, b"a")

    def test_exceptions_are_those_of_a_view(self):
        @view_consumer("channels_tests.view")
        def view(request, number):
            raise Http404

        self.assertEqual(self.client.get("/forward/3/").status_code, 404)

    def test_nothing_returned(self):
        """The error is the one that any view has."""

        @view_consumer("channels_tests.view")
        def view(request, number):
            pass

        @view_consumer("channels_tests.plain")
        async def aview(request, number):
            pass

        for path, name in (("/forward/3/", "view"), ("/plain/3/", "aview")):
            msg = f"The view {__name__}.{name} didn't return an HttpResponse object."
            with self.assertRaisesMessage(ValueError, msg):
                self.client.get(path)

    def test_message_without_a_request(self):
        """It's told apart from one that as_view() has sent."""

        @view_consumer("channels_tests.view")
        def view(request):
            self.fail()

        worker = Worker(channel_backends["default"], channels=["channels_tests.view"])
        with self.assertLogs("django.channels.worker", "ERROR") as logs:
            Channel("channels_tests.view").send(number=3)
            worker.start()
            self.assertIs(worker.stop(10), True)
        self.assertIn("'channels_tests.view' carries no request", logs.output[0])

    def test_atomic_requests(self):
        """The view that forwards is in no transaction, on any database."""

        @view_consumer("channels_tests.view")
        def view(request, number):
            return HttpResponse("a")

        forward = Channel("channels_tests.view").as_view()
        atomic = {alias: {"ATOMIC_REQUESTS": True} for alias in connections}
        with mock.patch.object(connections, "settings", atomic):
            self.assertEqual(self.client.get("/forward/3/").content, b"a")
            self.assertIs(BaseHandler().make_view_atomic(forward), forward)

    def test_script_prefix(self):
        """reverse() begins as it does where the request came in."""

        @view_consumer("channels_tests.view")
        def view(request, number):
            return HttpResponse(reverse("reversing"))

        @view_consumer("channels_tests.plain")
        async def aview(request, number):
            template = engines["django"].from_string("{% url 'reversing' %}")
            return SimpleTemplateResponse(template)

        for path in ("/forward/3/", "/plain/3/"):
            for name in ("/a", ""):
                with self.subTest(path=path, name=name):
                    response = self.client.get(path, SCRIPT_NAME=name)
                    self.assertEqual(response.content.decode(), f"{name}/reversing/")
        self.assertEqual(get_script_prefix(), "/")

    def test_error(self):
        @view_consumer("channels_tests.view")
        def view(request, number):
            raise ValueError("why")

        with self.assertRaisesMessage(ValueError, "why"):
            self.client.get("/forward/3/")
        self.client.raise_request_exception = False
        self.assertEqual(self.client.get("/forward/3/").status_code, 500)

    def test_template_response_is_rendered(self):
        @view_consumer("channels_tests.view")
        def view(request, number):
            template = engines["django"].from_string("{{ n }}!")
            return SimpleTemplateResponse(template, {"n": number})

        self.assertEqual(self.client.get("/forward/3/").content, b"3!")

    def test_template_response_that_fails(self):
        """It's the view's error, wherever it's raised."""

        def render(template):
            return SimpleTemplateResponse(engines["django"].from_string(template))

        @view_consumer("channels_tests.view")
        def view(request, number):
            return render("{% include 'nowhere' %}")

        @view_consumer("channels_tests.plain")
        async def aview(request, number):
            return render("{% include 'nowhere' %}")

        for path in ("/forward/3/", "/plain/3/"):
            with self.subTest(path=path):
                with self.assertRaisesMessage(TemplateDoesNotExist, "nowhere"):
                    self.client.get(path)

    def test_middleware_sees_the_answer(self):
        """The forwarding view is an ordinary one to what surrounds it."""

        @view_consumer("channels_tests.view")
        def view(request, number):
            return HttpResponse("x" * 1000)

        with self.modify_settings(
            MIDDLEWARE={"append": "django.middleware.gzip.GZipMiddleware"}
        ):
            response = self.client.get(
                "/forward/3/", headers={"accept-encoding": "gzip"}
            )
        self.assertEqual(response.headers["Content-Encoding"], "gzip")


@override_settings(ROOT_URLCONF="channels_tests.urls")
class ForwardTests(SimpleTestCase):
    def test_plain_consumer(self):
        @Channel.consumer("channels_tests.plain")
        def plain(reply_channel, method, path, body, url_kwargs, **content):
            Channel(reply_channel).send(
                status=202,
                headers=[["X-Number", str(url_kwargs["number"])]],
                content=f"{method} {path} ".encode() + body,
            )

        response = self.client.post("/plain/4/", b"xyz", content_type="text/plain")
        self.assertEqual(response.status_code, 202)
        self.assertEqual(response.headers["X-Number"], "4")
        self.assertEqual(response.content, b"POST /plain/4/ xyz")

    def test_consumer_names_what_it_wants(self):
        @Channel.consumer("channels_tests.plain")
        def plain(reply_channel, method):
            Channel(reply_channel).send(content=method)

        self.assertEqual(self.client.get("/plain/4/").content, b"GET")

    def test_through_a_second_channel(self):
        @Channel.consumer("channels_tests.plain")
        def plain(reply_channel, **content):
            Channel("channels_tests.more").send(reply_channel=reply_channel)

        @Channel.consumer("channels_tests.more")
        def more(reply_channel):
            Channel(reply_channel).send(content="later")

        self.assertEqual(self.client.get("/plain/4/").content, b"later")

    def test_with_a_worker(self):
        """A worker of the process does it, where there is one."""

        @view_consumer("channels_tests.view")
        def view(request, number):
            return HttpResponse("worker")

        worker = Worker(channel_backends["default"], channels=["channels_tests.view"])
        worker.start()
        try:
            self.assertEqual(self.client.get("/forward/3/").content, b"worker")
        finally:
            worker.stop(10)

    @override_settings(
        MIDDLEWARE=["django.middleware.locale.LocaleMiddleware"], USE_I18N=True
    )
    def test_language_and_script_prefix_in_a_worker(self):
        """They are those of the request, whose middleware ran elsewhere."""
        # Which leaves the language active in this thread.
        self.addCleanup(activate, get_language())

        def answer():
            return HttpResponse(f"{get_language()} {reverse('reversing')}")

        @view_consumer("channels_tests.view")
        def view(request, number):
            return answer()

        @view_consumer("channels_tests.plain")
        async def aview(request, number):
            return answer()

        channels = ["channels_tests.view", "channels_tests.plain"]
        worker = Worker(channel_backends["default"], channels=channels)
        worker.start()
        try:
            for path in ("/forward/3/", "/plain/3/"):
                for language, prefix in (("de", "/a"), ("fr", "")):
                    with self.subTest(path=path, language=language):
                        response = self.client.get(
                            path,
                            headers={"accept-language": language},
                            SCRIPT_NAME=prefix,
                        )
                        text = f"{language} {prefix}/reversing/"
                        self.assertEqual(response.content.decode(), text)
        finally:
            worker.stop(10)

    def test_failed_consumer(self):
        @Channel.consumer("channels_tests.plain")
        def plain(**content):
            raise ValueError

        with self.assertLogs("django.channels.worker", "ERROR"):
            with self.assertLogs("django.request", "ERROR"):
                response = self.client.get("/plain/4/")
        self.assertEqual(response.status_code, 500)

    @override_settings(CHANNEL_HTTP_TIMEOUT=0.01)
    def test_no_reply(self):
        @Channel.consumer("channels_tests.plain")
        def plain(**content):
            pass

        with self.assertLogs("django.request", "ERROR") as logs:
            response = self.client.get("/plain/4/")
        self.assertEqual(response.status_code, 504)
        self.assertEqual(response.content, b"504 Gateway Timeout\n")
        self.assertIn("Gateway Timeout: /plain/4/", logs.output[0])
        self.assertEqual(channel_backends["default"]._state.sinks, {})

    @override_settings(CHANNEL_HTTP_TIMEOUT=0.01)
    @mock.patch("django.channels.served._unserved", set())
    def test_no_consumer(self):
        """The 504 doesn't say that the channel's name may be misspelt."""
        with self.assertLogs("django.channels", "WARNING") as logs:
            self.assertEqual(self.client.get("/plain/4/").status_code, 504)
        self.assertIn("channel channels_tests.plain, and no installed", logs.output[0])

    def test_larger_than_a_message(self):
        """Where it would have to be written down, it's the client's to send less."""
        backend = channel_backends["default"]
        with mock.patch.object(backend, "asend", side_effect=MessageTooLarge("large")):
            with self.assertLogs("django.request", "WARNING"):
                response = self.client.post("/plain/4/", {"a": "x" * 1000})
        self.assertEqual(response.status_code, 413)

    @override_settings(CHANNEL_BACKENDS=memory(CAPACITY={"channels_tests.plain": 0}))
    def test_full(self):
        with self.assertLogs("django.request", "ERROR"):
            response = self.client.get("/plain/4/")
        self.assertEqual(response.status_code, 503)
        self.assertEqual(response.headers["Retry-After"], "1")
