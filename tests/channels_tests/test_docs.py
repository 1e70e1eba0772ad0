import re
import sys
import textwrap
import unittest
import warnings
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from unittest import mock

import django
from django.channels import Channel, Group, __all__, consumers, exceptions, signals
from django.channels.backends.base import BaseChannelBackend
from django.channels.backends.memory import MemoryChannelBackend
from django.channels.inline import run_here
from django.channels.interfaces.limits import KINDS, Limits
from django.channels.message import Message
from django.channels.names import ALIASES, WEBSOCKET_CONNECT, WEBSOCKET_RECEIVE
from django.channels.worker import Worker
from django.conf import global_settings
from django.core.management import BaseCommand, load_command_class
from django.core.signals import setting_changed
from django.dispatch import Signal
from django.test import SimpleTestCase, TestCase
from django.test import channels as test_channels
from django.test.channels import ChannelAssertions, SentMessage, WebSocket
from django.urls import path

from .running import printed_by

ROOT = Path(django.__file__).resolve().parent.parent
CHANNELS = ROOT / "django" / "channels"


def read(path):
    """Return a page's text; a tree that was installed has none."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise unittest.SkipTest(f"{path} isn't here.") from error


def samples(text):
    """Return the Python samples of a guide: caption and code of each."""
    found = re.finditer(
        r"^\.\. code-block:: python\n(?:    :caption: ``(.*)``\n)?\n((?:    .*\n|\n)+)",
        text,
        re.M,
    )
    return [(match[1], textwrap.dedent(match[2])) for match in found]


class Inbox:
    """Keeps what is sent to a reply channel."""

    def __init__(self):
        self.contents = []

    def deliver(self, names, message):
        self.contents += [message.content] * len(names)
        return ()


class SampleTests(SimpleTestCase):
    def setUp(self):
        self.backend = Channel("websocket.connect").backend
        consumers.autodiscover()
        # The samples' own are put back after the test, as any test's are.
        consumers._consumers = {}

    def connect(self, name, **content):
        inbox = Inbox()
        self.backend.listen(name, inbox)
        self.addCleanup(self.backend.unlisten, name)
        self.handle(WEBSOCKET_CONNECT, reply_channel=name, **content)
        return inbox

    def handle(self, channel, **content):
        run_here(self.backend, Message(channel, content))

    def test_readme(self):
        """The first consumer is a chat."""
        (code,) = re.findall(r"```python\n(.*?)```", read("README.md"), re.S)
        exec(code, {})
        inboxes = [self.connect("websocket.reply!a"), self.connect("websocket.reply!b")]
        self.handle(WEBSOCKET_RECEIVE, content="Hello!", path="/", binary=False)
        for inbox in inboxes:
            self.assertEqual(inbox.contents, [{"content": "Hello!"}])

    def test_first_consumer(self):
        """The guide's first view sends what its first consumer handles."""
        code = dict(reversed(samples(read("docs/topics/channels.txt"))))
        with mock.patch("django.core.mail.send_mail") as send_mail:
            exec(code["accounts/consumers.py"], {})
        views = {}
        exec(code["accounts/views.py"], views)
        self.assertEqual(views["sign_up"](None).status_code, 200)
        receiver = self.backend.receiver(["welcome-mail"])
        self.addCleanup(receiver.close)
        run_here(self.backend, receiver.receive(timeout=0))
        send_mail.assert_called_once_with(
            "Welcome!", "Hello Ada!", None, ["ada@example.com"]
        )

    def test_rooms(self):
        """The guide's chat has rooms, and refuses what is none."""
        code = [c for _, c in samples(read("docs/topics/channels.txt")) if "room" in c]
        exec(code[0], {})
        inbox = self.connect("websocket.reply!a", path="/chat/hall/")
        state = {"room": "chat.hall"}
        self.assertEqual(inbox.contents, [{"accept": True, "state": state}])
        self.handle(
            WEBSOCKET_RECEIVE,
            reply_channel="websocket.reply!a",
            content="Hello!",
            binary=False,
            state=state,
        )
        self.assertEqual(inbox.contents[1:], [{"content": '{"text": "Hello!"}'}])
        inbox = self.connect("websocket.reply!b", path="/chat/HALL/")
        self.assertEqual(inbox.contents, [{"status": 404}])

    def test_from_0_1(self):
        """The page's consumers work as they stand there, with a set and a group."""
        page = read("docs/howto/channels-from-0.1.txt")
        blocks = re.findall(r"::\n\n((?:    .*\n|\n)+)", page)
        code = [textwrap.dedent(block) for block in blocks]
        members = set()
        redis_conn = mock.Mock()
        redis_conn.sadd = lambda key, member: members.add(member.encode())
        redis_conn.smembers = lambda key: members
        alone, group = "".join(code[:2]), code[2]
        for sample, values in (alone, {"redis_conn": redis_conn}), (group, {}):
            consumers._consumers = {}
            exec(sample, values)
            name = f"websocket.reply!{len(members)}"
            inbox = self.connect(name, path="/")
            sent = {"content": "Hi", "binary": False}
            self.handle(WEBSOCKET_RECEIVE, reply_channel=name, **sent)
            self.assertIn(sent, inbox.contents, sample)

    def test_samples_compile(self):
        for caption, code in samples(read("docs/topics/channels.txt")):
            with self.subTest(caption=caption):
                compile(code, caption or "sample", "exec")


