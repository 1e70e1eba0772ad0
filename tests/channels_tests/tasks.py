"""Tasks for the tests of the backend."""

import asyncio
import threading

from django.channels.tasks.api import TaskContext, task

# What has been called.
calls = []
go = threading.Event()


@task()
def add(a, b=0):
    calls.append((a, b))
    return {"sum": a + b}


@task()
async def aadd(a, b=0):
    calls.append((a, b))
    return {"sum": a + b}


@task()
def fail(text):
    raise LookupError(text)


@task()
async def afail(text):
    raise LookupError(text)


@task()
async def await_cancelled():
    other = asyncio.create_task(asyncio.sleep(60))
    other.cancel()
    await other


@task()
async def await_long():
    calls.append("begun")
    await asyncio.sleep(60)


@task()
def leave():
    raise SystemExit(3)


@task()
def interrupt():
    raise KeyboardInterrupt


@task()
def answer_with(kind):
    return {"object": object(), "large": "x" * 2000}[kind]


@task()
def repeat(text):
    return text


@task(takes_context=True)
def look(context, text):
    assert isinstance(context, TaskContext)
    result = context.task_result
    return [result.id, context.attempt, str(result.status), text]


@task(takes_context=True)
async def alook(context):
    return context.attempt


@task()
def wait():
    calls.append("begun")
    go.wait(60)


@task(takes_context=True)
def hang_at_first(context):
    """The first attempt has no end."""
    if context.attempt == 1:
        threading.Event().wait()
    return context.attempt
