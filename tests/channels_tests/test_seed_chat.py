"""
The chat and the task of channels 0.1 (2015), under today's runserver, as they
were typed then but for the import line.
"""

import contextlib
from pathlib import Path
from urllib.request import urlopen

from django.test import SimpleTestCase

from .projects import Project
from .running import Redis, enter_for_class, missing, open_websocket

SEED_CHAT = Path(__file__).resolve().parent / "seed_chat"


class SeedChatTests:
    """What either chat does. Subclasses start the ``project``."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.project = enter_for_class(cls, cls.start())

    def enter(self, stack):
        return stack.enter_context(open_websocket(self.project.url("/", "ws")))

    def test_two_clients_talk(self):
        """A frame of either goes to both, in the order they were sent."""
        with contextlib.ExitStack() as stack:
            one, other = self.enter(stack), self.enter(stack)
            for sender, text in [(one, "hello"), (other, "héllo ✓"), (one, "bye")]:
                sender.send(text)
                self.assertEqual(one.recv(timeout=30), text)
                self.assertEqual(other.recv(timeout=30), text)

    def test_binary_frames_are_ignored(self):
        with contextlib.ExitStack() as stack:
            client = self.enter(stack)
            client.send(b"\x00\xff")
            client.send("text")
            self.assertEqual(client.recv(timeout=30), "text")

    def test_one_leaves(self):
        """Who is left goes on, also where the other has just vanished."""
        with contextlib.ExitStack() as stack:
            one, other = self.enter(stack), self.enter(stack)
            other.socket.close()
            one.send("alone")
            self.assertEqual(one.recv(timeout=30), "alone")

    def test_task(self):
        """A view sends a task to a worker, which runs it with its value."""
        with urlopen(self.project.url("/push/"), timeout=30) as response:
            self.assertEqual(response.read(), b"sent")
        with urlopen(self.project.url("/done/"), timeout=30) as response:
            self.assertEqual(response.read(), b"a_task_channel got 3")


class SeedChatWithRedisTests(SeedChatTests, SimpleTestCase):
    """The members are in a Redis set, as in 2015."""

    @classmethod
    @contextlib.contextmanager
    def start(cls):
        try:
            import redis  # NOQA: F401
        except ImportError:
            missing("redis-py")
        with Redis() as server:
            url = server.url
            with Project(
                SEED_CHAT, SEED_CHAT="with_redis", SEED_REDIS_URL=url
            ) as project:
                yield project


class SeedChatWithGroupTests(SeedChatTests, SimpleTestCase):
    """The members are in a Group."""

    @classmethod
    def start(cls):
        return Project(SEED_CHAT, SEED_CHAT="with_group")


class TwoServersTests(SeedChatTests, SimpleTestCase):
    """Two processes share a Redis server; clients come to them in turn."""

    @classmethod
    @contextlib.contextmanager
    def start(cls):
        with Redis() as server, contextlib.ExitStack() as stack:
            cls.projects = [
                stack.enter_context(
                    Project(
                        SEED_CHAT, SEED_CHAT="with_group", SEED_CHANNELS_URL=server.url
                    )
                )
                for _ in "12"
            ]
            yield cls.projects[0]

    def enter(self, stack):
        self.projects.reverse()
        url = self.projects[0].url("/", "ws")
        return stack.enter_context(open_websocket(url))

    # Either process may run the task, and the view knows only of its own.
    test_task = None
