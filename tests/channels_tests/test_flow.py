import asyncio
import threading

from django.channels.flow import Flow
from django.test import SimpleTestCase


class FlowTests(SimpleTestCase):
    def test_take_within_window(self):
        flow = Flow(10)
        self.assertIs(flow.take(4), True)
        self.assertIs(flow.take(4), True)

    def test_large_piece(self):
        """A piece larger than the window is let through, and owed."""
        flow = Flow(10)
        self.assertIs(flow.take(100), True)
        flow.give(90)
        event = threading.Event()
        self.assertIs(flow._took(1, event.set), False)
        flow.give(1)
        self.assertTrue(event.is_set())
        self.assertIs(flow.take(1), True)

    def test_waits_for_the_reader(self):
        """A maker that is ahead goes on when the reader has caught up."""
        flow = Flow(1)
        flow.take(1)
        taken = []
        thread = threading.Thread(target=lambda: taken.append(flow.take(1)))
        thread.start()
        flow.give(1)
        thread.join(10)
        self.assertEqual(taken, [True])

    def test_close_wakes(self):
        """A maker that waits when the client leaves is told."""
        flow = Flow(1)
        flow.take(1)
        taken = []
        thread = threading.Thread(target=lambda: taken.append(flow.take(1)))
        thread.start()
        flow.close()
        thread.join(10)
        self.assertEqual(taken, [False])
        self.assertIs(flow.take(1), False)

    def test_async(self):
        """On an event loop, waiting lets other tasks run."""

        async def main():
            flow = Flow(1)
            results = [await flow.atake(1)]
            waiting = asyncio.create_task(flow.atake(1))
            await asyncio.sleep(0)
            self.assertIs(waiting.done(), False)
            threading.Thread(target=flow.give, args=[1]).start()
            results.append(await waiting)
            flow.close()
            results.append(await flow.atake(1))
            return results

        self.assertEqual(asyncio.run(main()), [True, True, False])

    def test_loop_is_gone(self):
        """Giving to a maker whose event loop was closed is no error."""
        flow = Flow(1)

        async def main():
            await flow.atake(1)
            task = asyncio.create_task(flow.atake(1))
            await asyncio.sleep(0)
            task.cancel()

        asyncio.run(main())
        flow.give(1)