class TestingSampleTests(TestCase):
    """The guide's tests pass, against what its other samples define."""

    def setUp(self):
        text = read("docs/topics/channels.txt")
        code = dict(reversed(samples(text)))
        consumers._consumers = {}
        self.modules = {}
        for name in ("accounts", "accounts.consumers", "accounts.views"):
            module = self.modules[name] = ModuleType(name)
            exec(code.get(f"{name.replace('.', '/')}.py", ""), vars(module))
        exec(next(c for _, c in samples(text) if "room" in c), {})
        view = self.modules["accounts.views"].sign_up
        self.modules["accounts"].urlpatterns = [path("sign-up/", view)]
        self.tests = [c for _, c in samples(text) if "TestCase)" in c]

    def test_samples(self):
        suite = unittest.TestSuite()
        with mock.patch.dict(sys.modules, self.modules):
            for code in self.tests:
                if "selenium" not in code:
                    suite.addTests(self.load(code))
        self.assertEqual(suite.countTestCases(), 6)
        result = unittest.TestResult()
        with self.settings(ROOT_URLCONF=self.modules["accounts"]):
            with warnings.catch_warnings():
                # Django 6.1 misses a setting for mail that 5.2 doesn't have.
                warnings.simplefilter("ignore")
                suite.run(result)
        self.assertEqual([text for _, text in result.errors + result.failures], [])

    def load(self, code):
        values = {"__name__": "accounts.tests", "__package__": "accounts"}
        exec(code, values)
        for case in values.values():
            if getattr(case, "__module__", None) == "accounts.tests":
                yield unittest.defaultTestLoader.loadTestsFromTestCase(case)


