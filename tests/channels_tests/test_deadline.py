import asyncio
import importlib
from unittest import mock

from django.channels import deadline as module
from django.test import SimpleTestCase


class DeadlineTests(SimpleTestCase):
    """Python's own class and the one for Python 3.10 do the same."""

    def setUp(self):
        missing = mock.patch.object(asyncio, "timeout", create=True)
        with missing:
            del asyncio.timeout
            self.classes = [importlib.reload(module).deadline]
        self.classes.append(importlib.reload(module).deadline)

    async def test_in_time(self):
        for deadline in self.classes:
            for seconds in (None, 60):
                async with deadline(seconds):
                    await asyncio.sleep(0)

    async def test_too_late(self):
        async def wait_too_long(deadline):
            limit = deadline(0.01)
            with self.assertRaises(asyncio.TimeoutError):
                async with limit:
                    await asyncio.sleep(60)
            self.assertIs(limit.expired(), True)

        for deadline in self.classes:
            with self.subTest(deadline=deadline):
                # In a task of its own: Python 3.11 counts how often one was
                # cancelled, which the class for 3.10 knows nothing of.
                await asyncio.create_task(wait_too_long(deadline))

    async def test_other_cancellation(self):
        for deadline in self.classes:
            with self.subTest(deadline=deadline):
                with self.assertRaises(asyncio.CancelledError):
                    async with deadline(60):
                        raise asyncio.CancelledError
