from functools import partial
from threading import Event, Thread
from unittest import mock

from django.channels import Channel, registry, view_consumer
from django.channels.consumer import Consumer
from django.channels.exceptions import ConsumerAlreadyRegistered, InvalidChannelName
from django.channels.registry import ConsumerRegistry
from django.test import SimpleTestCase, override_settings


def consume(**content):
    pass


def other(**content):
    pass


class DecoratorTests(SimpleTestCase):
    def test_without_names(self):
        """What would register nothing says what is missing."""
        for decorator, name in (
            (Channel.consumer, "Channel.consumer"),
            (view_consumer, "view_consumer"),
        ):
            msg = f"{name} needs the names of channels, such as @{name}('mail')."
            with self.subTest(name), self.assertRaisesMessage(TypeError, msg):
                decorator(consume)


class ConsumerRegistryTests(SimpleTestCase):
    def setUp(self):
        self.registry = ConsumerRegistry()

    def test_list_of_names(self):
        self.registry.register(["a", "b"], consume)
        self.assertIs(self.registry.get("a").function, consume)
        self.assertIs(self.registry.get("b").function, consume)
        self.assertIsNone(self.registry.get("c"))
        self.assertEqual(self.registry.channels(), ["a", "b"])

    def test_second_consumer(self):
        self.registry.register("b", consume)
        msg = (
            f"The channel 'b' already has the consumer {__name__}.consume; "
            f"{__name__}.other can't be a second one."
        )
        with self.assertRaisesMessage(ConsumerAlreadyRegistered, msg):
            self.registry.register(["a", "b"], other)
        self.assertIsNone(self.registry.get("a"), "all of the names or none")

    def test_second_consumer_of_the_same_name(self):
        def consume():
            pass

        first = consume

        def consume():
            pass

        self.registry.register("a", first)
        msg = "another one of that name can't be a second one."
        with self.assertRaisesMessage(ConsumerAlreadyRegistered, msg):
            self.registry.register("a", consume)

    def test_second_function_of_a_decorator(self):
        """What it made of two functions, without functools.wraps(), is two."""

        def decorator(function):
            def inner(**content):
                return function(**content)

            return inner

        for first, again, second in (
            (consume, consume, other),
            (decorator(consume), decorator(consume), decorator(other)),
        ):
            registry = ConsumerRegistry()
            registry.register("a", decorator(first))
            # A module that is imported twice makes another object.
            registry.register("a", decorator(again))
            with self.assertRaises(ConsumerAlreadyRegistered):
                registry.register("a", decorator(second))

    def test_function_that_closes_over_later_ones(self):
        """Made and registered twice it's one, as another is."""

        def register():
            def consume():
                consume()
                later()

            self.registry.register("a", consume)

            def later():
                pass

        register()
        register()

    def test_second_callable_that_is_no_function(self):
        """Partials, and instances of a class, are told apart by what they are."""

        class Callable:
            def __call__(self):
                pass

        for make in (lambda: partial(consume, n=1), Callable):
            registry = ConsumerRegistry()
            first = make()
            registry.register("a", first)
            registry.register("a", first)
            with self.assertRaises(ConsumerAlreadyRegistered):
                registry.register("a", make())

    def test_methods_of_one_name(self):
        """They're told apart by whose they are, be it an instance or a class."""

        class Base:
            def consume(self):
                pass

            @classmethod
            def consume_for_class(cls):
                pass

        class Sub(Base):
            pass

        one, two = Base(), Base()
        for first, second in (
            (one.consume, two.consume),
            (Base.consume_for_class, Sub.consume_for_class),
        ):
            registry = ConsumerRegistry()
            registry.register("a", first)
            # What is looked up again is another object.
            registry.register("a", getattr(first.__self__, first.__name__))
            with self.assertRaises(ConsumerAlreadyRegistered):
                registry.register("a", second)

    def test_same_consumer_again(self):
        self.registry.register("a", consume)
        self.registry.register("a", consume)

    def test_names_of_channels_0_1(self):
        self.registry.register("django.websocket.connect", consume)
        self.assertIs(self.registry.get("websocket.connect").function, consume)
        with self.assertRaises(ConsumerAlreadyRegistered):
            self.registry.register("websocket.connect", other)

    def test_invalid_name(self):
        with self.assertRaises(InvalidChannelName):
            self.registry.register("a b", consume)

    def test_default(self):
        default = Consumer(other)
        self.registry.register_default("a", default)
        self.assertIs(self.registry.get("a"), default)
        self.registry.register("a", consume)
        self.assertIs(self.registry.get("a").function, consume)
        self.assertEqual(self.registry.channels(), ["a"])

    def test_isolate(self):
        self.registry.register("a", consume)
        with self.registry.isolate():
            self.registry.register("b", consume)
        self.assertEqual(self.registry.channels(), ["a"])

    def test_decorator_returns_the_callable(self):
        with registry.consumers.isolate():
            self.assertIs(Channel.consumer("decorated")(consume), consume)
            self.assertIs(registry.consumers.get("decorated").function, consume)


class AutodiscoveryTests(SimpleTestCase):
    @override_settings(INSTALLED_APPS=["channels_tests.discovered"])
    def test_consumers_and_views(self):
        """Both modules of every installed app are imported."""
        with registry.consumers.isolate():
            found = registry.consumers.channels()
        self.assertIn("discovered.consumers", found)
        self.assertIn("discovered.views", found)

    @override_settings(INSTALLED_APPS=["channels_tests.broken"])
    def test_error_in_a_module(self):
        """It isn't hidden, and the next use meets it again."""
        for _ in range(2):
            with self.assertRaisesMessage(ImportError, "no_such_module"):
                registry.consumers.get("anything")

    def test_another_thread_is_importing(self):
        """What it's about to register isn't missed."""
        found = ConsumerRegistry()
        begun, go_on, got = Event(), Event(), []

        def import_slowly(module):
            begun.set()
            self.assertTrue(go_on.wait(10))
            found.register(module, consume)

        def get():
            got.append(found.get("consumers", modules=["consumers"]))

        with mock.patch.object(registry, "autodiscover_modules", import_slowly):
            threads = [Thread(target=get), Thread(target=get)]
            threads[0].start()
            self.assertTrue(begun.wait(10))
            threads[1].start()
            threads[1].join(0.1)
            self.assertEqual(got, [])
            go_on.set()
            for thread in threads:
                thread.join()
        self.assertEqual([each.function for each in got], [consume, consume])

    def test_use_while_a_module_loads(self):
        """It doesn't import that one again."""
        found, got = ConsumerRegistry(), []

        def import_and_use(module):
            got.append(found.get("consumers"))
            found.register(module, consume)

        with mock.patch.object(registry, "autodiscover_modules", import_and_use):
            self.assertIs(found.get("views").function, consume)
        self.assertEqual(got, [None, None])
        self.assertEqual(found.get("consumers").function, consume)

    def test_importing_thread_does_not_wait_for_another(self):
        """That one may be waiting for the very module."""
        found = ConsumerRegistry()
        begun, go_on = Event(), Event()

        def import_slowly(module):
            begun.set()
            self.assertTrue(go_on.wait(10))

        with mock.patch.object(registry, "autodiscover_modules", import_slowly):
            thread = Thread(target=found.get, args=["a"])
            thread.start()
            self.assertTrue(begun.wait(10))
            with mock.patch.object(registry, "_importing", return_value=True):
                self.assertIsNone(found.get("a"))
                found.register("a", consume)
            go_on.set()
            thread.join()
        self.assertIs(found.get("a").function, consume)