class ReferenceTests(SimpleTestCase):
    """What there is in the code stands in the reference."""

    def setUp(self):
        self.text = read("docs/ref/channels.txt")

    def assertDocumented(self, names):
        missing = [n for n in names if not re.search(rf"\b{re.escape(n)}\b", self.text)]
        self.assertEqual(missing, [])

    def test_names(self):
        self.assertDocumented(__all__)
        self.assertDocumented(ALIASES)
        # How the process of the memory backend takes a short cut; for tests.
        internal = {"hand_over", "clock"}
        for owner in (Channel, Group, Worker, BaseChannelBackend, MemoryChannelBackend):
            public = {name for name in vars(owner) if not name.startswith("_")}
            self.assertDocumented(public - internal)

    def test_names_for_tests(self):
        self.assertDocumented({*test_channels.__all__} - {"ChannelTestMixin"})
        for owner in (ChannelAssertions, WebSocket, SentMessage):
            public = {name for name in dir(owner) if not name.startswith("_")}
            self.assertDocumented(public - {"connect"})

    def test_exceptions(self):
        for name, value in vars(exceptions).items():
            if isinstance(value, type) and value.__module__ == exceptions.__name__:
                self.assertIn(f".. exception:: {name}\n", self.text)

    def test_signals(self):
        for name, value in vars(signals).items():
            if isinstance(value, Signal) and value is not setting_changed:
                self.assertIn(f".. data:: {name}\n", self.text)

    def test_settings(self):
        for name in dir(global_settings):
            if name.startswith("CHANNEL_"):
                self.assertIn(f".. setting:: {name}\n", self.text)
        code = (CHANNELS / "backends" / "base.py").read_text()
        for key in re.findall(r'params(?:\.get\(|, )"([A-Z]+)"', code):
            self.assertIn(f".. setting:: CHANNEL_BACKENDS-{key}\n", self.text)

    def test_limits(self):
        """The defaults that the table has are those of the code."""
        units = {"": 1, "s": 1, "min": 60, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
        rows = re.findall(r"^``([A-Z_]+)`` +(\d+) ?(\w*)", self.text, re.MULTILINE)
        defaults = {key: int(number) * units[unit] for key, number, unit in rows}
        expected = {each.name.upper(): each.default for each in fields(Limits)}
        # That one depends on the system, as the text below says.
        keys = KINDS.keys() - {"CONNECTIONS"}
        expected = {key: expected[key] for key in keys}
        self.assertEqual(defaults, expected)

    def test_checks(self):
        code = "".join(p.read_text(encoding="utf-8") for p in CHANNELS.rglob("*.py"))
        ids = set(re.findall(r'id="(channels\.[EWIDC]\d+)"', code))
        self.assertTrue(ids)
        self.assertEqual(set(re.findall(r"\*\*(channels\.\w+)\*\*", self.text)), ids)

    def test_loggers(self):
        code = "".join(p.read_text(encoding="utf-8") for p in CHANNELS.rglob("*.py"))
        for name in set(re.findall(r'getLogger\("(.*?)"\)', code)):
            self.assertIn(f"\n``{name}``\n", self.text)

    def test_commands(self):
        common = BaseCommand().create_parser("manage.py", "any")._option_string_actions
        for name in ("runworker", "runwsserver"):
            self.assertIn(f".. django-admin:: {name}", self.text)
            command = load_command_class("django.core", name)
            options = command.create_parser("manage.py", name)._option_string_actions
            for option in options.keys() - common:
                self.assertRegex(self.text, rf"admin-option:: .*(?<![\w-]){option}\b")


class ReferencesTests(SimpleTestCase):
    def test_text(self):
        """A reference to what isn't a section says its text itself."""
        read("docs/ref/channels.txt")
        pages = sorted((ROOT / "docs").glob("*/channels*.txt"))
        text = "".join(page.read_text(encoding="utf-8") for page in pages)
        labels = set(re.findall(r"^\.\. _(channels-[\w-]+):$", text, re.M))
        section = r"^\.\. _(channels-[\w-]+):\n\n.+\n([=\-~])\2{2,}$"
        titled = {match[1] for match in re.finditer(section, text, re.M)}
        named = set(re.findall(r":ref:`(channels-[\w-]+)`", text))
        self.assertTrue(named)
        self.assertEqual(named - titled, set())
        linked = set(re.findall(r":ref:`[^`<]+<(channels-[\w-]+)>`", text))
        self.assertEqual((named | linked) - labels, set())


class DependenciesTests(SimpleTestCase):
    def test_loaded_late(self):
        """Nothing is imported that only a server or a backend in use needs."""
        backend = "django.channels.backends.redis.RedisChannelBackend"
        code = (
            "import sys, django\n"
            "from django.conf import settings\n"
            f"backends = {{'default': {{'BACKEND': '{backend}'}}}}\n"
            "settings.configure(CHANNEL_BACKENDS=backends)\n"
            "django.setup()\n"
            "from django.core import checks\n"
            "assert not checks.run_checks(), checks.run_checks()\n"
            "from django.channels import Channel, Group, view_consumer\n"
            "from django.channels.interfaces import development\n"
            "from django.core.handlers.wsgi import WSGIHandler\n"
            "from django.core.management.commands import runserver, runwsserver\n"
            "late = {'twisted', 'autobahn', 'httptools', 'redis', 'cryptography'}\n"
            "print(*late & {*sys.modules})"
        )
        self.assertEqual(printed_by(code), "\n")
