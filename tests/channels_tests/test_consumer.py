from functools import partial, wraps

from django.channels.consumer import Consumer
from django.channels.message import Message
from django.test import SimpleTestCase


class ConsumerTests(SimpleTestCase):
    def arguments(self, function, channel="task", **content):
        return Consumer(function).arguments(Message(channel, content))

    def test_content_and_channel(self):
        def function(channel, value):
            pass

        self.assertEqual(
            self.arguments(function, value=3), {"value": 3, "channel": "task"}
        )

    def test_channel_is_optional(self):
        self.assertEqual(self.arguments(lambda value: None, value=3), {"value": 3})

    def test_own_messages_are_passed_whole(self):
        """A misspelt key reaches the callable, for its error to name it."""
        self.assertIn("vlaue", self.arguments(lambda value=1: None, vlaue=3))

    def test_protocol_messages_are_passed_as_asked_for(self):
        content = {"path": "/", "cookies": {}, "reply_channel": "websocket.reply!a"}
        self.assertEqual(
            self.arguments(lambda path: None, "websocket.connect", **content),
            {"path": "/"},
        )
        self.assertEqual(
            self.arguments(lambda path, **rest: None, "websocket.connect", **content),
            {**content, "channel": "websocket.connect"},
        )

    def test_send_channel(self):
        """The word of channels 0.1 for the reply channel."""
        content = {"path": "/", "reply_channel": "websocket.reply!a"}
        self.assertEqual(
            self.arguments(lambda send_channel: None, "websocket.connect", **content),
            {"send_channel": "websocket.reply!a"},
        )
        arguments = self.arguments(
            lambda path, send_channel, **rest: None, "websocket.connect", **content
        )
        self.assertEqual(arguments["send_channel"], "websocket.reply!a")
        self.assertEqual(arguments["reply_channel"], "websocket.reply!a")

    def test_decorator_with_arguments_of_its_own(self):
        """It gets them, and those that it hands on."""

        def with_user(function):
            @wraps(function)
            def inner(cookies, **kwargs):
                return function(user=cookies["name"], **kwargs)

            return inner

        def same(function):
            @wraps(function)
            def inner(*args, **kwargs):
                return function(*args, **kwargs)

            return inner

        def function(user, content, attempt):
            return user, content, attempt

        content = {"cookies": {"name": "Ada"}, "content": "x", "path": "/", "args": 1}
        arguments = {"cookies": {"name": "Ada"}, "content": "x", "attempt": 1}
        decorated = with_user(function)
        for kind, consumer in (
            ("function", decorated),
            ("decorated again", same(same(decorated))),
            ("partial", partial(decorated)),
        ):
            with self.subTest(kind):
                found = self.arguments(consumer, "websocket.receive", **content)
                self.assertEqual(found, arguments)
                self.assertEqual(consumer(**found), ("Ada", "x", 1))
        found = self.arguments(same(function), "websocket.receive", **content)
        self.assertEqual(found, {"content": "x", "attempt": 1})

    def test_decorator_that_hands_nothing_on(self):
        """What is within it doesn't count."""

        def function(path, **rest):
            pass

        @wraps(function)
        def inner(content):
            pass

        content = {"path": "/", "content": "x"}
        found = self.arguments(inner, "websocket.receive", **content)
        self.assertEqual(found, {"content": "x"})

    def test_decorated_methods(self):
        """As a method, and as an instance that is called."""

        def with_cookies(function):
            @wraps(function)
            def inner(self, cookies, **kwargs):
                return function(self, **kwargs)

            return inner

        class Callable:
            @with_cookies
            def __call__(self, content):
                pass

            consume = __call__

        content = {"cookies": {}, "content": "x", "path": "/"}
        for consumer in (Callable(), Callable().consume):
            found = self.arguments(consumer, "websocket.receive", **content)
            self.assertEqual(found, {"cookies": {}, "content": "x"})

    def test_what_was_not_run(self):
        """It's an error, where the message would be lost without a word."""

        async def coroutine():
            pass

        async def asynchronous_generator():
            yield

        def generator():
            yield

        for function, kind in (
            (lambda: coroutine(), "coroutine"),
            (generator, "generator"),
            (asynchronous_generator, "async_generator"),
        ):
            msg = f"returned a {kind}, which nobody runs."
            with self.subTest(kind), self.assertRaisesMessage(TypeError, msg):
                Consumer(function)(Message("task", {}))
        Consumer(lambda: "a")(Message("task", {}))

    def test_async(self):
        async def function():
            pass

        def plain():
            pass

        class Callable:
            async def __call__(self):
                pass

        self.assertIs(Consumer(function).is_async, True)
        self.assertIs(Consumer(Callable()).is_async, True)
        self.assertIs(Consumer(plain).is_async, False)
        self.assertEqual(
            Consumer(Callable()).path, f"{__name__}.{Callable.__qualname__}"
        )

    def test_class(self):
        """What is called is the class, whatever its instances are."""
        made = []

        class Callable:
            def __init__(self, n):
                made.append(n)

            async def __call__(self):
                pass

        consumer = Consumer(Callable)
        self.assertIs(consumer.is_async, False)
        consumer(Message("task", {"n": 1}))
        self.assertEqual(made, [1])

    def test_arguments_that_are_not_known(self):
        """The error says what to do."""
        msg = (
            "<class 'dict'> doesn't tell which arguments it takes. Register a "
            "function that calls it."
        )
        with self.assertRaisesMessage(TypeError, msg):
            Consumer(dict)
