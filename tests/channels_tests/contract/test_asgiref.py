import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, ContextVar

from asgiref.local import Local
from asgiref.sync import (
    SyncToAsync,
    ThreadSensitiveContext,
    async_to_sync,
    iscoroutinefunction,
    sync_to_async,
)

from django.test import SimpleTestCase

from .relying import relied_on

LOOP = "django/channels/loop.py"


def on_a_loop(function):
    """Run a coroutine function on a loop in a thread of its own, as a worker."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(function())).result()


class AsgirefTests(SimpleTestCase):
    @relied_on(
        "django/channels/thread_connections.py",
        "what a thread has of a thread-critical Local is in its _storage, a "
        "threading.local, and so is what code on the thread's event loop has.",
    )
    def test_local(self):
        async def run():
            before = bool(storage.__dict__)
            local.other = 1
            return before, bool(storage.__dict__)

        local = Local(thread_critical=True)
        storage = local._storage
        self.assertIs(type(storage), threading.local)
        self.assertEqual(storage.__dict__, {})
        local.name = 1
        self.assertNotEqual(storage.__dict__, {})
        self.assertEqual(on_a_loop(run), (False, True))
        del local.name
        self.assertEqual(storage.__dict__, {})

    @relied_on(
        "django/channels/thread_connections.py",
        "what a context has of another Local is in the _data of its _storage, a "
        "ContextVar without a default, as soon as there was any.",
    )
    def test_local_of_a_context(self):
        def run():
            found = [data.get(None)]
            local.name = 1
            return [*found, data.get(None)]

        local = Local()
        data = local._storage._data
        self.assertIs(type(data), ContextVar)
        before, after = Context().run(run)
        self.assertIsNone(before)
        self.assertIsNotNone(after)

    @relied_on(
        LOOP,
        "SyncToAsync.context_to_thread_executor has a context as soon as "
        "plain code ran in it, and not before: only then is there a "
        "database connection to close.",
    )
    def test_context_to_thread_executor(self):
        async def found():
            executors = SyncToAsync.context_to_thread_executor
            async with ThreadSensitiveContext() as context:
                before = context in executors
                await sync_to_async(int)()
                during = context in executors
            return before, during, context in executors

        self.assertEqual(on_a_loop(found), (False, True, False))

    @relied_on(
        "django/channels/asgi_exchange.py",
        "SyncToAsync.thread_sensitive_context has the context of the block.",
    )
    def test_current_context(self):
        async def found():
            async with ThreadSensitiveContext() as context:
                return context is SyncToAsync.thread_sensitive_context.get()

        self.assertIs(on_a_loop(found), True)

    @relied_on(LOOP, "each ThreadSensitiveContext has one thread, and one of its own.")
    def test_thread_sensitive_context(self):
        async def threads():
            async with ThreadSensitiveContext():
                ident = sync_to_async(threading.get_ident)
                found = {await ident(), await ident()}
                # A thread that ends may leave its number to another.
                await barrier()
                return found

        async def barrier():
            waiting.append(True)
            if len(waiting) == 2:
                both.set()
            await both.wait()

        async def found():
            nonlocal both
            both = asyncio.Event()
            return await asyncio.gather(threads(), threads())

        both, waiting = None, []
        one, two = on_a_loop(found)
        self.assertEqual((len(one), len(two)), (1, 1))
        self.assertNotEqual(one, two)

    @relied_on(
        "django/channels/interfaces/exchange.py",
        "sync_to_async(next, thread_sensitive=True) takes a default, so that no "
        "StopIteration gets into a coroutine.",
    )
    async def test_next(self):
        step = sync_to_async(next, thread_sensitive=True)
        self.assertEqual(await step(iter([]), "end"), "end")

    @relied_on(
        "django/channels/inline.py django/channels/views.py",
        "async_to_sync() runs a coroutine function where no loop runs, and plain "
        "code below it in the caller's thread.",
    )
    def test_async_to_sync(self):
        async def thread():
            return await sync_to_async(threading.get_ident)()

        self.assertEqual(async_to_sync(thread)(), threading.get_ident())

    @relied_on(
        "django/channels/registry.py django/channels/server_request.py",
        "iscoroutinefunction() tells async functions and what was marked as one.",
    )
    def test_iscoroutinefunction(self):
        async def function():
            pass

        self.assertIs(iscoroutinefunction(function), True)
        self.assertIs(iscoroutinefunction(lambda: None), False)
        self.assertIs(iscoroutinefunction(None), False)
